#pragma once

#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/msg/fixed_fields.hpp>
#include <moqrtc/moqt/msg/request.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace moqrtc::moqt::msg {

/// REQUEST_OK: the plain yes to a request; what it may carry depends on the request.
///
/// Spec    moq-transport from draft 15 on, anchor `message-request-ok`.
/// Fields  `properties` only in the answer to TRACK_STATUS, from draft 18 on. Draft 14 has a
/// message
///         for each request it answers (`publish_namespace_ok` and its like); those that are
///         described here have no parameters there.
struct request_ok {
    static constexpr std::string_view name = "REQUEST_OK";
    static constexpr const char* where = "REQUEST_OK, message-request-ok";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.unified_errors ? 0x7 : no_code;
    }
    static constexpr carrier carriers = carrier::publish_ok | carrier::update_ok |
                                        carrier::track_status_ok | carrier::publish_namespace_ok |
                                        carrier::subscribe_namespace_ok |
                                        carrier::subscribe_tracks_ok;
    /// What it can answer in this draft: PUBLISH has an answer of its own up to draft 17.
    [[nodiscard]] static constexpr carrier carriers_in(const wire_rules& rules) noexcept {
        return rules.publish_ok_is_request_ok ? carriers : without(carriers, carrier::publish_ok);
    }

    moqt::request_id request_id = 0;
    message_params params{};
    bytes properties{};

    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        if (!io.rules().unified_errors) return end_without_params(io, m);
        describe_params(io, m.params, carriers_in(io.rules()));
        describe_track_properties(io, io.rules().request_ok_properties, m.properties);
    }

private:
    /// The Request ID is all there is; a count of no parameters behind it, which other
    /// implementations send, does no harm.
    static constexpr void end_without_params(auto& io, auto& m) {
        if constexpr (reads<decltype(io)>) {
            std::uint64_t count = 0;
            if (io.left() != 0) io.varint("number_of_parameters", count);
            io.check(count == 0, "number_of_parameters", errc::trailing);
        } else {
            io.check(m.properties.empty(), "track_properties", errc::not_in_draft);
            io.check(misplaced_parameter(io.rules(), m.params, carrier::none) == nullptr,
                     "parameters", errc::not_in_draft);
        }
    }
};

/// Where else to ask. Spec: moq-transport from draft 18 on, anchor `message-request-error`.
struct redirect {
    bytes connect_uri{};
    namespace_view track_namespace{};
    bytes track_name{};

    static constexpr void describe(auto& io, auto& m) {
        io.blob("connect_uri", m.connect_uri, limits::session_uri);
        describe_namespace(io, "track_namespace", m.track_namespace, 0);
        io.blob("track_name", m.track_name, limits::full_track_name);
        io.check(m.track_namespace.content_size() + m.track_name.size() <= limits::full_track_name,
                 "track_name", errc::limit);
    }
};

/// The track that a redirect of a request for `asked` leads to: up to draft 19 without names the
/// same one, later what it says.
[[nodiscard]] inline full_track_name redirected(const wire_rules& rules, const redirect& to,
                                                const full_track_name& asked) {
    if (rules.redirect_reuses_name && to.track_namespace.count() == 0 && to.track_name.empty())
        return asked;
    return {track_namespace{to.track_namespace}, std::string{as_text(to.track_name)}};
}

/// REQUEST_ERROR: the no to a request.
///
/// Spec    moq-transport from draft 15 on, anchor `message-request-error`.
/// Fields  `error_code` is the draft's number (`codes.hpp` translates). `retry_interval` is 0 for
///         "do not retry", else one more than the milliseconds to wait.
struct request_error {
    static constexpr std::string_view name = "REQUEST_ERROR";
    static constexpr const char* where = "REQUEST_ERROR, message-request-error";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.unified_errors ? 0x5 : no_code;
    }

    moqt::request_id request_id = 0;
    std::uint64_t error_code = 0;
    std::uint64_t retry_interval = 0;
    bytes reason{};
    std::optional<redirect> target{};

    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        io.varint("error_code", m.error_code);
        if constexpr (samples<decltype(io)>) { // random numbers would hardly ever redirect
            if (io.below(4) == 0) m.error_code = to_wire(io.rules(), request_error_code::redirect);
        }
        io.varint_if(io.rules().retry_interval, "retry_interval", m.retry_interval);
        io.blob("error_reason", m.reason, limits::reason_phrase);
        const bool redirects = io.rules().redirect &&
                               m.error_code == to_wire(io.rules(), request_error_code::redirect);
        if constexpr (reads<decltype(io)> || samples<decltype(io)>) {
            if (redirects) m.target.emplace();
        } else {
            io.check(redirects == m.target.has_value(), "redirect",
                     io.rules().redirect ? errc::bad_value : errc::not_in_draft);
        }
        if (redirects && m.target) io.nested("redirect", *m.target);
    }
};

