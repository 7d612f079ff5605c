#include "rows.hpp"

#include <array>

// Message parameters, in requests that need nobody else.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// A SUBSCRIBE with parameters made by hand must close the session.
task<verdict> subscribe_with(stage& s, octets parameters, const char* note) {
    auto* at = co_await ready(s);
    const auto id = at->next_id();
    const auto name = s.track();
    auto body = subscription(*at, id, name);
    body.append(parameters);
    at->ask_body<msg::subscribe>(id, body.get(), note);
    co_return co_await closes(s, at);
}
raw one(stage& s) {
    raw out{s.rules()};
    out.count(1);
    return out;
}

task<verdict> unknown_parameter_type(stage& s) {
    auto v = co_await subscribe_with(s, one(s).number(0x3e, 1).take(), "parameter type 0x3e");
    co_return v;
}
task<verdict> misplaced_parameter(stage& s) {
    auto* at = co_await ready(s);
    const auto id = at->next_id();
    const auto space = s.space();
    auto body = announcement(*at, id, space);
    body.count(1).number(0x22, 1, true);
    const auto r =
        at->ask_body<msg::publish_namespace>(id, body.get(), "GROUP_ORDER in PUBLISH_NAMESPACE");
    if (s.rules().misplaced_parameters == unknown_parameter::closes)
        co_return co_await closes(s, at);
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr && !at->closed) co_return undecided("the request is not answered");
    co_return co_await goes_on(s, at);
}
task<verdict> parameter_type_overflow(stage& s) {
    raw pairs{s.rules()};
    const auto step = varint_max(s.rules().varint);
    unsigned count = 1;
    std::uint64_t sum = step;
    // A type that is known goes first, so that the first unknown one is the one that overflows.
    if (step == UINT64_MAX) {
        pairs.v(2).number(0x20, 1, true).most().v(0);
    } else {
        for (; sum <= UINT64_MAX - step; sum += step)
            ++count;
        pairs.v(count + 1);
        for (unsigned i = 0; i <= count; ++i)
            pairs.most().v(0);
    }
    co_return co_await subscribe_with(s, pairs.take(), "types beyond 64 bits");
}
task<verdict> zero_timeout(stage& s) {
    co_return co_await subscribe_with(s, one(s).number(0x02, 0).take(), "DELIVERY_TIMEOUT=0");
}
task<verdict> large_priority(stage& s) {
    co_return co_await subscribe_with(s, one(s).number(0x20, 256).take(),
                                      "SUBSCRIBER_PRIORITY=256");
}
task<verdict> bad_group_order(stage& s) {
    auto v = co_await subscribe_with(s, one(s).number(0x22, 3, true).take(), "GROUP_ORDER=3");
    if (v.what != verdict::kind::pass) co_return v;
    co_return co_await subscribe_with(s, one(s).number(0x22, 0, true).take(), "GROUP_ORDER=0");
}
task<verdict> bad_forward(stage& s) {
    co_return co_await subscribe_with(s, one(s).number(0x10, 2, true).take(), "FORWARD=2");
}
task<verdict> filter_with_more(stage& s) {
    const auto content = raw{s.rules()}.v(2).v(1).take();
    co_return co_await subscribe_with(s, one(s).data(0x21, content).take(),
                                      "a filter that is shorter than its length");
}
task<verdict> unknown_filter(stage& s) {
    if (s.rules().location_filter == location_filter_form::fields) {
        // The Filter Type is the last field before the parameters.
        auto* const at = co_await ready(s);
        const auto id = at->next_id();
        const auto name = s.track();
        message_params params;
        params.subscription_filter = subscription_filter{filter_type::next_group_start, {}, 0};
        auto fields = body_before_parameters(
            s.rules(), msg::subscribe{id, name.space.view(), as_bytes(name.name), params});
        fields.back() = std::byte{5};
        const auto body = raw{s.rules(), fields}.count(0).take();
        at->ask_body<msg::subscribe>(id, body, "Filter Type 5");
        co_return co_await closes(s, at);
    }
    for (const std::uint64_t type : {0u, 5u}) {
        const auto content = raw{s.rules()}.v(type).take();
        const auto parameters = one(s).data(0x21, content).take();
        auto v =
            co_await subscribe_with(s, parameters, type == 0 ? "Filter Type 0" : "Filter Type 5");
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> endless_range(stage& s) {
    const auto form = s.rules().location_filter;
    if (form == location_filter_form::counted || form == location_filter_form::untagged) {
        // Start Group, Start Object, End Group Delta.
        const auto fields = raw{s.rules()}.most().v(0).v(1).take();
        auto parameters = one(s);
        if (form == location_filter_form::counted)
            parameters.data(0x21, fields);
        else
            parameters.key(0x21).v(3).append(fields);
        co_return co_await subscribe_with(s, parameters.take(), "a range beyond 64 bits");
    }
    const auto content = raw{s.rules()}.v(4).most().v(0).v(1).take();
    co_return co_await subscribe_with(s, one(s).data(0x21, content).take(),
                                      "Start Group and End Group Delta beyond 64 bits");
}
task<verdict> repeated_parameter(stage& s) {
    auto* at = co_await ready(s);
    const auto id = at->next_id();
    const auto name = s.track();
    auto body = subscription(*at, id, name);
    body.count(2).number(0x20, 1, true).number(0x20, 1, true);
    at->ask_body<msg::subscribe>(id, body.get(), "SUBSCRIBER_PRIORITY twice");
    co_return co_await should_close(s, at);
}

constexpr unsigned askers = fits::relay | fits::publisher;
constexpr std::array table{
    row{"MUST-18-032", askers, unknown_parameter_type},
    row{"MUST-18-033", fits::all, misplaced_parameter},
    row{"MUST-16-109", fits::all, misplaced_parameter},
    row{"MUST-18-034", askers, parameter_type_overflow},
    row{"MUST-16-035", askers, zero_timeout},
    row{"MUST-16-036", askers, large_priority},
    row{"MUST-18-035", askers, bad_group_order},
    row{"MUST-18-036", askers, bad_forward},
    row{"MUST-16-039", askers, filter_with_more},
    row{"MUST-18-037", askers, unknown_filter},
    row{"MUST-18-038", askers, endless_range},
    row{"SHOULD-18-003", askers, repeated_parameter},
};

} // namespace

std::span<const row> parameter_rows() {
    return table;
}

} // namespace moqrtc::conformance
