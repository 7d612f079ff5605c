#include "rows.hpp"

#include <array>

// What a peer owes when it leaves. It does that when nothing else needs it any more: the operator
// says how it is brought to (`--leave`).
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// A session with one request that stays open, until the peer has been brought to leave.
struct departure {
    side* at = nullptr;
    request open{};
};
task<departure> before_leaving(stage& s) {
    if (!s.target().can_leave)
        throw inconclusive{"the peer has to leave first: --leave says how it is brought to"};
    departure out;
    out.at = co_await ready(s);
    const auto space = s.space("open");
    out.open = out.at->ask(msg::publish_namespace{0, space.view(), {}});
    co_await granted(s, out.at, out.open, "PUBLISH_NAMESPACE");
    const bool told = co_await s.peer_leaves();
    if (!told) throw inconclusive{"the peer was not brought to leave"};
    co_return out;
}
/// The peer's GOAWAY on one of its streams.
const inbound* goaway_on(const side& at, stream_id stream) {
    return at.find_if<msg::goaway>(
        [&](const msg::goaway&, const inbound& in) { return in.stream == stream; });
}
task<const inbound*> leaves(stage& s, side* at, stream_id stream) {
    co_await s.until([&] { return at->closed || goaway_on(*at, stream) != nullptr; });
    co_return goaway_on(*at, stream);
}
/// How long the peer says that it waits; what drafts without that field leave open is waited for.
duration patience_in(const stage& s, const inbound& goaway) {
    constexpr duration unknown = seconds(12);
    if (!s.rules().goaway_timeout) return unknown;
    const auto m = parse<msg::goaway>(s.rules(), goaway.body);
    return m && m->timeout != 0 ? milliseconds(static_cast<std::int64_t>(
                                      std::min<std::uint64_t>(m->timeout, 3'600'000)))
                                : unknown;
}

task<verdict> requests_after_leaving(stage& s) {
    const auto d = co_await before_leaving(s);
    const auto* m = co_await leaves(s, d.at, d.at->their_control);
    if (m == nullptr) co_return undecided("no GOAWAY comes");
    const auto space = s.space("late");
    const auto r = d.at->ask(msg::publish_namespace{0, space.view(), {}});
    co_return co_await rejects(s, d.at, r, request_error_code::going_away);
}
task<verdict> those_who_stay(stage& s) {
    const auto d = co_await before_leaving(s);
    const auto* m = co_await leaves(s, d.at, d.at->their_control);
    if (m == nullptr) co_return undecided("no GOAWAY comes");
    const auto wait = patience_in(s, *m);
    if (wait > s.target().row_time)
        co_return undecided("the peer waits longer than a row may take: --row-timeout");
    co_await s.until([&] { return d.at->closed.has_value(); }, wait + milliseconds(500));
    if (d.at->closed) co_return judge_ending(*d.at, close_code::goaway_timeout);
    auto v = co_await goes_on(s, d.at);
    if (v.what == verdict::kind::pass) v.reason += ", which a peer may choose";
    co_return v;
}
task<verdict> requests_that_stay(stage& s) {
    const auto d = co_await before_leaving(s);
    const auto* m = co_await leaves(s, d.at, d.open.stream);
    if (m == nullptr) co_return undecided("GOAWAY does not come on the stream of a request");
    const auto wait = patience_in(s, *m);
    const auto reset = [&] {
        const auto* own = d.at->stream(d.open.stream);
        return own != nullptr && own->reset ? own->reset : std::nullopt;
    };
    co_await s.until([&] { return d.at->closed || reset(); }, wait + milliseconds(500));
    if (reset())
        co_return *reset() == to_wire(s.rules(), reset_code::going_away)
            ? pass("reset with GOING_AWAY")
            : fail("reset with code " + std::to_string(*reset()) + " instead of GOING_AWAY");
    if (d.at->closed) co_return undecided("the session ended before the stream");
    co_return pass("the stream stays open, which a peer may choose");
}

constexpr std::array table{
    row{"MUST-18-090", fits::all, requests_after_leaving, {}, true},
    row{"SHOULD-18-007", fits::all, those_who_stay, {}, true},
    row{"SHOULD-18-008", fits::all, requests_that_stay, {}, true},
};

} // namespace

std::span<const row> leaving_rows() {
    return table;
}

} // namespace moqrtc::conformance
