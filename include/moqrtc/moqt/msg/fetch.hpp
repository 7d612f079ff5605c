#pragma once

#include <moqrtc/moqt/msg/fixed_fields.hpp>
#include <moqrtc/moqt/msg/request.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <utility>

namespace moqrtc::moqt::msg {

enum class fetch_type : std::uint8_t { standalone = 1, relative_joining = 2, absolute_joining = 3 };

/// FETCH: asks for objects of the past, of a named track or joined to a subscription.
///
/// Spec    moq-transport, anchor `message-fetch`.
/// Fields  standalone: the names, `start`, and `end`, whose object is one more than the last one
///         wanted, or 0 for the whole group. Joining: `joining_request_id` names a subscription and
///         `joining_start` is a number of groups back, or an absolute group. From draft 20 on only
///         the names, with the range in `params.subscription_filter`.
struct fetch {
    static constexpr std::string_view name = "FETCH";
    static constexpr const char* where = "FETCH, message-fetch";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x16; }

    moqt::request_id request_id = 0;
    fetch_type type = fetch_type::standalone;
    namespace_view track_namespace{};
    bytes track_name{};
    location start{};
    location end{};
    moqt::request_id joining_request_id = 0;
    std::uint64_t joining_start = 0;
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    /// Whether a range is not backwards; object 0 of an end stands for its whole group.
    [[nodiscard]] static constexpr bool ordered(const location& start,
                                                const location& end) noexcept {
        return start <= end || (start.group == end.group && end.object == 0);
    }

    /// The range that a FETCH which names its track asks for, however the draft says it.
    [[nodiscard]] constexpr subscription_filter wanted(const wire_rules& rules) const noexcept {
        if (rules.typed_fetch) return subscription_filter::range(start, end);
        return params.subscription_filter.value_or(subscription_filter{filter_type::everything});
    }

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        if (io.rules().fixed_request_fields) {
            describe_priority(io, m.params);
            describe_wanted_order(io, m.params);
        }
        if (!io.rules().typed_fetch) {
            if constexpr (!reads<decltype(io)> && !samples<decltype(io)>)
                io.check(m.type == fetch_type::standalone && m.start == location{} &&
                             m.end == location{},
                         "fetch_type", errc::not_in_draft);
            describe_full_track_name(io, m);
            return describe_params(io, m.params, carrier::fetch);
        }
        auto type = static_cast<std::uint64_t>(m.type);
        if constexpr (samples<decltype(io)>)
            type = 1 + io.below(3);
        else
            io.varint("fetch_type", type);
        io.check(type >= 1 && type <= 3, "fetch_type");
        if constexpr (reads<decltype(io)> || samples<decltype(io)>) {
            if (!io.ok()) return;
            m.type = static_cast<fetch_type>(type);
        }
        if (m.type == fetch_type::standalone) {
            describe_full_track_name(io, m);
            io.nested("start", m.start);
            io.nested("end", m.end);
            // A sender's duty; a receiver refuses the request and keeps the session.
            if constexpr (samples<decltype(io)>) {
                if (!ordered(m.start, m.end)) std::swap(m.start, m.end);
            } else if constexpr (!reads<decltype(io)>) {
                io.check(ordered(m.start, m.end), "end");
            }
        } else {
            io.varint("joining_request_id", m.joining_request_id);
            io.varint("joining_start", m.joining_start);
        }
        describe_params(io, m.params, carrier::fetch);
    }
};

/// FETCH_OK: the range is known and its objects come on a unidirectional stream.
///
/// Spec    moq-transport, anchor `message-fetch-ok`.
/// Fields  `end` as in FETCH up to draft 19, also where the wire has the last location itself.
///         `end_of_track` is true when no object follows the range, ever.
struct fetch_ok {
    static constexpr std::string_view name = "FETCH_OK";
    static constexpr const char* where = "FETCH_OK, message-fetch-ok";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x18; }

    moqt::request_id request_id = 0;
    std::uint8_t end_of_track = 0;
    location end{};
    message_params params{};
    bytes properties{};

    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        if (io.rules().fixed_request_fields) describe_order(io, m.params);
        if constexpr (samples<decltype(io)>)
            m.end_of_track = static_cast<std::uint8_t>(io.below(2));
        else
            io.u8("end_of_track", m.end_of_track);
        io.check(m.end_of_track <= 1, "end_of_track");
        auto end = io.rules().fetch_end_inclusive ? last_before(m.end) : m.end;
        io.nested("end", end);
        if constexpr (reads<decltype(io)> || samples<decltype(io)>)
            m.end = io.rules().fetch_end_inclusive ? behind(end) : end;
        describe_params(io, m.params, carrier::fetch_ok);
        describe_track_properties(io, io.rules().track_properties, m.properties);
    }
};

/// FETCH_CANCEL: ends a fetch, up to draft 16; later the request stream is cancelled.
///
/// Spec    moq-transport up to draft 16, anchor `message-fetch-cancel`.
struct fetch_cancel {
    static constexpr std::string_view name = "FETCH_CANCEL";
    static constexpr const char* where = "FETCH_CANCEL, message-fetch-cancel";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.request_streams ? no_code : 0x17;
    }

    moqt::request_id request_id = 0;

    static constexpr void describe(auto& io, auto& m) { io.varint("request_id", m.request_id); }
};

} // namespace moqrtc::moqt::msg
