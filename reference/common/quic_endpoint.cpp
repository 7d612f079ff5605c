#include "clock.hpp"
#include "quic_endpoint.hpp"

#include <asio/post.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace moqrtc::reference {
namespace {

/// The most that one segmented send takes (65,535 less the headers of IP and UDP).
constexpr std::size_t largest_send = 65'487;
/// Batched reads, and rounds of writing, before other work of the thread gets its turn.
constexpr int reads_per_turn = 4;
constexpr int rounds_per_turn = 4;

std::uint64_t random_key() {
    std::uint64_t key = 0;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key) != 1)
        throw std::runtime_error{"no random numbers from the system"};
    return key;
}

} // namespace

quic_endpoint::quic_endpoint(asio::io_context& context, quic_config config, quic_secrets secrets)
    : context_{context},
      config_{std::move(config)},
      secrets_{secrets},
      send_buffer_(largest_send),
      table_{64, connection_id_hash{random_key()}},
      timer_{context},
      resolver_{context},
      self_{std::make_shared<quic_endpoint*>(this)} {
    ngtcp2_crypto_ossl_init();
}

quic_endpoint::~quic_endpoint() {
    // Connections refer to the table while they go.
    connections_.clear();
}

std::error_code quic_endpoint::listen(const socket_address& local, bool share_port,
                                      std::shared_ptr<const tls_server> tls,
                                      accept_handler accept) {
    auto socket = udp_socket::bind(context_, local, share_port);
    if (!socket) return socket.error();
    socket_ = std::move(*socket);
    if (!config_.segmentation_offload) socket_->disable_segmentation();
    tls_ = std::move(tls);
    accept_ = std::move(accept);
    arm_read(socket_, nullptr);
    return {};
}

socket_address quic_endpoint::local() const noexcept {
    return socket_ == nullptr ? socket_address{} : socket_->local();
}

quic_connection& quic_endpoint::add_connection(bool server) {
    std::unique_ptr<quic_connection> fresh{new quic_connection{*this, server}};
    fresh->slot_ = connections_.size();
    connections_.push_back(std::move(fresh));
    return *connections_.back();
}

quic_connection& quic_endpoint::connect(const connect_options& options,
                                        const connect_handler& make) {
    auto& connection = add_connection(false);
    connection.tls_client_ = options.tls;
    connection.host_ = options.server_name.empty() ? options.host : options.server_name;
    connection.offer_ = options.protocols;
    connection.token_place_ = options.host + ' ' + std::to_string(options.port);
    connection.handler_ = make(connection);
    resolve(connection, options.host, options.port);
    return connection;
}

void quic_endpoint::resolve(quic_connection& connection, const std::string& host,
                            std::uint16_t port) {
    const std::weak_ptr<quic_connection*> weak = connection.self_;
    const auto begin = [this, weak](std::vector<socket_address> addresses) {
        const auto alive = weak.lock();
        if (alive == nullptr || (*alive)->phase_ != quic_connection::phase::resolving) return;
        (*alive)->start_client(steady_now(), std::move(addresses));
        turn();
    };
    if (const auto numeric = socket_address::parse(host, port)) {
        asio::post(context_, [begin, address = *numeric] { begin({address}); });
        return;
    }
    resolver_.async_resolve(host, std::to_string(port),
                            [weak, begin](const asio::error_code& failure,
                                          const asio::ip::udp::resolver::results_type& results) {
                                const auto alive = weak.lock();
                                if (alive == nullptr) return;
                                auto& c = **alive;
                                if (failure) {
                                    if (c.phase_ == quic_connection::phase::resolving)
                                        c.fail_unreachable(steady_now(),
                                                           c.host_ + ": " + failure.message());
                                    return;
                                }
                                std::vector<socket_address> addresses;
                                for (const auto& result : results) {
                                    const auto endpoint = result.endpoint();
                                    const socket_address address{
                                        endpoint.data(), static_cast<socklen_t>(endpoint.size())};
                                    if (std::ranges::find(addresses, address) == addresses.end())
                                        addresses.push_back(address);
                                }
                                begin(std::move(addresses));
                            });
}

