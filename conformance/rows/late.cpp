#include "sending.hpp"

#include <algorithm>
#include <array>

// What a path that loses everything for a while makes late, and how much a sender keeps for it.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// Enough for the start of a stream, not for its end.
constexpr std::size_t beginning = 6000;
/// More than any sender has on its way to somebody who is silent.
constexpr std::size_t large = 600'000;
constexpr std::uint64_t timeout_ms = 300;

/// The data stream that the peer has reset, if any.
std::optional<stream_id> reset_stream(const side& at) {
    for (const auto& [id, stream] : at.streams)
        if (is_unidirectional(id) && id != at.their_control && stream.reset) return id;
    return std::nullopt;
}
/// Drafts with a timeout for subgroups name the code, too, and let an object be late that went to
/// the transport in time.
bool has_two_timeouts(const wire_rules& rules) {
    return carriers_of(rules, parameter::subgroup_delivery_timeout) != carrier::none;
}
/// After the path was held up for longer than the timeout.
task<verdict> nothing_late(stage& s, const feed* f, bool until_delivered) {
    side* const at = f->s;
    co_await s.rest(milliseconds(1200));
    at->release();
    co_await s.until(
        [&] { return at->closed || reset_stream(*at) || !objects_of(*at, f->heard).empty(); },
        seconds(6));
    if (!objects_of(*at, f->heard).empty())
        co_return until_delivered
            ? fail("an object is delivered a second after its timeout")
            : undecided(
                  "delivered late: it may have waited in the transport, which has no timeout");
    const auto id = reset_stream(*at);
    if (!id) co_return undecided("neither the object nor the end of its stream comes");
    const auto code = *at->stream(*id)->reset;
    if (has_two_timeouts(s.rules()) && code != to_wire(s.rules(), reset_code::delivery_timeout))
        co_return fail("reset with code " + std::to_string(code) + " instead of DELIVERY_TIMEOUT");
    co_return pass("reset when the time was over");
}
task<verdict> late_object(stage& s) {
    feed_options options;
    options.subscriber.narrow = true;
    options.asked.object_delivery_timeout = timeout_ms;
    const auto f = co_await feeds(s, options);
    f.s->hold(beginning);
    send_one(f, 1, std::string(large, 'l'));
    co_return co_await nothing_late(s, &f, !has_two_timeouts(s.rules()));
}
/// All of it is sent at once, and lost but for its beginning.
task<verdict> late_subgroup(stage& s) {
    feed_options options;
    options.subscriber.narrow = true;
    options.asked.subgroup_delivery_timeout = timeout_ms;
    const auto f = co_await feeds(s, options);
    f.s->hold(beginning / 2);
    send_one(f, 1, std::string(10'000, 's'));
    co_return co_await nothing_late(s, &f, true);
}

/// A subscriber that takes nothing for longer than a sender can want to keep everything.
task<verdict> gives_streams_up(stage& s) {
    feed_options options;
    options.subscriber.narrow = true;
    const auto f = co_await feeds(s, options);
    f.s->hold(beginning);
    const std::string payload(80'000, 'b');
    for (std::uint64_t group = 1; group <= 45; ++group) {
        send_one(f, group, payload);
        co_await s.rest(milliseconds(100));
    }
    f.s->release();
    const auto done = [&] { return f.s->find(msg::publish_done::code(s.rules())) != nullptr; };
    co_await s.until([&] { return f.s->closed || reset_stream(*f.s) || done(); }, seconds(6));
    if (reset_stream(*f.s)) co_return pass("streams are given up, the session stays");
    if (done()) co_return pass("the subscription is given up, the session stays");
    if (f.s->closed)
        co_return f.s->closed->what == ending::how::application&& f.s->closed->by_peer
            ? fail("the session is closed with " + name_of_close(*f.s, f.s->closed->code) +
                   " instead of cancelling a stream")
            : undecided("the connection ended: " + f.s->closed->reason);
    co_return undecided("what the peer keeps for a subscriber that takes nothing ends later");
}

constexpr std::array table{
    row{"MUST-18-176", fits::relay, late_object},
    row{"MUST-18-177", fits::relay, late_object},
    row{"MUST-18-178", fits::relay, late_object},
    row{"MUST-18-180", fits::relay, late_subgroup},
    row{"MUST-18-183", fits::relay, gives_streams_up},
};

} // namespace

std::span<const row> late_rows() {
    return table;
}

} // namespace moqrtc::conformance
