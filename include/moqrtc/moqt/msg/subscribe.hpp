#pragma once

#include <moqrtc/moqt/msg/fixed_fields.hpp>
#include <moqrtc/moqt/msg/request.hpp>
#include <moqrtc/moqt/properties.hpp>

namespace moqrtc::moqt::msg {

/// SUBSCRIBE: asks for the objects of a track from now on.
///
/// Spec    moq-transport, anchor `message-subscribe-req`.
/// Borrows names and parameters.
struct subscribe {
    static constexpr std::string_view name = "SUBSCRIBE";
    static constexpr const char* where = "SUBSCRIBE, message-subscribe-req";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x3; }

    moqt::request_id request_id = 0;
    namespace_view track_namespace{};
    bytes track_name{};
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        describe_full_track_name(io, m);
        if (io.rules().fixed_request_fields) describe_subscriber_fields(io, m.params);
        describe_params(io, m.params, carrier::subscribe);
    }
};

/// SUBSCRIBE_OK: the publisher serves the subscription under a track alias.
///
/// Spec    moq-transport, anchor `message-subscribe-ok`.
/// Fields  `request_id` only up to draft 16. `properties` are the track's, from draft 16 on.
struct subscribe_ok {
    static constexpr std::string_view name = "SUBSCRIBE_OK";
    static constexpr const char* where = "SUBSCRIBE_OK, message-subscribe-ok";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x4; }

    moqt::request_id request_id = 0;
    moqt::track_alias track_alias = 0;
    message_params params{};
    bytes properties{};

    static constexpr void describe(auto& io, auto& m) {
        describe_answered_request(io, m);
        io.varint("track_alias", m.track_alias);
        if (io.rules().fixed_request_fields) describe_publisher_fields(io, m.params);
        describe_params(io, m.params, carrier::subscribe_ok);
        describe_track_properties(io, io.rules().track_properties, m.properties);
    }
};

/// UNSUBSCRIBE: ends a subscription, up to draft 16; later the request stream is cancelled.
///
/// Spec    moq-transport up to draft 16, anchor `message-unsubscribe`.
struct unsubscribe {
    static constexpr std::string_view name = "UNSUBSCRIBE";
    static constexpr const char* where = "UNSUBSCRIBE, message-unsubscribe";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.request_streams ? no_code : 0xa;
    }

    moqt::request_id request_id = 0;

    static constexpr void describe(auto& io, auto& m) { io.varint("request_id", m.request_id); }
};

/// TRACK_STATUS: asks what a track is, without its objects.
///
/// Spec    moq-transport, anchor `message-track-status-req`.
struct track_status {
    static constexpr std::string_view name = "TRACK_STATUS";
    static constexpr const char* where = "TRACK_STATUS, message-track-status-req";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0xd; }

    moqt::request_id request_id = 0;
    namespace_view track_namespace{};
    bytes track_name{};
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        describe_full_track_name(io, m);
        if (io.rules().fixed_request_fields) describe_subscriber_fields(io, m.params);
        describe_params(io, m.params, carrier::track_status);
    }
};

} // namespace moqrtc::moqt::msg
