#pragma once

#include <moqrtc/moqt/msg/fixed_fields.hpp>
#include <moqrtc/moqt/msg/request.hpp>
#include <moqrtc/moqt/properties.hpp>

namespace moqrtc::moqt::msg {

/// PUBLISH: offers a track; the publisher starts the subscription.
///
/// Spec    moq-transport, anchor `message-publish`.
struct publish {
    static constexpr std::string_view name = "PUBLISH";
    static constexpr const char* where = "PUBLISH, message-publish";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x1d; }

    moqt::request_id request_id = 0;
    namespace_view track_namespace{};
    bytes track_name{};
    moqt::track_alias track_alias = 0;
    message_params params{};
    bytes properties{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        describe_full_track_name(io, m);
        io.varint("track_alias", m.track_alias);
        if (io.rules().fixed_request_fields) {
            describe_order(io, m.params);
            describe_content(io, m.params);
            describe_forward(io, m.params);
        }
        describe_params(io, m.params, carrier::publish);
        describe_track_properties(io, io.rules().track_properties, m.properties);
    }
};

/// PUBLISH_OK: the subscriber takes the track; from draft 18 on a REQUEST_OK says so.
///
/// Spec    moq-transport up to draft 17, anchor `message-publish-ok`.
struct publish_ok {
    static constexpr std::string_view name = "PUBLISH_OK";
    static constexpr const char* where = "PUBLISH_OK, message-publish-ok";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.publish_ok_is_request_ok ? no_code : 0x1e;
    }

    moqt::request_id request_id = 0;
    message_params params{};

    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        if (io.rules().fixed_request_fields) {
            describe_forward(io, m.params);
            describe_priority(io, m.params);
            describe_order(io, m.params);
            describe_filter(io, m.params);
        }
        describe_params(io, m.params, carrier::publish_ok);
    }
};

/// PUBLISH_DONE: the publisher is finished with a subscription.
///
/// Spec    moq-transport, anchor `message-publish-done`.
/// Fields  `stream_count` is how many data streams were opened, or the draft's
///         `unknown_stream_count`.
struct publish_done {
    static constexpr std::string_view name = "PUBLISH_DONE";
    static constexpr const char* where = "PUBLISH_DONE, message-publish-done";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0xb; }

    moqt::request_id request_id = 0;
    std::uint64_t status_code = 0;
    std::uint64_t stream_count = 0;
    bytes reason{};

    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        io.varint("status_code", m.status_code);
        io.varint("stream_count", m.stream_count);
        io.blob("error_reason", m.reason, limits::reason_phrase);
    }
};

/// PUBLISH_STATE_NOTIFY: settings of a subscription that the publisher has changed by itself.
///
/// Spec    moq-transport from draft 20 on, anchor `message-publish-state-notify`.
struct publish_state_notify {
    static constexpr std::string_view name = "PUBLISH_STATE_NOTIFY";
    static constexpr const char* where = "PUBLISH_STATE_NOTIFY, message-publish-state-notify";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.state_notify ? 0x22 : no_code;
    }

    message_params params{};

    static constexpr void describe(auto& io, auto& m) {
        describe_params(io, m.params, carrier::state_notify);
    }
};

} // namespace moqrtc::moqt::msg
