#include "sending.hpp"

#include <algorithm>
#include <array>

// A publisher's own tracks: what it owes to those who subscribe to them.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// A subscription to what the peer publishes by itself.
struct reading {
    side* at = nullptr;
    request asked{}; ///< our SUBSCRIBE, or the PUBLISH of the peer
    track_alias alias = 0;
    full_track_name track{};
};
/// The namespace that the peer announces, granted; none when it announces none.
task<std::optional<track_namespace>> announced(stage& s, side* at) {
    co_await s.until([at] {
        return at->closed || at->find(msg::publish_namespace::code(at->rules())) != nullptr ||
               at->find(msg::publish::code(at->rules())) != nullptr;
    });
    const auto* m = at->find(msg::publish_namespace::code(at->rules()));
    if (m == nullptr) co_return std::nullopt;
    const auto told = parse<msg::publish_namespace>(at->rules(), m->body);
    if (!told) throw inconclusive{"the peer's PUBLISH_NAMESPACE does not parse"};
    at->grant(*m, told->request_id);
    co_return track_namespace{told->track_namespace};
}
task<reading> reads(stage& s) {
    reading out;
    side* const at = out.at = co_await meets(s);
    const auto space = co_await announced(s, at);
    // Some offer their tracks besides, which are then not to be subscribed to.
    const auto offer = msg::publish::code(s.rules());
    co_await s.until([&] { return at->closed || at->find(offer) != nullptr; }, milliseconds(300));
    if (const auto* m = at->find(offer)) {
        const auto told = parse<msg::publish>(s.rules(), m->body);
        if (!told) throw inconclusive{"the peer's PUBLISH does not parse"};
        out.track = {track_namespace{told->track_namespace},
                     std::string{as_text(told->track_name)}};
        out.asked = {m->stream, told->request_id, at->inbox.size()};
        out.alias = told->track_alias;
        at->grant(*m, told->request_id);
        co_return out;
    }
    if (!space) throw inconclusive{"the peer offers nothing"};
    out.track = {*space, s.target().track};
    out.asked = subscribes(*at, out.track);
    const auto* m = co_await granted(s, at, out.asked, "SUBSCRIBE to a track of the peer");
    const auto ok = parse<msg::subscribe_ok>(s.rules(), m->body);
    if (!ok) throw inconclusive{"SUBSCRIBE_OK does not parse"};
    out.alias = ok->track_alias;
    co_return out;
}
/// The peer's streams of the track that have come so far, with the subgroups on them.
std::vector<std::pair<stream_id, seen_subgroup>> streams_of(const reading& r) {
    std::vector<std::pair<stream_id, seen_subgroup>> out;
    for (const auto& [id, stream] : r.at->streams) {
        if (!is_unidirectional(id) || id == r.at->their_control) continue;
        if (auto one = read_subgroup(r.at->rules(), id, stream.data);
            one && one->alias == r.alias && !one->objects.empty())
            out.emplace_back(id, std::move(*one));
    }
    return out;
}
task<stream_id> first_stream(stage& s, const reading* r) {
    co_await s.until([r] { return r->at->closed || !streams_of(*r).empty(); });
    if (streams_of(*r).empty()) throw inconclusive{"no object of the peer comes: --track"};
    co_return streams_of(*r).front().first;
}

