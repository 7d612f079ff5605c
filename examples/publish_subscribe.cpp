// A publisher and a subscriber in one process. The sessions know nothing of sockets: `carry` is the
// whole driver, here over memory; over QUIC it does the same with a real connection. docs/tour.md
// explains the loop.
#include <moqrtc/moqt/session/session.hpp>

#include <cstdio>
#include <string>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

// [driver]
/// Moves everything that `from` has for its transport to `to`; returns whether there was anything.
bool carry(session& from, session& to, instant now) {
    bool moved = false;
    while (const auto op = from.poll_transmit()) {
        moved = true;
        switch (op->what) {
        case transport_op::kind::reset:
            to.handle_reset(now, op->stream, op->code);
            break;
        case transport_op::kind::stop_sending:
            to.handle_stop_sending(now, op->stream, op->code);
            break;
        case transport_op::kind::datagram:
            to.handle_datagram(now, op->data);
            break;
        case transport_op::kind::close:
            to.handle_transport_closed(now, op->code, as_text(op->data), true);
            break;
        }
    }
    while (const auto offer = from.poll_send(now)) {
        moved = true;
        std::size_t sent = 0; // what the peer does not take now it gets again later
        bool whole = true;
        for (std::size_t i = 0; i < offer->count && whole; ++i) {
            const bool fin = offer->fin && i + 1 == offer->count;
            const auto taken = to.handle_stream(now, offer->stream, offer->chunks[i], fin);
            sent += taken;
            whole = taken == offer->chunks[i].size();
        }
        if (offer->count == 0) (void)to.handle_stream(now, offer->stream, {}, true);
        from.handle_sent(now, offer->stream, sent, whole && offer->fin);
        from.handle_acked(now, offer->stream, sent, whole && offer->fin);
        if (!whole) break;
    }
    return moved;
}
// [driver]

// [publisher]
/// Answers whoever subscribes with a greeting in each of three groups.
void publish(session& self, instant now) {
    while (const auto e = self.poll_event()) {
        if (e->what != event::kind::requested) continue;
        if (e->request != request_kind::subscribe) {
            (void)self.reject(now, e->id, request_error_code::not_supported, "only SUBSCRIBE");
            continue;
        }
        if (!self.accept_subscribe(now, e->id, /*alias*/ 1)) continue;
        for (std::uint64_t group = 0; group < 3; ++group) {
            const auto stream = self.open_subgroup(now, e->id, {.group = group});
            if (!stream) continue;
            const auto text = "hello from group " + std::to_string(group);
            const auto payload = slice::copy(self.pool(), as_bytes(text));
            (void)self.write_object(now, *stream, /*object*/ 0, /*properties*/ {}, payload);
            (void)self.finish_stream(now, *stream);
        }
        (void)self.publish_done(now, e->id, publish_done_code::track_ended, "that was all");
    }
}
// [publisher]

// [subscriber]
/// Asks for the track once the session stands, prints what comes; true when the track has ended.
bool subscribe(session& self, instant now) {
    while (const auto e = self.poll_event()) {
        if (e->what == event::kind::established)
            (void)self.subscribe(now, {track_namespace{"example", "greetings"}, "text"});
        if (e->what == event::kind::object)
            std::printf("%llu:%llu %s\n", static_cast<unsigned long long>(e->item.location.group),
                        static_cast<unsigned long long>(e->item.location.object),
                        std::string{as_text(e->item.payload)}.c_str());
        if (e->what == event::kind::publish_done) return true;
    }
    return false;
}
// [subscriber]

} // namespace

int main() {
    // [loop]
    buffer_pool pool;
    instant now{};
    session server{now, {.self = role::server, .version = draft::d18}, pool};
    session client{
        now, {.self = role::client, .version = draft::d18, .authority = "example.org"}, pool};
    for (auto* one : {&server, &client})
        one->handle_stream_credit(100, 100);
    bool ended = false;
    for (bool moved = true; moved;) {
        ended = subscribe(client, now) || ended;
        publish(server, now);
        moved = carry(client, server, now);
        moved = carry(server, client, now) || moved;
    }
    return ended ? 0 : 1;
    // [loop]
}