std::expected<std::shared_ptr<udp_socket>, std::error_code>
quic_endpoint::client_socket(quic_connection& connection, const socket_address& remote) {
    auto socket = udp_socket::connect(context_, remote);
    if (!socket) return socket;
    if (!config_.segmentation_offload) (*socket)->disable_segmentation();
    arm_read(*socket, &connection);
    return socket;
}

void quic_endpoint::close_all(std::uint64_t code, std::string_view reason) {
    for (auto& connection : connections_)
        connection->close(code, reason);
}

std::size_t quic_endpoint::open_connections() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        connections_, [](const auto& connection) { return connection->handler_ != nullptr; }));
}

quic_statistics quic_endpoint::statistics() const {
    auto result = counters_;
    result.connections = connections_.size();
    for (const auto& connection : connections_)
        result.packets_lost += connection->info().packets_lost;
    return result;
}

void quic_endpoint::associate(quic_connection& connection, const connection_id& id) {
    table_[id] = &connection;
    connection.ids_.push_back(id);
}

void quic_endpoint::dissociate(const connection_id& id) {
    table_.erase(id);
}

bool quic_endpoint::new_connection_id(ngtcp2_cid& id, std::uint8_t* reset_token) const {
    std::array<std::uint8_t, connection_id::own_size> raw{};
    if (RAND_bytes(raw.data(), static_cast<int>(raw.size())) != 1) return false;
    raw[0] = config_.shard;
    ngtcp2_cid_init(&id, raw.data(), raw.size());
    return ngtcp2_crypto_generate_stateless_reset_token(reset_token,
                                                        secrets_.stateless_reset.data(),
                                                        secrets_.stateless_reset.size(), &id) == 0;
}

bool quic_endpoint::send(quic_connection& connection, const std::shared_ptr<udp_socket>& socket,
                         const socket_address& local, const socket_address& remote,
                         std::uint8_t ecn, bytes data, std::size_t segment) {
    if (socket->blocked()) {
        connection.write_blocked_ = true;
        return false;
    }
    counters_.send_calls += socket->segmentation() ? 1 : (data.size() + segment - 1) / segment;
    switch (socket->send(remote, local, ecn, data, segment)) {
    case udp_socket::status::failed:
        ++counters_.send_failures;
        return true;
    case udp_socket::status::blocked:
        ++counters_.send_blocked;
        connection.write_blocked_ = true;
        wait_until_writable(socket);
        break;
    case udp_socket::status::sent:
        break;
    }
    counters_.datagrams_sent += (data.size() + segment - 1) / segment;
    counters_.bytes_sent += data.size();
    return !socket->blocked();
}

void quic_endpoint::wait_until_writable(const std::shared_ptr<udp_socket>& socket) {
    socket->wait_writable([this, weak = std::weak_ptr{socket},
                           alive = std::weak_ptr{self_}](const asio::error_code& failure) {
        const auto held = weak.lock();
        if (failure || held == nullptr || alive.expired()) return;
        if (held->send_pending() == udp_socket::status::blocked) return wait_until_writable(held);
        for (auto& connection : connections_)
            if (std::exchange(connection->write_blocked_, false)) schedule(*connection);
    });
}

void quic_endpoint::arm_read(const std::shared_ptr<udp_socket>& socket, quic_connection* owner) {
    socket->wait_readable([this, owner, weak = std::weak_ptr{socket},
                           alive = std::weak_ptr{self_}](const asio::error_code& failure) {
        const auto held = weak.lock();
        if (failure || held == nullptr || alive.expired()) return;
        read_socket(held, owner);
    });
}

