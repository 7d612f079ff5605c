#pragma once

#include <moqrtc/core/assert.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/params.hpp>
#include <moqrtc/moqt/properties.hpp>
#include <moqrtc/moqt/range_filter.hpp>
#include <moqrtc/moqt/session/event.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::moqt {

/// What both sides know of a subscription.
struct subscription_state {
    // What each object is held against, made of the rest by `resolve`.
    location first_wanted{};
    std::uint64_t last_wanted_group = UINT64_MAX;
    std::uint64_t last_wanted_object = UINT64_MAX; ///< of that group
    bool has_timeouts = false;

    std::optional<subscription_filter> filter{}; ///< unset: unfiltered
    shared_filters filters{};                    ///< range filters; null for none
    std::uint64_t object_delivery_timeout = 0;   ///< the subscriber's, milliseconds, 0 none
    std::uint64_t subgroup_delivery_timeout = 0; ///< likewise
    track_properties properties{};
    std::optional<location> largest{}; ///< when it was established, or Forward last became 1
    bool publisher = false;            ///< we send the objects
    bool by_publish = false;           ///< the publisher started it
    bool forward = true;
    priority subscriber_priority = default_priority;
    std::optional<group_order> order{};
    track_alias alias = 0;
    std::uint64_t streams_opened = 0; ///< data streams, ours or the peer's
    std::uint64_t streams_open = 0;

    /// The delivery timeouts in force: the shorter of the subscriber's and the track's, 0 for none.
    [[nodiscard]] std::uint64_t object_timeout() const noexcept {
        return shorter(object_delivery_timeout, properties.object_delivery_timeout.value_or(0));
    }
    [[nodiscard]] std::uint64_t subgroup_timeout() const noexcept {
        return shorter(subgroup_delivery_timeout, properties.subgroup_delivery_timeout.value_or(0));
    }
    /// Where the subscription starts, with the filter resolved against `largest`; without a filter
    /// at the beginning of the track.
    [[nodiscard]] location start() const noexcept {
        return filter ? filter->first(largest) : location{};
    }
    /// After a change of filter, Largest Object or timeouts.
    void resolve() noexcept {
        first_wanted = start();
        const auto last = filter ? filter->last() : location{UINT64_MAX, UINT64_MAX};
        last_wanted_group = last.group;
        last_wanted_object = last.object;
        has_timeouts = object_timeout() != 0 || subgroup_timeout() != 0;
    }
    /// Whether the filter lets an object at `where` pass; says nothing of Forward.
    [[nodiscard]] bool wants(location where) const noexcept {
        return where.reaches(first_wanted) && where.group <= last_wanted_group &&
               (where.object <= last_wanted_object || where.group < last_wanted_group);
    }
    /// Whether any object of `group` can pass the filter.
    [[nodiscard]] bool wants_group(std::uint64_t group) const noexcept {
        return group >= first_wanted.group && group <= last_wanted_group;
    }
    /// Whether the range filters let an object pass.
    [[nodiscard]] bool passes(const wire_rules& rules, std::uint64_t subgroup,
                              std::uint64_t object_id, priority publisher_priority,
                              bytes object_properties) const noexcept {
        return filters == nullptr ||
               filters->pass(rules, subgroup, object_id, publisher_priority, object_properties);
    }
    [[nodiscard]] group_order effective_order() const noexcept {
        return order.value_or(properties.default_publisher_group_order);
    }

private:
    [[nodiscard]] static constexpr std::uint64_t shorter(std::uint64_t a,
                                                         std::uint64_t b) noexcept {
        return a == 0 ? b : b == 0 || a < b ? a : b;
    }
};

/// A fill that is due: what a subscriber wants of the past, and how.
///
/// Units   `timeout` in milliseconds; unset leaves it to the publisher.
struct fill_request {
    request_id id = 0; ///< of the SUBSCRIBE or REQUEST_UPDATE that asked, which names the stream
    location_span range{};
    group_order order = group_order::ascending;
    priority subscriber_priority = default_priority;
    std::optional<std::uint64_t> timeout{};
    shared_filters filters{};
};

namespace detail {

/// A fill of the peer's from its message on; `due` once its range stands.
struct pending_fill {
    fill_request fill{};
    std::optional<subscription_filter> filter{};
    std::optional<group_order> order{};
    std::optional<moqt::priority> priority{};
    bool due = false;
};
/// A fill of ours.
struct asked_fill {
    request_id id = 0;
    group_order order = group_order::ascending;
    bool seen = false; ///< its stream has come
};

inline constexpr std::uint32_t no_slot = UINT32_MAX;

/// A request of either side, from its message until both sides are through with it.
struct alignas(64) request {
    enum class state : std::uint8_t { pending, established, done };

