#pragma once

#include <moqrtc/core/varint.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::moqt {

/// A draft of moq-transport. The draft of a session is a runtime value, never a template parameter.
enum class draft : std::uint8_t { d14 = 14, d15, d16, d17, d18, d19, d20, d21, d22 };

inline constexpr std::array all_drafts{draft::d14, draft::d15, draft::d16, draft::d17, draft::d18,
                                       draft::d19, draft::d20, draft::d21, draft::d22};
/// The drafts that sessions of this version speak, newest first; the others are rows to come.
inline constexpr std::array spoken_drafts{draft::d22, draft::d21, draft::d20,
                                          draft::d19, draft::d18, draft::d17,
                                          draft::d16, draft::d15, draft::d14};
/// The newest draft that is offered without being asked for: what is known of later ones is at
/// second hand.
inline constexpr draft newest_offered = draft::d21;

[[nodiscard]] constexpr unsigned number(draft d) noexcept {
    return static_cast<unsigned>(d);
}

/// How Key-Value-Pairs name their type.
enum class key_form : std::uint8_t { absolute, delta };
/// How a message parameter carries its value.
enum class parameter_form : std::uint8_t {
    key_value, ///< a Key-Value-Pair: even types are integers, odd types length-prefixed
    typed,     ///< by the definition of its type, so that unknown types cannot be skipped
};
/// What to do with a message parameter that this message does not define.
enum class unknown_parameter : std::uint8_t { ignored, closes };
enum class setup_form : std::uint8_t {
    versions,  ///< CLIENT_SETUP and SERVER_SETUP with a list of versions
    pair,      ///< CLIENT_SETUP and SERVER_SETUP, version from ALPN
    symmetric, ///< one SETUP from each side
};
enum class location_filter_form : std::uint8_t {
    fields,
    absolute_end,
    delta_end,
    counted,  ///< behind a length; how many fields there are says what they mean
    untagged, ///< behind a type of its own, without a length
};
enum class fetch_form : std::uint8_t {
    plain,    ///< every field of every object, absolute
    flags_u8, ///< one byte of flags, absolute identifiers
    flags,    ///< varint flags, absolute identifiers
    deltas,   ///< varint flags, identifiers relative to the previous object
};

/// Where two publisher priorities within one subgroup make a track malformed.
enum class one_priority : std::uint8_t { nowhere, in_fetches, everywhere };

