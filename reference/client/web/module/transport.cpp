// Between a session and the transport that JavaScript drives.
#include "web_session.hpp"

#include <algorithm>

namespace moqrtc::web {

/// A session of a draft; `delete_session` it. Null when the draft is not spoken.
MOQRTC_WEB_EXPORT(new_session)
web_session* new_session(double now, std::uint32_t draft_number, std::uint32_t is_server) {
    const auto version = moqt::draft_of(draft_number);
    if (!version || (*version != moqt::draft::d16 && *version != moqt::draft::d18)) {
        failed({errc::unsupported, 0, "draft"});
        return nullptr;
    }
    return new web_session{at(now),
                           {.self = is_server != 0 ? moqt::role::server : moqt::role::client,
                            .version = *version,
                            .webtransport = true,
                            .implementation = "moqrtc-web"}};
}
MOQRTC_WEB_EXPORT(delete_session) void delete_session(web_session* s) {
    delete s;
}

/// How many bytes were taken: fewer than given while events wait.
MOQRTC_WEB_EXPORT(handle_stream)
std::uint32_t handle_stream(web_session* s, double now, double stream, const std::byte* data,
                            std::uint32_t size, std::uint32_t fin) {
    return static_cast<std::uint32_t>(
        s->self.handle_stream(at(now), integer(stream), view(data, size), fin != 0));
}
MOQRTC_WEB_EXPORT(handle_reset)
void handle_reset(web_session* s, double now, double stream, double code) {
    s->self.handle_reset(at(now), integer(stream), integer(code));
}
MOQRTC_WEB_EXPORT(handle_stop_sending)
void handle_stop_sending(web_session* s, double now, double stream, double code) {
    s->self.handle_stop_sending(at(now), integer(stream), integer(code));
}
MOQRTC_WEB_EXPORT(handle_datagram)
void handle_datagram(web_session* s, double now, const std::byte* data, std::uint32_t size) {
    s->self.handle_datagram(at(now), view(data, size));
}
/// The bytes were copied out: nobody needs them here any more.
MOQRTC_WEB_EXPORT(handle_sent)
void handle_sent(web_session* s, double now, double stream, std::uint32_t size, std::uint32_t fin) {
    const auto id = integer(stream);
    s->self.handle_sent(at(now), id, size, fin != 0);
    s->self.handle_acked(at(now), id, size, fin != 0);
}
MOQRTC_WEB_EXPORT(handle_blocked) void handle_blocked(web_session* s, double stream) {
    s->self.handle_blocked(integer(stream));
}
MOQRTC_WEB_EXPORT(handle_writable) void handle_writable(web_session* s, double stream) {
    s->self.handle_writable(integer(stream));
}
MOQRTC_WEB_EXPORT(handle_stream_credit)
void handle_stream_credit(web_session* s, double bidirectional, double unidirectional) {
    s->self.handle_stream_credit(integer(bidirectional), integer(unidirectional));
}
MOQRTC_WEB_EXPORT(handle_transport_closed)
void handle_transport_closed(web_session* s, double now, double code, const std::byte* reason,
                             std::uint32_t size, std::uint32_t by_peer) {
    s->self.handle_transport_closed(at(now), integer(code), as_text(view(reason, size)),
                                    by_peer != 0);
}
MOQRTC_WEB_EXPORT(handle_timeout) void handle_timeout(web_session* s, double now) {
    s->self.handle_timeout(at(now));
}
/// When `handle_timeout` is due; infinite when it is not.
MOQRTC_WEB_EXPORT(next_timeout) double next_timeout(const web_session* s) {
    const auto next = s->self.next_timeout();
    return next == never ? __builtin_inf() : static_cast<double>(next.us);
}

/// What should be sent next, or null; valid until the next call for this session.
MOQRTC_WEB_EXPORT(poll_send) const send_record* poll_send(web_session* s, double now) {
    const auto offered = s->self.poll_send(at(now));
    if (!offered) return nullptr;
    s->send.stream = static_cast<double>(offered->stream);
    s->send.count = static_cast<std::uint32_t>(offered->count);
    s->send.fin = offered->fin ? 1 : 0;
    for (std::size_t i = 0; i < offered->count; ++i)
        s->send.chunks[i] = record_of(offered->chunks[i]);
    return &s->send;
}
MOQRTC_WEB_EXPORT(poll_transmit) const op_record* poll_transmit(web_session* s) {
    auto next = s->self.poll_transmit();
    if (!next) return nullptr;
    s->operation = std::move(*next);
    s->op = {static_cast<double>(s->operation.stream), static_cast<double>(s->operation.code),
             static_cast<std::uint32_t>(s->operation.what), record_of(s->operation.data.view())};
    return &s->op;
}
/// The next event, or null; valid until the next call for this session.
MOQRTC_WEB_EXPORT(poll_event) const event_record* poll_event(web_session* s) {
    auto next = s->self.poll_event();
    s->current = next ? std::move(*next) : moqt::event{};
    if (!next) return nullptr;
    describe_event(*s);
    return &s->event;
}

/// Bytes given to the session and not yet to the transport: all, of a request, of a stream.
MOQRTC_WEB_EXPORT(unsent_bytes) double unsent_bytes(const web_session* s) {
    return static_cast<double>(s->self.unsent_bytes());
}
MOQRTC_WEB_EXPORT(unsent_bytes_of_request)
double unsent_bytes_of_request(const web_session* s, double id) {
    return static_cast<double>(s->self.unsent_bytes(integer(id)));
}
MOQRTC_WEB_EXPORT(unsent_bytes_of_stream)
double unsent_bytes_of_stream(const web_session* s, double stream) {
    return static_cast<double>(s->self.unsent_bytes_of(integer(stream)));
}
MOQRTC_WEB_EXPORT(is_established) std::uint32_t is_established(const web_session* s) {
    return s->self.established() && !s->self.closed() ? 1 : 0;
}
MOQRTC_WEB_EXPORT(memory_used) double memory_used(const web_session* s) {
    return static_cast<double>(s->pool.used());
}

/// `code` is a `close_code`.
MOQRTC_WEB_EXPORT(close_session)
void close_session(web_session* s, double now, std::uint32_t code, const std::byte* reason,
                   std::uint32_t size) {
    s->self.close(at(now), static_cast<moqt::close_code>(code), as_text(view(reason, size)));
}
MOQRTC_WEB_EXPORT(goaway) double goaway(web_session* s, double now) {
    return number_of(s->self.goaway(at(now)));
}

} // namespace moqrtc::web