void quic_endpoint::read_socket(const std::shared_ptr<udp_socket>& socket, quic_connection* owner) {
    const std::weak_ptr<udp_socket> owned = socket;
    for (int i = 0; i < reads_per_turn; ++i) {
        const auto now = steady_now();
        const auto batch = socket->receive(batch_);
        ++counters_.receive_calls;
        for (const auto& read : batch) {
            counters_.bytes_received += read.data.size();
            for (auto rest = read.data; !rest.empty();) {
                const auto one = rest.first(std::min(read.segment, rest.size()));
                rest = rest.subspan(one.size());
                ++counters_.datagrams_received;
                handle_datagram(now, {read.local, read.remote, read.ecn, one}, owner, false);
            }
        }
        // The socket's owner lives as long as somebody besides this function holds the socket.
        if (owner != nullptr && i == 0 && socket->take_refused() && owned.use_count() > 1)
            owner->refused(now);
        turn();
        if (batch.size() < receive_batch::depth || owned.use_count() == 1) break;
    }
    if (owned.use_count() > 1) arm_read(socket, owner);
}

void quic_endpoint::handle_stray(const stray_datagram& datagram) {
    handle_datagram(steady_now(), datagram, nullptr, true);
}

void quic_endpoint::schedule(quic_connection& connection) {
    if (!std::exchange(connection.scheduled_, true)) wanting_turn_.push_back(&connection);
    if (!in_turn_) post_turn();
}

void quic_endpoint::post_turn() {
    if (std::exchange(turn_posted_, true)) return;
    asio::post(context_, [this, alive = std::weak_ptr{self_}] {
        if (alive.expired()) return;
        turn_posted_ = false;
        turn();
    });
}

void quic_endpoint::turn() {
    if (in_turn_) return;
    in_turn_ = true;
    for (int i = 0; i < rounds_per_turn && !wanting_turn_.empty(); ++i) {
        std::swap(taking_turn_, wanting_turn_);
        const auto now = steady_now();
        for (auto* connection : taking_turn_) {
            connection->scheduled_ = false;
            connection->flush(now);
            update_deadline(*connection);
        }
        taking_turn_.clear();
    }
    destroy_doomed();
    in_turn_ = false;
    if (!wanting_turn_.empty()) post_turn();
    arm_timer();
}

void quic_endpoint::update_deadline(quic_connection& connection) {
    if (connection.phase_ != quic_connection::phase::closed)
        return deadlines_.set(connection, connection.next_deadline());
    deadlines_.remove(connection);
    if (!std::exchange(connection.doomed_, true)) doomed_.push_back(&connection);
}

void quic_endpoint::destroy_doomed() {
    for (auto* connection : std::exchange(doomed_, {})) {
        if (connection->scheduled_) std::erase(wanting_turn_, connection);
        for (const auto& id : connection->ids_)
            if (const auto found = table_.find(id);
                found != table_.end() && found->second == connection)
                table_.erase(found);
        const auto slot = connection->slot_;
        std::swap(connections_[slot], connections_.back());
        connections_[slot]->slot_ = slot;
        connections_.pop_back();
    }
}

void quic_endpoint::arm_timer() {
    const auto next = deadlines_.next();
    // A timer that fires early costs one look at the heap; moving it costs more.
    if (next >= timer_armed_) return;
    timer_armed_ = next;
    timer_.expires_at(std::chrono::steady_clock::time_point{std::chrono::microseconds{next.us}});
    timer_.async_wait([this, alive = std::weak_ptr{self_}](const asio::error_code& failure) {
        if (failure || alive.expired()) return;
        timer_armed_ = never;
        handle_timer();
    });
}

void quic_endpoint::handle_timer() {
    const auto now = steady_now();
    while (deadlines_.next() <= now) {
        auto& connection = *deadlines_.front();
        deadlines_.remove(connection);
        connection.handle_timeout(now);
        schedule(connection);
    }
    turn();
}

} // namespace moqrtc::reference
