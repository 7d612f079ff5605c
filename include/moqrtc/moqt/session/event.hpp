#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/message.hpp>
#include <moqrtc/moqt/msg/all.hpp>

#include <cstdint>
#include <optional>

namespace moqrtc::moqt {

/// The kinds of requests, which also name what an answer or an end belongs to.
enum class request_kind : std::uint8_t {
    none,
    subscribe,
    publish,
    fetch,
    track_status,
    publish_namespace,
    subscribe_namespace,
    subscribe_tracks,
};

/// The registry of errors for requests of this kind, where a draft has several.
[[nodiscard]] constexpr error_registry registry_of(request_kind kind) noexcept {
    switch (kind) {
    case request_kind::publish:
        return error_registry::publish;
    case request_kind::fetch:
        return error_registry::fetch;
    case request_kind::publish_namespace:
        return error_registry::publish_namespace;
    case request_kind::subscribe_namespace:
    case request_kind::subscribe_tracks:
        return error_registry::subscribe_namespace;
    default:
        return error_registry::subscribe;
    }
}

/// Identifies a data stream of a session, in either direction, as long as it is open.
using data_stream = std::uint64_t;
inline constexpr data_stream no_stream = UINT64_MAX;

/// What a subgroup to be sent is: the fields of its header that the publisher chooses.
struct subgroup_start {
    std::uint64_t group = 0;
    std::uint64_t subgroup = 0;
    std::optional<priority> publisher_priority{}; ///< unset: the track's default
    bool has_properties = false;                  ///< objects of this stream may carry properties
    bool end_of_group = false;                    ///< the last object before FIN ends the group
    bool first_object = false; ///< its first object is the first ever of the subgroup
};

/// What a session tells its application.
struct event {
    enum class kind : std::uint8_t {
        none,
        /// The peer's SETUP is here. `message` is it: CLIENT_SETUP, SERVER_SETUP or SETUP.
        established,
        /// The peer asks; `request` says what, `message` is the request. Answer with `accept…` or
        /// `reject`.
        requested,
        /// The peer said yes to our request; `message` is its SUBSCRIBE_OK, PUBLISH_OK, FETCH_OK
        /// or REQUEST_OK, in draft 14 the OK of the request's kind (`ok_params` reads them all).
        accepted,
        /// The peer said no to our request; `message` is its REQUEST_ERROR (in every draft
        /// `as<msg::request_error>` reads it), `request_error` its
        /// code. An empty `message` means that the request's stream ended without an answer.
        rejected,
        /// The peer changes request `id`; `message` is its REQUEST_UPDATE. Answer `update_id` with
        /// `accept_update` or `reject_update`. For a subscription the session has already applied
        /// it.
        update_requested,
        /// Our REQUEST_UPDATE `update_id` of request `id` was accepted; without a `message` where
        /// the draft has no answer to it.
        update_accepted,
        /// Our REQUEST_UPDATE `update_id` of request `id` was refused.
        update_rejected,
        /// The peer ended a request: its own one (UNSUBSCRIBE and the like), or one of ours that it
        /// had accepted (PUBLISH_NAMESPACE_CANCEL and the like). `id` is gone.
        cancelled,
        /// PUBLISH_DONE for subscription `id` and all its streams are here; `publish_done` is its
        /// code, `message` the message. `id` is gone.
        publish_done,
        /// NAMESPACE, NAMESPACE_DONE or PUBLISH_BLOCKED in answer to our request `id`.
        namespace_added,
        namespace_removed,
        publish_blocked,
        /// A subgroup of subscription `id` starts; `stream` identifies it, `item` has its group,
        /// subgroup and priority.
        subgroup_opened,
        /// An object: in subgroup `stream` of subscription or fetch `id`, or in a datagram
        /// (`stream` is `no_stream`).
        object,
        /// A gap in fetch `id`: no objects, or unknown ones (`gap_unknown`, perhaps since nobody
        /// answered in time: `gap_timed_out`), up to `item.where`.
        fetch_gap,
        /// Subgroup or fetch stream `stream` of `id` ended: complete, or reset with `reset`.
        stream_finished,
        stream_reset,
        /// The peer stopped our data stream `stream` of `id` with `reset`; it has been reset.
        stream_stopped,
        /// The peer asks us to leave (`message`), or asks it of request `id` alone.
        goaway,
        request_goaway,
        /// The track of `id` is malformed; the session has ended the subscription or fetch.
        malformed_track,
        /// The session is over; the last event. `close` says why, `by_peer` who.
        closed,
        /// PUBLISH_STATE_NOTIFY for subscription `id`; `message` is it. It wants no answer.
        state_notified,
    };

    kind what = kind::none;
    request_kind request = request_kind::none;
    bool by_peer = false;
    bool gap_unknown = false;
    bool gap_timed_out = false;
    /// `object`, `fetch_gap` and the ends of streams: this comes from, or goes to, a fill of
    /// subscription `id`, which the message with request `update_id` asked for.
    bool fill = false;
    bool has_properties = false; ///< `subgroup_opened`: objects of the stream may have properties
    close_code close = close_code::no_error;
    request_error_code request_error = request_error_code::internal_error;
    publish_done_code publish_done = publish_done_code::internal_error;
    reset_code reset = reset_code::internal_error;
    request_id id = 0;
    request_id update_id = 0;
    data_stream stream = no_stream;
    object item{};   ///< `requested` and `accepted`: its properties are `track_properties`
    slice message{}; ///< body of the control message this event came with; `closed`: the reason
    error failure{}; ///< `closed`: the codec's error, if that was the cause
    const wire_rules* rules = nullptr;

    /// The message behind the event. It was checked when it came, so this fails only for the wrong
    /// type. Borrows from `message`.
    template <class M>
    [[nodiscard]] result<M> as() const {
        return parse<M>(*rules, message.view());
    }
    /// `rejected`: how long to wait before the same may be asked again; unset: it is of no use.
    /// Drafts that do not say get a second after TIMEOUT, which alone speaks of now.
    [[nodiscard]] std::optional<duration> retry_after() const {
        if (!rules->retry_interval)
            return request_error == request_error_code::timeout ? std::optional{seconds(1)}
                                                                : std::nullopt;
        const auto m = as<msg::request_error>();
        if (!m || m->retry_interval == 0) return std::nullopt;
        return milliseconds_saturated(m->retry_interval - 1);
    }
    /// What PUBLISH, SUBSCRIBE_OK, FETCH_OK and the answer to TRACK_STATUS say of the track, as
    /// properties in the encoding of `rules`, also where the draft says it in parameters.
    [[nodiscard]] const slice& track_properties() const noexcept { return item.properties; }
    /// Parameters of the OK behind `accepted`, whatever its type. Borrows from `message`.
    [[nodiscard]] message_params ok_params() const {
        if (request == request_kind::subscribe) {
            if (const auto m = as<msg::subscribe_ok>()) return m->params;
        } else if (request == request_kind::fetch) {
            if (const auto m = as<msg::fetch_ok>()) return m->params;
        } else if (request == request_kind::publish && !rules->publish_ok_is_request_ok) {
            if (const auto m = as<msg::publish_ok>()) return m->params;
        } else if (request == request_kind::track_status && !rules->unified_errors) {
            if (const auto m = as<msg::track_status_ok>()) return m->params;
        } else if (const auto m = as<msg::request_ok>()) {
            return m->params;
        }
        return {};
    }
};

} // namespace moqrtc::moqt
