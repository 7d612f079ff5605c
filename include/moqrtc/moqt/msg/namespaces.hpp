#pragma once

#include <moqrtc/moqt/msg/request.hpp>

namespace moqrtc::moqt::msg {

/// PUBLISH_NAMESPACE: tracks under this namespace can be subscribed to here.
///
/// Spec    moq-transport, anchor `message-pub-ns`.
struct publish_namespace {
    static constexpr std::string_view name = "PUBLISH_NAMESPACE";
    static constexpr const char* where = "PUBLISH_NAMESPACE, message-pub-ns";
    static constexpr std::uint64_t code(const wire_rules&) noexcept { return 0x6; }

    moqt::request_id request_id = 0;
    namespace_view track_namespace{};
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        describe_namespace(io, "track_namespace", m.track_namespace,
                           io.rules().empty_namespace ? 0 : 1);
        describe_params(io, m.params, carrier::publish_namespace);
    }
};

/// PUBLISH_NAMESPACE_DONE: the publisher withdraws a namespace, up to draft 16.
///
/// Fields  draft 16 names the request, 14 and 15 the namespace.
struct publish_namespace_done {
    static constexpr std::string_view name = "PUBLISH_NAMESPACE_DONE";
    static constexpr const char* where = "PUBLISH_NAMESPACE_DONE, message-pub-ns-done";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.request_streams ? no_code : 0x9;
    }

    moqt::request_id request_id = 0;
    namespace_view track_namespace{};

    static constexpr void describe(auto& io, auto& m) {
        if (io.rules().namespace_done_by_id)
            io.varint("request_id", m.request_id);
        else
            describe_namespace(io, "track_namespace", m.track_namespace, 1);
    }
};

/// PUBLISH_NAMESPACE_CANCEL: the receiver of a namespace wants no more of it, up to draft 16.
struct publish_namespace_cancel {
    static constexpr std::string_view name = "PUBLISH_NAMESPACE_CANCEL";
    static constexpr const char* where = "PUBLISH_NAMESPACE_CANCEL, message-pub-ns-cancel";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.request_streams ? no_code : 0xc;
    }

    moqt::request_id request_id = 0;
    namespace_view track_namespace{};
    std::uint64_t error_code = 0;
    bytes reason{};

    static constexpr void describe(auto& io, auto& m) {
        if (io.rules().namespace_done_by_id)
            io.varint("request_id", m.request_id);
        else
            describe_namespace(io, "track_namespace", m.track_namespace, 1);
        io.varint("error_code", m.error_code);
        io.blob("error_reason", m.reason, limits::reason_phrase);
    }
};

/// What a SUBSCRIBE_NAMESPACE of drafts 16 and 17 asks for.
enum class subscribe_options : std::uint8_t { publish = 0, namespaces = 1, both = 2 };

/// SUBSCRIBE_NAMESPACE: asks which namespaces exist under a prefix.
///
/// Spec    moq-transport, anchor `message-subscribe-ns`.
/// Fields  `options` in drafts 16 and 17; elsewhere it stays `namespaces`, since SUBSCRIBE_TRACKS
///         (or nothing, before draft 16) asks for PUBLISH.
struct subscribe_namespace {
    static constexpr std::string_view name = "SUBSCRIBE_NAMESPACE";
    static constexpr const char* where = "SUBSCRIBE_NAMESPACE, message-subscribe-ns";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.subscribe_tracks ? 0x50 : 0x11;
    }

    moqt::request_id request_id = 0;
    namespace_view track_namespace_prefix{};
    subscribe_options options = subscribe_options::namespaces;
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        describe_namespace(io, "track_namespace_prefix", m.track_namespace_prefix,
                           io.rules().namespace_streams ? 0 : 1);
        if (io.rules().subscribe_options) {
            auto options = static_cast<std::uint64_t>(m.options);
            if constexpr (samples<decltype(io)>)
                options = io.below(3);
            else
                io.varint("subscribe_options", options);
            // The drafts say nothing of other values; refusing them is the safe reading.
            io.check(options <= 2, "subscribe_options");
            if constexpr (reads<decltype(io)> || samples<decltype(io)>) {
                if (io.ok()) m.options = static_cast<subscribe_options>(options);
            }
        } else {
            io.check(m.options == subscribe_options::namespaces, "subscribe_options",
                     errc::not_in_draft);
        }
        describe_params(io, m.params, carrier::subscribe_namespace);
    }
};

