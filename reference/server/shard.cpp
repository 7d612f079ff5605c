#include "common/clock.hpp"
#include "common/moqt_connection.hpp"
#include "common/webtransport_client.hpp"
#include "shard_link.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <asio/post.hpp>

#include <utility>

namespace moqrtc::reference {
namespace {

/// How long sessions may take to leave when their path of media is switched off.
constexpr duration killed_after = seconds(1);

/// UNAUTHORIZED, the same number in every draft.
constexpr std::uint64_t moqt_unauthorized = 0x2;
/// Beyond the time that a session has to show a credential: it then says itself why it ends.
constexpr duration newcomer_grace = seconds(1);
constexpr duration meter_interval = seconds(1);

/// What one shard may have sent and another not yet read.
constexpr std::size_t sibling_ring = std::size_t{1} << 20;
constexpr std::chrono::milliseconds lag_interval{100};

} // namespace

bool shard::newcomer::is_settled() const {
    const auto alive = who.lock();
    return alive == nullptr || (*alive)->is_trusted() || !(*alive)->is_open();
}

void shard::newcomer::send_away() const {
    const auto alive = who.lock();
    if (alive == nullptr) return;
    const bool http = (*alive)->protocol() == http3_protocol;
    (*alive)->close(http ? static_cast<std::uint64_t>(webtransport::http_code::h3_excessive_load)
                         : moqt_unauthorized,
                    moqt::no_credential_in_time);
}

shard::shard(std::uint8_t index, config settings, quic_secrets secrets, log_handler log)
    : index_{index},
      config_{std::move(settings)},
      log_{std::move(log)},
      work_{asio::make_work_guard(context_)},
      pool_{config_.pool_limit},
      doors_{door_config()},
      gate_{doors_, config_.ledger},
      newcomers_{{config_.ledger->limits().unauthorized,
                  config_.ledger->limits().unauthorized_time + newcomer_grace},
                 config_.ledger->unauthorized},
      timer_{context_},
      lag_timer_{context_} {
    relay_ = std::make_unique<moqt::relay>(steady_now(), config_.relay, pool_, gate_);
    config_.quic.shard = index;
    if (config_.tokens) {
        config_.quic.early_bytes = config_.ledger->limits().unauthorized_bytes;
        config_.quic.early_streams = config_.ledger->limits().unauthorized_streams;
    }
    endpoint_ = std::make_unique<quic_endpoint>(context_, config_.quic, std::move(secrets));
    for (const auto& where : config_.upstreams)
        upstreams_.push_back({where, nullptr, std::make_unique<asio::steady_timer>(context_), 0});
    open_web();
}

void shard::open_web() {
    web_.connection = config_.webtransport;
    web_.connection.self = webtransport::role::server;
    web_.drafts = config_.drafts;
    web_.fallback = config_.webtransport_fallback;
    web_.pool = &pool_;
    web_.decide = [this](const door_request& request) { return admit(request); };
    web_.make_link = [this](moqt_carrier& carrier) {
        return std::make_unique<link>(*this, carrier, SIZE_MAX);
    };
    web_.admitted = [](carried& to, std::shared_ptr<const void> pass) {
        static_cast<link&>(to).came_in_with(std::move(pass));
    };
    web_.answer = config_.files;
    web_.post = [this](std::function<void()> work) { post(std::move(work)); };
}

/// Before anything of the session exists, and before its token costs anything.
door_answer shard::admit(const door_request& request) {
    if (leaving_) return {503, "draining"};
    auto counted = gate_.ledger().enter(request.from, steady_now());
    if (!counted) return {429, to_string(counted.error())};
    auto answer = doors_.enter(request);
    if (answer.status == 200) arriving_ = std::move(*counted);
    return answer;
}

/// A client of native QUIC: the address is known to be its own by now.
bool shard::arrive(const socket_address& from) {
    auto counted = gate_.ledger().enter(from, steady_now());
    if (!counted) return false;
    arriving_ = std::move(*counted);
    return true;
}

token_doors::config shard::door_config() {
    token_doors::config out;
    out.doors = config_.doors;
    out.audiences = config_.audiences;
    out.used = config_.used;
    out.take_back = [this](sha256_digest token) {
        post([this, token] {
            doors_.take_back(token);
            relay_->revoke(steady_now());
            settle();
        });
    };
    return out;
}

void shard::use_access(std::shared_ptr<const access_snapshot> now) {
    const auto then = steady_now();
    doors_.use(std::move(now));
    relay_->revoke(then);
    // Switched off: who is here is asked to leave, and has a moment for that.
    if (doors_.current().is_killed(media_path::moq)) relay_->goaway(then, {}, killed_after);
    settle();
}

shard::~shard() {
    stop();
    endpoint_.reset(); // links refer to the relay
    siblings_.clear();
    relay_.reset();
}

void shard::join(shard& first, shard& second, bool upstream) {
    auto there = std::make_shared<record_ring>(sibling_ring);
    auto back = std::make_shared<record_ring>(sibling_ring);
    const auto end = [&](shard& here, const shard& other, record_ring& out, record_ring& in) {
        const bool client = &here == &second;
        here.siblings_.push_back(std::make_unique<sibling_link>(
            sibling_link::side{here.relay_.get(), &here.context_, [&here] { here.settle(); },
                               client, client && upstream, other.index_},
            out, in));
        here.rings_.insert(here.rings_.end(), {there, back});
    };
    end(first, second, *there, *back);
    end(second, first, *back, *there);
    first.siblings_.back()->meet(*second.siblings_.back());
    second.siblings_.back()->meet(*first.siblings_.back());
}

std::error_code shard::listen(const socket_address& local, bool share_port,
                              std::shared_ptr<const tls_server> tls) {
    return endpoint_->listen(
        local, share_port, std::move(tls),
        [this](quic_connection& connection,
               std::string_view protocol) -> std::unique_ptr<connection_handler> {
            connection.allow_migration(!doors_.current().required);
            const bool web = protocol == http3_protocol;
            if (!web && !arrive(connection.peer())) return nullptr;
            if (config_.tokens) newcomers_.add(steady_now(), {connection.watch()});
            if (web) return std::make_unique<http3_connection>(connection, web_);
            return std::make_unique<moqt_connection>(connection, web_.make_link, config_.drafts);
        });
}

std::expected<void, std::string> shard::prepare_upstreams() {
    if (upstreams_.empty()) return {};
    auto tls = tls_client::make(config_.upstream_trust);
    if (!tls) return std::unexpected(tls.error());
    upstream_tls_ = std::move(*tls);
    return {};
}

void shard::start() {
    for (std::size_t i = 0; i < upstreams_.size(); ++i)
        asio::post(context_, [this, i] { connect(i); });
    asio::post(context_, [this] {
        for (const auto& sibling : siblings_)
            sibling->start(steady_now());
        watch_lag();
    });
    thread_ = std::thread{[this] { context_.run(); }};
}

void shard::stop() {
    if (!thread_.joinable()) return;
    work_.reset();
    context_.stop();
    thread_.join();
}

void shard::post(std::function<void()> work) {
    asio::post(context_, std::move(work));
}

/// Keeps one connection to an upstream relay; tries again after a growing pause.
void shard::connect(std::size_t index) {
    auto& up = upstreams_[index];
    if (up.connection != nullptr || leaving_) return;
    const auto pause = up.failures == 0 ? 0 : std::min(100 << std::min(up.failures, 5), 2000);
    ++up.failures;
    up.retry->expires_after(std::chrono::milliseconds{pause});
    up.retry->async_wait([this, index](std::error_code failure) {
        if (failure || leaving_) return;
        auto& to = upstreams_[index];
        connect_options options;
        options.host = to.where.host;
        options.port = to.where.port;
        options.tls = upstream_tls_;
        options.protocols =
            client_protocols(to.where.how == locator::scheme::https ? transport_choice::webtransport
                                                                    : transport_choice::quic,
                             config_.drafts);
        endpoint_->connect(options, [this, index](quic_connection& connection) {
            const auto& where = upstreams_[index].where;
            return make_client_handler(
                connection, pool_, {where, config_.drafts}, [this, index](moqt_carrier& carrier) {
                    auto made = std::make_unique<link>(*this, carrier, index);
                    upstreams_[index].connection = made.get();
                    return made;
                });
        });
    });
}

/// After anything happened: gives the sessions that the relay names to their transports, tells the
/// log, and sets the timer.
void shard::settle() {
    if (settling_) return;
    settling_ = true;
    while (const auto key = relay_->poll_ready()) {
        if (const auto found = links_.find(*key); found != links_.end()) {
            found->second->flush();
            continue;
        }
        for (const auto& sibling : siblings_)
            if (sibling->key() == *key) sibling->flush(steady_now());
    }
    while (const auto event = relay_->poll_event()) {
        const auto found = links_.find(event->session);
        std::string peer;
        if (found != links_.end() && event->what == moqt::relay_event::kind::session_up) {
            peer = found->second->label();
            if (found->second->is_upstream())
                upstreams_[found->second->upstream_index()].failures = 0;
        }
        log_(steady_now(), *event, peer);
    }
    settling_ = false;
    arm();
}

void shard::watch_lag() {
    lag_timer_.expires_after(lag_interval);
    lag_timer_.async_wait([this](std::error_code failure) {
        if (failure) return;
        const auto late = std::chrono::steady_clock::now() - lag_timer_.expiry();
        lag_.add({std::chrono::duration_cast<std::chrono::microseconds>(late).count()});
        const auto now = steady_now();
        newcomers_.sweep(now);
        if (now - metered_ >= meter_interval) meter(now);
        watch_lag();
    });
}

/// What accounts move, for the bound on that.
void shard::meter(instant now) {
    metered_ = now;
    arriving_.release(); // of a session that was let in and could not be made
    for (const auto& [key, one] : links_)
        if (auto* account = gate_.account_of(key))
            gate_.ledger().meter(*account, one->moved(), now);
}

void shard::arm() {
    const auto next = relay_->next_timeout();
    if (next == armed_) return;
    armed_ = next;
    if (next == never) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point{std::chrono::microseconds{next.us}});
    timer_.async_wait([this](std::error_code failure) {
        if (failure) return;
        armed_ = never;
        const auto now = steady_now();
        relay_->handle_timeout(now);
        settle();
    });
}