/// What a draft can and demands: the only place where a draft's number stands. Codecs and machines
/// ask for a capability by name. Source: the drafts' change logs and message figures.
struct wire_rules {
    draft id;
    std::string_view alpn; ///< also the WebTransport subprotocol from 15 on
    varint_form varint;
    key_form keys;
    parameter_form parameters;
    unknown_parameter unknown_parameters;   ///< types that no definition exists for
    unknown_parameter misplaced_parameters; ///< defined types in a message that does not list them
    setup_form setup;
    std::uint64_t version;  ///< in the version lists of set-up; 0 where ALPN says all
    bool control_pair;      ///< two unidirectional control streams instead of one bidirectional
    bool request_streams;   ///< every request on a bidirectional stream of its own
    bool namespace_streams; ///< SUBSCRIBE_NAMESPACE on a bidirectional stream of its own
    bool request_credit;    ///< MAX_REQUEST_ID and REQUESTS_BLOCKED
    bool required_request_delta;   ///< Required Request ID Delta in every request
    bool fixed_request_fields;     ///< 14: priorities, order, filter as fields, not parameters
    bool unified_errors;           ///< REQUEST_ERROR and REQUEST_OK instead of one pair per request
    bool retry_interval;           ///< REQUEST_ERROR has a Retry Interval
    bool redirect;                 ///< REQUEST_ERROR has a Redirect
    bool publish_ok_is_request_ok; ///< PUBLISH is answered by REQUEST_OK
    bool track_properties;         ///< SUBSCRIBE_OK, PUBLISH, FETCH_OK end with track properties
    bool request_ok_properties;    ///< REQUEST_OK ends with track properties
    bool namespace_done_by_id;     ///< PUBLISH_NAMESPACE_DONE and _CANCEL name a request
    bool unsubscribe_by_id;        ///< UNSUBSCRIBE_NAMESPACE names a request, not a prefix
    bool namespace_messages;       ///< NAMESPACE and NAMESPACE_DONE
    bool subscribe_options;        ///< SUBSCRIBE_NAMESPACE has Subscribe Options
    bool subscribe_tracks;         ///< SUBSCRIBE_TRACKS
    bool publish_blocked;          ///< PUBLISH_BLOCKED, later PUBLISH_SKIPPED
    bool goaway_timeout;           ///< GOAWAY has a Timeout
    bool goaway_request;           ///< GOAWAY on the control stream has a Request ID
    bool request_goaway;           ///< GOAWAY on a request stream
    bool sequential_request_ids;   ///< a request must use the next identifier
    bool several_subscriptions;    ///< more than one subscription to a track per session
    bool empty_namespace;          ///< a track namespace may have no field
    bool reserved_namespaces;      ///< a first field that starts with "." is reserved
    bool mandatory_properties;     ///< unknown types 0x4000 to 0x7FFF refuse the track
    bool default_priority_bit;     ///< subgroup and datagram types can omit the priority
    bool first_object_bit;         ///< subgroup type bit 0x40
    bool padding;                  ///< padding streams and datagrams
    bool object_does_not_exist;    ///< object status 0x1
    bool properties_on_ends;       ///< End of Group and End of Track may have properties
    fetch_form fetch_objects;
    bool typed_fetch; ///< FETCH has a Fetch Type: standalone or joining
    bool fetch_end_inclusive;
    bool no_objects;      ///< a FETCH without an object is refused instead of answered
    bool timed_out_range; ///< end of range marker 0x20C
    one_priority subgroup_priority;
    bool end_of_group_bit_binds; ///< FIN behind END_OF_GROUP proves the end; before, it is a hint
    bool one_forwarding_preference; ///< for all objects of a track, not for each object alone
    location_filter_form location_filter;
    bool joining_by_forward;   ///< a joining FETCH needs Forward State 1, not a filter type
    bool joining_closes;       ///< without it the session closes instead of refusing
    bool zero_timeout_is_none; ///< a delivery timeout of 0 means none instead of closing
    bool subgroup_timeout;     ///< SUBGROUP_DELIVERY_TIMEOUT beside OBJECT_DELIVERY_TIMEOUT
    bool update_all_requests;  ///< REQUEST_UPDATE on every kind of request
    bool updates_only_narrow;  ///< an update's start must not go back, in 14 its end neither on
    bool range_filters;        ///< and MAX_FILTER_RANGES, MAX_REQUEST_UPDATES
    bool fin_ends_discovery;   ///< FIN of a requester of namespaces or tracks ends its request
    bool publish_ok_settings;  ///< the answer to PUBLISH carries the subscriber's settings
    bool past_filter_refused;  ///< a filter whose end has passed refuses the subscription
    bool redirect_reuses_name; ///< a Redirect without names means those that were asked for
    bool fill;                 ///< FILL_PARAMETERS and fill fetch streams
    bool state_notify;         ///< PUBLISH_STATE_NOTIFY
    std::uint64_t unknown_stream_count; ///< PUBLISH_DONE Stream Count that means "not known"
};

namespace detail {

constexpr wire_rules make_rules(draft d) noexcept {
    using enum draft;
    constexpr std::array<std::string_view, 9> alpn{"moq-00",  "moqt-15", "moqt-16",
                                                   "moqt-17", "moqt-18", "moqt-19",
                                                   "moqt-20", "moqt-21", "moqt-22"};
    return {
        .id = d,
        .alpn = alpn[number(d) - number(d14)],
        .varint = d < d17    ? varint_form::quic
                  : d == d17 ? varint_form::leading_ones_no7
                             : varint_form::leading_ones,
        .keys = d < d16 ? key_form::absolute : key_form::delta,
        .parameters = d < d17 ? parameter_form::key_value : parameter_form::typed,
        .unknown_parameters = d < d16 ? unknown_parameter::ignored : unknown_parameter::closes,
        .misplaced_parameters = d < d17 ? unknown_parameter::ignored : unknown_parameter::closes,
        .setup = d == d14  ? setup_form::versions
                 : d < d17 ? setup_form::pair
                           : setup_form::symmetric,
        .version = d == d14 ? 0xff000000u + number(d) : 0,
        .control_pair = d >= d17,
        .request_streams = d >= d17,
        .namespace_streams = d >= d16,
        .request_credit = d < d17,
        .required_request_delta = d == d17,
        .fixed_request_fields = d == d14,
        .unified_errors = d >= d15,
        .retry_interval = d >= d16,
        .redirect = d >= d18,
        .publish_ok_is_request_ok = d >= d18,
        .track_properties = d >= d16,
        .request_ok_properties = d >= d18,
        .namespace_done_by_id = d == d16,
        .unsubscribe_by_id = d == d15,
        .namespace_messages = d >= d16,
        .subscribe_options = d == d16 || d == d17,
        .subscribe_tracks = d >= d18,
        .publish_blocked = d >= d17,
        .goaway_timeout = d >= d17,
        .goaway_request = d == d18,
        .request_goaway = d >= d18,
        .sequential_request_ids = d < d17,
        .several_subscriptions = d >= d19,
        .empty_namespace = d >= d17,
        .reserved_namespaces = d >= d18,
        .mandatory_properties = d >= d18,
        .default_priority_bit = d >= d15,
        .first_object_bit = d >= d18,
        .padding = d >= d18,
        .object_does_not_exist = d < d16,
        .properties_on_ends = d == d14,
        .fetch_objects = d == d14   ? fetch_form::plain
                         : d == d15 ? fetch_form::flags_u8
                         : d < d18  ? fetch_form::flags
                                    : fetch_form::deltas,
        .typed_fetch = d < d20,
        .fetch_end_inclusive = d >= d20,
        .no_objects = d == d14,
        .timed_out_range = d >= d20,
        .subgroup_priority = d < d16   ? one_priority::nowhere
                             : d < d18 ? one_priority::in_fetches
                                       : one_priority::everywhere,
        .end_of_group_bit_binds = d >= d17,
        .one_forwarding_preference = d < d16,
        .location_filter = d == d14  ? location_filter_form::fields
                           : d < d17 ? location_filter_form::absolute_end
                           : d < d20 ? location_filter_form::delta_end
                           : d < d22 ? location_filter_form::counted
                                     : location_filter_form::untagged,
        .joining_by_forward = d >= d17,
        .joining_closes = d < d18,
        .zero_timeout_is_none = d != d16,
        .subgroup_timeout = d >= d18,
        .update_all_requests = d >= d16,
        .updates_only_narrow = d < d16,
        .range_filters = d >= d19,
        .fin_ends_discovery = d < d19,
        .publish_ok_settings = d < d20,
        .past_filter_refused = d < d20,
        .redirect_reuses_name = d < d20,
        .fill = d >= d20,
        .state_notify = d >= d20,
        .unknown_stream_count = d >= d20 ? UINT64_MAX : (std::uint64_t{1} << 62) - 1,
    };
}

inline constexpr std::array<wire_rules, 9> rules_table{
    make_rules(draft::d14), make_rules(draft::d15), make_rules(draft::d16),
    make_rules(draft::d17), make_rules(draft::d18), make_rules(draft::d19),
    make_rules(draft::d20), make_rules(draft::d21), make_rules(draft::d22)};

} // namespace detail

