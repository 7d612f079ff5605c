#include "common/clock.hpp"
#include "sibling_link.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <asio/post.hpp>

#include <chrono>
#include <utility>

namespace moqrtc::reference {
namespace {

constexpr std::uint64_t any_streams = std::uint64_t{1} << 30;
/// Records in one go; then sockets get their turn.
constexpr int batch = 256;
constexpr std::chrono::milliseconds pause{500};

} // namespace

sibling_link::sibling_link(side here, record_ring& out, record_ring& in)
    : here_{std::move(here)}, out_{&out}, in_{&in}, again_{*here_.context} {}

sibling_link::~sibling_link() = default;

void sibling_link::start(instant now) {
    if (!here_.client) return;
    ++epoch_;
    open(now);
}

/// Makes the session of the present epoch.
void sibling_link::open(instant now) {
    moqt::session_config config;
    config.self = here_.client ? moqt::role::client : moqt::role::server;
    config.version = moqt::spoken_drafts.front();
    config.authority = "localhost";
    config.path = "/";
    config.max_requests = std::uint64_t{1} << 20;
    config.max_control_queue = std::size_t{64} << 20;
    config.max_early_bytes = config.max_unknown_alias_bytes = std::size_t{16} << 20;
    moqt::session_info info;
    info.label = "shard " + std::to_string(here_.other);
    info.peer = info.label;
    info.upstream = here_.upstream;
    info.sibling = true;
    const auto key = here_.relay->add_session(now, std::move(config), std::move(info));
    if (!key) return begin_again();
    key_ = *key;
    // At once: a relay that finds no stream left says PUBLISH_BLOCKED and never offers again.
    here_.relay->at(key_).handle_stream_credit(any_streams, any_streams);
    if (here_.client && !push(hello, 0, 0, {})) return drop(now);
    here_.settle();
}

void sibling_link::drop(instant now) {
    if (key_.valid()) here_.relay->remove_session(now, std::exchange(key_, {}));
    held_.reset();
    begin_again();
    here_.settle();
}

void sibling_link::begin_again() {
    if (!here_.client) return; // the other end begins
    again_.expires_after(pause);
    again_.async_wait([this](std::error_code failure) {
        if (!failure && !key_.valid()) start(steady_now());
    });
}

void sibling_link::tell_other() {
    if (!out_->told.exchange(true))
        asio::post(*other_->here_.context, [to = other_] { to->receive(); });
}

/// Asks to be told when the ring has room; false when it has some already.
bool sibling_link::wait_for_room() {
    out_->starved.store(true);
    std::size_t size = 0;
    if (out_->reserve(record_ring::largest, size) == nullptr) return true;
    out_->starved.store(false);
    return false;
}

bool sibling_link::push(kind what, std::uint64_t stream, std::uint64_t value, bytes content) {
    do {
        if (!out_->push({what, epoch_, stream, value, false}, content)) continue;
        tell_other();
        return true;
    } while (!wait_for_room());
    return false;
}

void sibling_link::flush(instant now) {
    if (flushing_) return;
    flushing_ = true;
    for (bool more = true; more && key_.valid();) {
        auto& session = here_.relay->at(key_);
        session.handle_stream_credit(any_streams, any_streams);
        more = false;
        if (!send_operations(session)) break;
        if (!key_.valid()) break;
        more = send_streams(now, session);
        // What has left makes room for more of what was held back.
        if (more) here_.relay->handle_ready(now, key_);
    }
    flushing_ = false;
}

/// False when the ring is full.
bool sibling_link::send_operations(moqt::session& session) {
    if (held_) {
        if (!carry(*held_)) return false;
        held_.reset();
    }
    while (auto op = session.poll_transmit()) {
        if (op->what == moqt::transport_op::kind::close) {
            (void)push(bye, 0, op->code, {});
            // Not now: the relay may be in the middle of what made the session end.
            asio::post(*here_.context, [this, key = key_] {
                if (key_ == key) drop(steady_now());
            });
            return false;
        }
        if (carry(*op)) continue;
        held_ = std::move(*op);
        return false;
    }
    return true;
}

bool sibling_link::carry(const moqt::transport_op& op) {
    using what = moqt::transport_op::kind;
    switch (op.what) {
    case what::reset:
        return push(reset, op.stream, op.code, {});
    case what::stop_sending:
        return push(stop_sending, op.stream, op.code, {});
    case what::datagram:
        // As on a network: what finds no room is lost.
        if (out_->push({datagram, epoch_, 0, 0, false}, op.data.view())) tell_other();
        return true;
    case what::close:
        break;
    }
    return true;
}

/// Whether anything was sent.
bool sibling_link::send_streams(instant now, moqt::session& session) {
    bool sent = false;
    while (const auto offer = session.poll_send(now)) {
        if (!copy_out(now, session, *offer)) break;
        sent = true;
    }
    if (sent) tell_other();
    return sent;
}

bool sibling_link::copy_out(instant now, moqt::session& session, const moqt::stream_send& offer) {
    const auto total = offer.size();
    std::size_t room = 0;
    std::byte* into = nullptr;
    while ((into = out_->reserve(total, room)) == nullptr)
        if (wait_for_room()) return false;
    std::size_t filled = 0;
    for (std::size_t i = 0; i < offer.count && filled < room; ++i) {
        const auto part = offer.chunks[i].first(std::min(room - filled, offer.chunks[i].size()));
        if (part.empty()) continue;
        std::memcpy(into + filled, part.data(), part.size());
        filled += part.size();
    }
    const bool fin = offer.fin && filled == total;
    out_->commit({data, epoch_, offer.stream, 0, fin}, filled);
    session.handle_sent(now, offer.stream, filled, fin);
    session.handle_acked(now, offer.stream, filled, fin);
    return true;
}

void sibling_link::receive() {
    // Before the ring is looked at: what is pushed from here on tells again.
    in_->told.store(false);
    const auto now = steady_now();
    record_ring::record next;
    int left = batch;
    for (; left > 0 && in_->front(next); --left) {
        take(now, next);
        in_->pop();
    }
    if (in_->starved.exchange(false))
        asio::post(*other_->here_.context, [to = other_] { to->resume(); });
    if (left == 0 && !in_->told.exchange(true)) asio::post(*here_.context, [this] { receive(); });
    here_.settle();
}

/// The ring has room again.
void sibling_link::resume() {
    flush(steady_now());
    here_.settle();
}

void sibling_link::take(instant now, const record_ring::record& record) {
    const auto& what = record.what;
    if (what.kind == hello) {
        if (key_.valid()) here_.relay->remove_session(now, std::exchange(key_, {}));
        held_.reset();
        epoch_ = what.epoch;
        return open(now);
    }
    if (!key_.valid() || what.epoch != epoch_) return;
    auto& session = here_.relay->at(key_);
    switch (what.kind) {
    case data: {
        // The session stops only for its events; draining makes room for the rest.
        auto rest = record.data;
        do {
            rest = rest.subspan(session.handle_stream(now, what.stream, rest, what.fin));
            here_.relay->handle_ready(now, key_);
        } while (!rest.empty() && !session.closed());
        return;
    }
    case reset:
        session.handle_reset(now, what.stream, what.value);
        break;
    case stop_sending:
        session.handle_stop_sending(now, what.stream, what.value);
        break;
    case datagram:
        session.handle_datagram(now, record.data);
        break;
    default: // bye
        session.handle_transport_closed(now, what.value, "the sibling closed it", true);
        here_.relay->handle_ready(now, key_);
        return drop(now);
    }
    here_.relay->handle_ready(now, key_);
}

} // namespace moqrtc::reference