task<verdict> complete_subgroups_end(stage& s) {
    const auto r = co_await reads(s);
    const auto id = co_await first_stream(s, &r);
    const auto* const stream = r.at->stream(id);
    co_await s.until([&] { return stream->fin || stream->reset; }, seconds(5));
    if (stream->fin) co_return pass("FIN");
    co_return undecided(stream->reset ? "the subgroup is given up" : "the subgroup goes on");
}
task<verdict> cancelled_subscription(stage& s) {
    const auto r = co_await reads(s);
    co_await first_stream(s, &r);
    if (s.rules().request_streams) {
        unsubscribes(*r.at, r.asked.stream);
    } else {
        r.at->send_message(r.at->control, msg::unsubscribe{r.asked.id});
    }
    co_await s.rest(milliseconds(300));
    bool open = false;
    bool reset = false;
    for (const auto& [id, one] : streams_of(r)) {
        reset = reset || r.at->stream(id)->reset;
        open = open || (!r.at->stream(id)->fin && !r.at->stream(id)->reset);
    }
    if (open) {
        co_return co_await alive_without(
            s, r.at, "the session goes on, and a stream of the subscription stays open");
    }
    co_return reset ? pass("reset") : undecided("every stream was over before");
}
task<verdict> first_objects_are_marked(stage& s) {
    const auto r = co_await reads(s);
    co_await first_stream(s, &r);
    for (const auto& [id, one] : streams_of(r))
        if (one.objects.front().location.object == 0 && !one.first_object)
            co_return fail("object 0 comes first without FIRST_OBJECT");
    for (const auto& [id, one] : streams_of(r))
        if (one.first_object) co_return pass("on the first object of its subgroup");
    co_return undecided("no subgroup begins with object 0");
}
task<verdict> updates_are_answered(stage& s) {
    const auto r = co_await reads(s);
    const auto since = r.at->inbox.size();
    constexpr std::size_t count = 3;
    for (std::size_t i = 0; i < count; ++i) {
        message_params params;
        params.subscriber_priority = static_cast<priority>(10 + i);
        r.at->send_message(r.asked.stream,
                           msg::request_update{r.at->next_id(), r.asked.id, params});
    }
    const auto answers = [&] {
        std::size_t n = 0;
        for (auto i = since; i < r.at->inbox.size(); ++i)
            n += r.at->inbox[i].stream == r.asked.stream &&
                         (r.at->inbox[i].type == msg::request_ok::code(s.rules()) ||
                          is_error(*r.at, r.at->inbox[i]))
                     ? 1
                     : 0;
        return n;
    };
    co_await s.until([&] { return r.at->closed || answers() >= count; });
    if (r.at->closed) co_return co_await goes_on(s, r.at);
    co_await s.rest(milliseconds(200));
    if (answers() == count) co_return pass("each update has its answer");
    co_return answers() > count ? fail("more answers than updates")
                                : undecided("not every update is answered");
}
task<verdict> stopped_subgroup(stage& s) {
    const auto r = co_await reads(s);
    const auto id = co_await first_stream(s, &r);
    if (r.at->stream(id)->fin) co_return undecided("the subgroup was over before");
    r.at->stop(id, to_wire(s.rules(), reset_code::cancelled));
    co_await s.until([&] { return r.at->closed || r.at->stream(id)->reset; });
    if (r.at->stream(id)->reset) co_return pass("reset");
    co_return co_await goes_on(s, r.at);
}
task<verdict> second_subscription(stage& s) {
    const auto r = co_await reads(s);
    const auto again = subscribes(*r.at, r.track);
    co_return co_await rejects(s, r.at, again, request_error_code::duplicate_subscription);
}
task<verdict> fetch_in_order(stage& s) {
    const auto r = co_await reads(s);
    co_await first_stream(s, &r);
    // Somewhat more than one group, so that there is an order to be kept.
    co_await s.until([&] { return r.at->closed || objects_of(*r.at, r.alias).size() >= 4; });
    const auto seen = objects_of(*r.at, r.alias);
    const auto last = std::ranges::max(seen, {}, &seen_object::location).location;
    const auto asked = r.at->ask(msg::fetch{.track_namespace = r.track.space.view(),
                                            .track_name = as_bytes(r.track.name),
                                            .start = {0, 0},
                                            .end = {last.group, last.object + 1}});
    co_await granted(s, r.at, asked, "FETCH");
    std::optional<seen_fetch> got;
    co_await s.until([&] {
        got = fetched(*r.at, asked.id);
        return r.at->closed || (got && r.at->stream(got->stream)->fin);
    });
    if (!got || got->objects.size() < 2) co_return undecided("fewer than two objects come back");
    if (got->broken) co_return fail("the stream of the FETCH does not parse");
    for (std::size_t i = 1; i < got->objects.size(); ++i)
        if (got->objects[i].location <= got->objects[i - 1].location)
            co_return fail("objects out of order");
    co_return pass(std::to_string(got->objects.size()) + " objects in order");
}
task<verdict> fetch_beyond_the_largest(stage& s) {
    const auto r = co_await reads(s);
    co_await first_stream(s, &r);
    // Groups may have any numbers: the time of day is one.
    const auto seen = objects_of(*r.at, r.alias);
    const auto far = std::ranges::max(seen, {}, &seen_object::location).location.group + 1'000'000;
    const auto asked = r.at->ask(msg::fetch{.track_namespace = r.track.space.view(),
                                            .track_name = as_bytes(r.track.name),
                                            .start = {far, 0},
                                            .end = {far + 1, 0}});
    co_return co_await rejects(s, r.at, asked, request_error_code::invalid_range);
}

task<verdict> namespace_is_told(stage& s) {
    auto* const at = co_await meets(s);
    const auto space = co_await announced(s, at);
    if (!space) co_return undecided("the peer announces no namespace");
    const auto r = at->ask(msg::subscribe_namespace{.track_namespace_prefix = space->view()});
    co_await granted(s, at, r, "SUBSCRIBE_NAMESPACE to the publisher");
    const auto named = [&] { return at->find(msg::namespace_message::code(s.rules())) != nullptr; };
    co_await s.until(named);
    if (named()) co_return pass("NAMESPACE for its own namespace");
    auto v = co_await goes_on(s, at);
    if (v.what != verdict::kind::pass) co_return v;
    co_return s.rules().namespace_messages
        ? fail("SUBSCRIBE_NAMESPACE is granted, NAMESPACE does not come")
        : undecided("the namespace was announced before");
}

constexpr std::array table{
    row{"MUST-18-070", fits::publisher, second_subscription},
    row{"MUST-18-075", fits::publisher, fetch_beyond_the_largest},
    row{"MUST-18-140", fits::publisher, updates_are_answered},
    row{"MUST-18-141", fits::publisher, updates_are_answered},
    row{"MUST-18-146", fits::publisher, cancelled_subscription},
    row{"MUST-18-154", fits::publisher, fetch_in_order},
    row{"MUST-18-160", fits::publisher, namespace_is_told},
    row{"MUST-18-170", fits::publisher, first_objects_are_marked},
    row{"MUST-18-171", fits::publisher, complete_subgroups_end},
    row{"SHOULD-18-021", fits::publisher, stopped_subgroup},
};

} // namespace

std::span<const row> published_rows() {
    return table;
}

} // namespace moqrtc::conformance