/// REQUEST_UPDATE: changes parameters of a running request; SUBSCRIBE_UPDATE up to draft 15.
///
/// Spec    moq-transport, anchor `message-request-update`, earlier `message-subscribe-update`.
/// Fields  `existing_request_id` only where requests share the control stream.
struct request_update {
    static constexpr std::string_view name = "REQUEST_UPDATE";
    static constexpr const char* where = "REQUEST_UPDATE, message-request-update";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x2; }

    moqt::request_id request_id = 0;
    moqt::request_id existing_request_id = 0;
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        if (!io.rules().request_streams) io.varint("existing_request_id", m.existing_request_id);
        if (io.rules().fixed_request_fields) describe_update_fields(io, m.params);
        describe_params(io, m.params, any_update);
    }
};

/// Text as a template's argument.
template <std::size_t Size>
struct text_constant {
    char content[Size]{};

    consteval text_constant(const char (&text)[Size]) { std::copy_n(text, Size, content); }
};

/// An answer of draft 14, which has a pair for each kind of request: REQUEST_OK or REQUEST_ERROR
/// under a type and a name of its own. The numbers in `error_code` are those of the kind's own
/// registry (`error_registry`).
///
/// Spec    moq-transport 14, the anchor behind the comma of `Where`.
template <class Unified, std::uint64_t Type, text_constant Name, text_constant Where>
struct separate_answer : Unified {
    static constexpr std::string_view name{Name.content};
    static constexpr const char* where = Where.content;
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.unified_errors ? no_code : Type;
    }
};

using publish_namespace_ok = separate_answer<request_ok, 0x7, "PUBLISH_NAMESPACE_OK",
                                             "PUBLISH_NAMESPACE_OK, message-pub-ns-ok">;
using subscribe_namespace_ok = separate_answer<request_ok, 0x12, "SUBSCRIBE_NAMESPACE_OK",
                                               "SUBSCRIBE_NAMESPACE_OK, message-sub-ns-ok">;
/// Written as SUBSCRIBE_OK with a track alias that means nothing: 0.
struct track_status_ok : separate_answer<request_ok, 0xe, "TRACK_STATUS_OK",
                                         "TRACK_STATUS_OK, message-track-status-ok"> {
    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        std::uint64_t alias = 0;
        if constexpr (!samples<decltype(io)>) io.varint("track_alias", alias);
        describe_publisher_fields(io, m.params);
        describe_params(io, m.params, carrier::track_status_ok);
    }
};
using subscribe_error = separate_answer<request_error, 0x5, "SUBSCRIBE_ERROR",
                                        "SUBSCRIBE_ERROR, message-subscribe-error">;
using publish_error =
    separate_answer<request_error, 0x1f, "PUBLISH_ERROR", "PUBLISH_ERROR, message-publish-error">;
using fetch_error =
    separate_answer<request_error, 0x19, "FETCH_ERROR", "FETCH_ERROR, message-fetch-error">;
using track_status_error = separate_answer<request_error, 0xf, "TRACK_STATUS_ERROR",
                                           "TRACK_STATUS_ERROR, message-track-status-error">;
using publish_namespace_error = separate_answer<request_error, 0x8, "PUBLISH_NAMESPACE_ERROR",
                                                "PUBLISH_NAMESPACE_ERROR, message-pub-ns-error">;
using subscribe_namespace_error =
    separate_answer<request_error, 0x13, "SUBSCRIBE_NAMESPACE_ERROR",
                    "SUBSCRIBE_NAMESPACE_ERROR, message-sub-ns-error">;

} // namespace moqrtc::moqt::msg