/// UNSUBSCRIBE_NAMESPACE: ends a SUBSCRIBE_NAMESPACE, up to draft 15.
///
/// Spec    moq-transport up to draft 15, anchor `message-unsub-ns`.
/// Fields  draft 15 names the request, 14 the prefix.
struct unsubscribe_namespace {
    static constexpr std::string_view name = "UNSUBSCRIBE_NAMESPACE";
    static constexpr const char* where = "UNSUBSCRIBE_NAMESPACE, message-unsub-ns";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.namespace_streams ? no_code : 0x14;
    }

    moqt::request_id request_id = 0;
    namespace_view track_namespace_prefix{};

    static constexpr void describe(auto& io, auto& m) {
        if (io.rules().unsubscribe_by_id)
            io.varint("request_id", m.request_id);
        else
            describe_namespace(io, "track_namespace_prefix", m.track_namespace_prefix, 1);
    }
};

/// SUBSCRIBE_TRACKS: asks to be sent PUBLISH for every track under a prefix.
///
/// Spec    moq-transport from draft 18 on, anchor `message-subscribe-tracks`.
struct subscribe_tracks {
    static constexpr std::string_view name = "SUBSCRIBE_TRACKS";
    static constexpr const char* where = "SUBSCRIBE_TRACKS, message-subscribe-tracks";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.subscribe_tracks ? 0x51 : no_code;
    }

    moqt::request_id request_id = 0;
    namespace_view track_namespace_prefix{};
    message_params params{};
    std::uint64_t required_request_id_delta = 0;

    static constexpr void describe(auto& io, auto& m) {
        describe_request_head(io, m);
        describe_namespace(io, "track_namespace_prefix", m.track_namespace_prefix, 0);
        describe_params(io, m.params, carrier::subscribe_tracks);
    }
};

/// NAMESPACE: a namespace exists under the subscribed prefix.
///
/// Spec    moq-transport from draft 16 on, anchor `message-namespace`.
struct namespace_message {
    static constexpr std::string_view name = "NAMESPACE";
    static constexpr const char* where = "NAMESPACE, message-namespace";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.namespace_messages ? 0x8 : no_code;
    }

    namespace_view track_namespace_suffix{};

    static constexpr void describe(auto& io, auto& m) {
        describe_namespace(io, "track_namespace_suffix", m.track_namespace_suffix, 0);
    }
};

/// NAMESPACE_DONE: a namespace under the subscribed prefix is gone.
///
/// Spec    moq-transport from draft 16 on, anchor `message-namespace-done`.
struct namespace_done {
    static constexpr std::string_view name = "NAMESPACE_DONE";
    static constexpr const char* where = "NAMESPACE_DONE, message-namespace-done";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.namespace_messages ? 0xe : no_code;
    }

    namespace_view track_namespace_suffix{};

    static constexpr void describe(auto& io, auto& m) {
        describe_namespace(io, "track_namespace_suffix", m.track_namespace_suffix, 0);
    }
};

/// PUBLISH_BLOCKED (PUBLISH_SKIPPED from draft 19 on): a matching track that could not be offered.
///
/// Spec    moq-transport from draft 17 on, anchor `message-publish-blocked`.
struct publish_blocked {
    static constexpr std::string_view name = "PUBLISH_BLOCKED";
    static constexpr const char* where = "PUBLISH_BLOCKED, message-publish-blocked";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.publish_blocked ? 0xf : no_code;
    }

    namespace_view track_namespace_suffix{};
    bytes track_name{};

    static constexpr void describe(auto& io, auto& m) {
        describe_namespace(io, "track_namespace_suffix", m.track_namespace_suffix, 0);
        io.blob("track_name", m.track_name, limits::full_track_name);
        io.check(m.track_namespace_suffix.content_size() + m.track_name.size() <=
                     limits::full_track_name,
                 "track_name", errc::limit);
    }
};

} // namespace moqrtc::moqt::msg
