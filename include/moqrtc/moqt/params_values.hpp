#pragma once

#include <moqrtc/core/sizer.hpp>
#include <moqrtc/moqt/params.hpp>
#include <moqrtc/moqt/params_filter.hpp>

/// The values of message parameters: one description a kind, for every archive.
namespace moqrtc::moqt {

namespace detail {

/// Checks shared by all archives: what a value may be in this draft.
constexpr void check_parameter(auto& io, const parameter_rule& rule, std::uint64_t value) {
    switch (rule.kind) {
    case value_kind::timeout:
        return io.check(value != 0 || io.rules().zero_timeout_is_none, rule.name);
    case value_kind::boolean:
        return io.check(value <= 1, rule.name);
    case value_kind::priority_value:
        return io.check(value <= 255, rule.name);
    case value_kind::order:
        return io.check(value == 1 || value == 2, rule.name);
    default:
        return;
    }
}

/// One value of a kind that stands behind a length; `Short` ones have less than 64 bytes.
template <bool Short, class Io, class Describe>
constexpr void length_prefixed(Io& io, const char* field, errc mismatch, Describe&& describe) {
    if constexpr (reads<Io>) {
        std::uint64_t size = 0;
        io.varint(field, size);
        if (!io.ok()) return;
        io.check(size <= limits::key_value_bytes, field, errc::limit);
        io.check(size <= io.left(), field, errc::truncated);
        if (!io.ok()) return;
        const auto* const outer = io.enter(static_cast<std::size_t>(size));
        describe(io);
        io.leave(outer, field, mismatch);
    } else if constexpr (prints<Io>) {
        io.begin(field);
        describe(io);
        io.end();
    } else if constexpr (Short && requires { io.room(); }) {
        auto* const length = io.enter(field);
        describe(io);
        io.leave(length);
    } else {
        sizer count{io.rules()};
        describe(count);
        io.varint(field, count.position());
        describe(io);
    }
}

/// A location filter in the form of the draft.
template <class Io, class Filter>
constexpr void describe_filter(Io& io, const char* field, Filter& filter) {
    const auto form = io.rules().location_filter;
    if (form < location_filter_form::counted)
        return length_prefixed<true>(io, field, errc::bad_value,
                                     [&](auto& inner) { describe_typed_filter(inner, filter); });
    if (form == location_filter_form::counted)
        return length_prefixed<true>(io, field, errc::bad_value,
                                     [&](auto& inner) { describe_counted_filter(inner, filter); });
    if constexpr (prints<Io>) io.begin(field);
    describe_untagged_filter(io, filter);
    if constexpr (prints<Io>) io.end();
}

/// Reads or writes the value of `rule` into or from `member`, which is set.
template <class Io, class Member>
constexpr void describe_value(Io& io, const parameter_rule& rule, Member& member) {
    const bool typed = io.rules().parameters == parameter_form::typed;
    if constexpr (requires { member.start; }) {
        describe_filter(io, rule.name, member);
    } else if constexpr (requires { member.group; }) {
        if (typed) return io.nested(rule.name, member);
        length_prefixed<true>(io, rule.name, errc::malformed_value,
                              [&](auto& inner) { location::describe(inner, member); });
    } else if constexpr (requires { member.encoded(); }) {
        describe_namespace(io, rule.name, member, 0);
    } else {
        const bool one_byte =
            typed && (rule.kind == value_kind::boolean || rule.kind == value_kind::priority_value ||
                      rule.kind == value_kind::order);
        auto value = static_cast<std::uint64_t>(member);
        if (one_byte) {
            auto narrow = static_cast<std::uint8_t>(value);
            io.u8(rule.name, narrow);
            value = narrow;
        } else {
            io.varint(rule.name, value);
        }
        check_parameter(io, rule, value);
        if constexpr (reads<Io>) {
            if (io.ok()) member = static_cast<std::remove_cvref_t<Member>>(value);
        }
    }
}

} // namespace detail

} // namespace moqrtc::moqt