    std::size_t unsent = 0; ///< bytes of its data streams; first, with what objects look at
    subscription_state subscription{};
    request_id id = 0;
    request_kind kind = request_kind::none;
    bool ours = false;
    state phase = state::pending;
    bool own_stream = false; ///< it has a bidirectional stream of its own
    bool implied = false;    ///< PUBLISH_NAMESPACE that answers SUBSCRIBE_NAMESPACE: not told
    std::uint64_t stream = 0;
    full_track_name name{}; ///< `name.space` alone for namespace requests
    location fetch_start{};
    group_order fetch_order = group_order::ascending;
    std::uint64_t fetch_stream = no_stream;
    bool fetch_finished = false;
    std::uint32_t first_stream = no_slot;  ///< list of our open data streams
    std::vector<request_id> updates_out{}; ///< our updates without an answer, oldest first
    std::vector<request_id> updates_in{};  ///< the peer's
    /// Those of them that are refused as soon as the ones before them have their answers.
    std::vector<std::pair<request_id, request_error_code>> updates_refused{};
    std::set<std::string> suffixes{};      ///< announced under SUBSCRIBE_NAMESPACE, canonical keys
    std::vector<pending_fill> fills{};     ///< the peer's
    std::vector<asked_fill> asked_fills{}; ///< ours
    std::optional<group_order>
        fills_tracks{};       ///< our SUBSCRIBE_TRACKS asks for fills in this order
    bool moves_start = false; ///< an update with a location filter waits for its answer
    bool goaway_seen = false;
    bool goaway_sent = false;

    // PUBLISH_DONE, ours to send or the peer's to deliver, until all streams are through.
    bool done_pending = false;
    publish_done_code done_code = publish_done_code::internal_error;
    std::uint64_t done_streams = 0;
    slice done_message{};
    std::string done_reason{};

    void clear() { *this = request{}; }
    /// Whether a PUBLISH of the peer for the same track cannot replace it.
    [[nodiscard]] bool by_peer_or_established() const noexcept {
        return !ours || phase != state::pending;
    }
    [[nodiscard]] bool is_subscription() const noexcept {
        return kind == request_kind::subscribe || kind == request_kind::publish;
    }
};

/// The request identifiers that a peer has used, where they may come in any order.
class id_history {
public:
    [[nodiscard]] bool contains(std::uint64_t id) const {
        const auto next = spans_.upper_bound(id / 2);
        return next != spans_.begin() && id / 2 <= std::prev(next)->second;
    }
    /// The first identifier of this parity that is not there while a later one is.
    [[nodiscard]] std::optional<std::uint64_t> first_missing(std::uint64_t parity) const {
        if (spans_.empty()) return std::nullopt;
        const auto& [first, last] = *spans_.begin();
        if (first != 0) return parity;
        if (spans_.size() == 1) return std::nullopt;
        return (last + 1) * 2 + parity;
    }
    /// Notes `id`; false when it was there already.
    bool add(std::uint64_t id) {
        id /= 2; // the parity is fixed, so that neighbours merge
        auto next = spans_.upper_bound(id);
        if (next != spans_.begin()) {
            const auto before = std::prev(next);
            if (id <= before->second) return false;
            if (id == before->second + 1) {
                before->second = id;
                if (next != spans_.end() && next->first == id + 1) {
                    before->second = next->second;
                    spans_.erase(next);
                }
                return true;
            }
        }
        if (next != spans_.end() && next->first == id + 1) {
            const auto last = next->second;
            spans_.erase(next);
            spans_[id] = last;
            return true;
        }
        spans_[id] = id;
        // A peer that leaves thousands of gaps loses the right to fill the oldest.
        if (spans_.size() > 4096) {
            const auto second = std::next(spans_.begin());
            spans_.begin()->second = second->second;
            spans_.erase(second);
        }
        return true;
    }

private:
    std::map<std::uint64_t, std::uint64_t> spans_; ///< first to last
};

} // namespace detail
namespace detail {

/// Sets what a message with fixed fields has to say and `params` leaves open to how it is now.
inline void fill_fields(const subscription_state& s, message_params& params) {
    if (!params.forward) params.forward = s.forward;
    if (!params.subscriber_priority) params.subscriber_priority = s.subscriber_priority;
    if (!params.group_order) params.group_order = s.effective_order();
    if (params.subscription_filter) return;
    const bool ends = s.last_wanted_group != UINT64_MAX;
    params.subscription_filter =
        subscription_filter{ends ? filter_type::absolute_range : filter_type::absolute_start,
                            s.first_wanted, ends ? s.last_wanted_group : 0};
}

/// Whether the filter of `params` lets pass just what is let pass now.
[[nodiscard]] inline bool repeats(const subscription_state& s, const message_params& params) {
    auto next = s;
    next.filter = params.subscription_filter;
    next.resolve();
    return next.first_wanted == s.first_wanted && next.last_wanted_group == s.last_wanted_group;
}

/// Whether `params` leave the filter as it is or take only more away, as draft 14 demands; draft
/// 15, where an update has an answer that can say no, lets the end move on.
[[nodiscard]] inline bool narrows(const wire_rules& rules, const subscription_state& s,
                                  const message_params& params) {
    if (!params.subscription_filter) return true;
    auto next = s;
    next.filter = params.subscription_filter;
    next.resolve();
    return !(next.first_wanted < s.first_wanted) &&
           (rules.unified_errors || next.last_wanted_group <= s.last_wanted_group);
}

} // namespace detail

} // namespace moqrtc::moqt