/// The rules of a draft; the reference is valid for ever.
[[nodiscard]] constexpr const wire_rules& rules_for(draft d) noexcept {
    return detail::rules_table[number(d) - number(draft::d14)];
}

/// Whether objects and their properties look the same in two drafts, apart from what a stream's
/// header says: what is encoded for one serves the other.
[[nodiscard]] constexpr bool same_objects(const wire_rules& a, const wire_rules& b) noexcept {
    return a.varint == b.varint && a.keys == b.keys &&
           a.zero_timeout_is_none == b.zero_timeout_is_none &&
           a.object_does_not_exist == b.object_does_not_exist &&
           a.properties_on_ends == b.properties_on_ends;
}

/// The kinds of drafts that `same_objects` tells apart, among those that are spoken.
inline constexpr std::size_t object_kinds = [] {
    std::size_t count = 0;
    for (std::size_t i = 0; i < spoken_drafts.size(); ++i) {
        bool fresh = true;
        for (std::size_t j = 0; j < i; ++j)
            fresh =
                fresh && !same_objects(rules_for(spoken_drafts[i]), rules_for(spoken_drafts[j]));
        count += fresh ? 1 : 0;
    }
    return count;
}();
/// Which of them a spoken draft is, numbered from the newest.
[[nodiscard]] constexpr std::size_t object_kind(draft d) noexcept {
    std::size_t kind = 0;
    for (std::size_t i = 0; i < spoken_drafts.size(); ++i) {
        bool fresh = true;
        for (std::size_t j = 0; j < i; ++j)
            fresh =
                fresh && !same_objects(rules_for(spoken_drafts[i]), rules_for(spoken_drafts[j]));
        if (same_objects(rules_for(spoken_drafts[i]), rules_for(d))) return kind;
        kind += fresh ? 1 : 0;
    }
    return 0;
}

/// Whether a draft is chosen by ALPN or WebTransport subprotocol, and not only in set-up.
[[nodiscard]] constexpr bool is_chosen_by_alpn(const wire_rules& rules) noexcept {
    return rules.setup != setup_form::versions;
}

/// The draft of a session for which ALPN or subprotocol chose none.
inline constexpr draft draft_by_setup = draft::d14;

/// The draft of a number, if it is one that the table knows.
[[nodiscard]] constexpr std::optional<draft> draft_of(unsigned n) noexcept {
    if (n < number(all_drafts.front()) || n > number(all_drafts.back())) return std::nullopt;
    return static_cast<draft>(n);
}

/// The draft that an ALPN or a WebTransport subprotocol names.
[[nodiscard]] constexpr std::optional<draft> draft_of(std::string_view alpn) noexcept {
    for (const auto& rules : detail::rules_table)
        if (rules.alpn == alpn) return rules.id;
    return std::nullopt;
}

} // namespace moqrtc::moqt
