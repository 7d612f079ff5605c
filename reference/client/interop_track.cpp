#include "interop_track.hpp"

#include <algorithm>

namespace moqrtc::reference {

std::size_t interop_track::ready(moqt::session& session) const {
    return static_cast<std::size_t>(std::ranges::count_if(subscribers_, [&](const auto& one) {
        const auto* s = session.subscription(one.first);
        return s != nullptr && s->forward;
    }));
}

void interop_track::send(instant now, moqt::session& session, moqt::location at,
                         std::string payload) {
    const auto bytes = slice::copy(session.pool(), as_bytes(payload));
    sent_.push_back({at, std::move(payload)});
    for (auto& [id, to] : subscribers_) {
        if (to.stream != moqt::no_stream && to.group != at.group) {
            (void)session.finish_stream(now, to.stream);
            to.stream = moqt::no_stream;
        }
        if (to.stream == moqt::no_stream) {
            // Who comes into the middle of a group gets a stream that does not begin with it.
            const auto opened =
                session.open_subgroup(now, id, {.group = at.group, .first_object = at.object == 0});
            if (!opened) continue;
            to = {*opened, at.group};
        }
        (void)session.write_object(now, to.stream, at.object, {}, bytes);
    }
}

void interop_track::send_datagram(instant now, moqt::session& session, moqt::location at,
                                  std::string payload) {
    moqt::object item;
    item.location = at;
    item.forwarding = moqt::forwarding_preference::datagram;
    item.payload = slice::copy(session.pool(), as_bytes(payload));
    sent_.push_back({at, std::move(payload)});
    for (const auto& one : subscribers_)
        (void)session.send_datagram(now, one.first, item);
}

void interop_track::end_group(instant now, moqt::session& session) {
    for (auto& [id, to] : subscribers_) {
        if (to.stream == moqt::no_stream) continue;
        (void)session.finish_stream(now, to.stream);
        to.stream = moqt::no_stream;
    }
}

void interop_track::end(instant now, moqt::session& session) {
    end_group(now, session);
    for (const auto& one : subscribers_)
        (void)session.publish_done(now, one.first, moqt::publish_done_code::track_ended,
                                   "that was all");
    subscribers_.clear();
}

void interop_track::stopped(moqt::data_stream stream) {
    for (auto& [id, to] : subscribers_)
        if (to.stream == stream) to.stream = moqt::no_stream;
}

moqt::message_params interop_track::state() const {
    moqt::message_params out;
    if (!sent_.empty()) out.largest_object = sent_.back().at;
    return out;
}

void interop_track::on_subscribe(instant now, moqt::session& session, moqt::request_id id) {
    if (session.accept_subscribe(now, id, alias_, state())) subscribed(id);
}

void interop_track::on_fetch(instant now, moqt::session& session, const moqt::event& event) {
    using code = moqt::request_error_code;
    const auto m = event.as<moqt::msg::fetch>();
    if (!m || m->type != moqt::msg::fetch_type::standalone)
        return (void)session.reject(now, event.id, code::not_supported, "no joining FETCH here");
    const auto range = m->wanted(session.rules())
                           .past(sent_.empty() ? std::nullopt : std::optional{sent_.back().at});
    const auto wanted = [&](moqt::location at) {
        return range && at >= range->first && at <= range->last;
    };
    const auto last = std::find_if(sent_.rbegin(), sent_.rend(),
                                   [&](const interop_object& one) { return wanted(one.at); });
    if (last == sent_.rend())
        return (void)session.reject(now, event.id, code::invalid_range, "nothing there");
    if (!session.accept_fetch(now, event.id, {last->at.group, last->at.object + 1}, false)) return;
    const auto stream = session.open_fetch_stream(now, event.id);
    if (!stream) return;
    for (const auto& one : sent_) {
        if (!wanted(one.at)) continue;
        moqt::object item;
        item.location = one.at;
        item.payload = slice::copy(session.pool(), as_bytes(one.payload));
        (void)session.write_fetch_object(now, *stream, item);
    }
    (void)session.finish_stream(now, *stream);
}

} // namespace moqrtc::reference