shard_report shard::report(bool everything) {
    shard_report out;
    out.relay = relay_->statistics();
    out.quic = endpoint_->statistics();
    if (everything) {
        out.tracks = relay_->tracks();
        out.sessions = relay_->sessions();
        for (const auto& one : out.sessions) {
            const auto found = links_.find(one.key);
            if (found == links_.end()) {
                out.traffic.emplace_back();
                continue;
            }
            const auto now = found->second->transport().info();
            out.traffic.push_back({now.bytes_received, now.bytes_sent, now.smoothed_rtt});
        }
        out.namespaces = relay_->namespaces();
    }
    out.upstreams = upstreams_.size();
    out.pool_bytes = pool_.used();
    out.http3 = web_.statistics;
    out.doors = doors_.counted();
    out.crowded_out = newcomers_.counted().crowded_out;
    out.too_late = newcomers_.counted().too_late;
    out.tokens = doors_.verified();
    out.lag = lag_;
    out.sent_quic = sent_quic_;
    out.sent_webtransport = sent_webtransport_;
    for (const auto& [key, one] : links_) {
        const bool web = one->carrier().webtransport_path().has_value();
        ++(web ? out.sessions_webtransport : out.sessions_quic);
        (web ? out.sent_webtransport : out.sent_quic) += one->transport().info().bytes_sent;
    }
    for (const auto& up : upstreams_)
        if (up.connection != nullptr && up.connection->established()) ++out.upstreams_connected;
    return out;
}

std::size_t shard::clients() const {
    std::size_t out = 0;
    for (const auto& [key, one] : links_)
        out += one->is_upstream() ? 0 : 1;
    return out;
}

bool shard::end_session(moqt::session_key which, std::string_view reason) {
    const auto found = links_.find(which);
    if (found == links_.end()) return false;
    found->second->leave(steady_now(), reason);
    return true;
}

void shard::drain(duration timeout) {
    leaving_ = true;
    endpoint_->stop_accepting();
    const auto now = steady_now();
    relay_->goaway(now, {}, timeout);
    for (auto* one : web_.open)
        one->leave(now);
    settle();
}

void shard::close_all() {
    leaving_ = true;
    for (auto& up : upstreams_)
        up.retry->cancel();
    // Sessions say so themselves; what has none is told in the words of HTTP/3, where it has words.
    const auto now = steady_now();
    for (const auto& [key, one] : links_)
        one->leave(now);
    endpoint_->close_all(static_cast<std::uint64_t>(webtransport::http_code::h3_no_error),
                         "the relay ends");
}

} // namespace moqrtc::reference
