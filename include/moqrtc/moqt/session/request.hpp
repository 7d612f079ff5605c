#pragma once

#include <moqrtc/core/assert.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/params.hpp>
#include <moqrtc/moqt/properties.hpp>
#include <moqrtc/moqt/session/event.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moqrtc::moqt {

/// What both sides know of a subscription.
struct subscription_state {
    // What each object is held against, made of the rest by `resolve`.
    location first_wanted{};
    std::uint64_t last_wanted_group = UINT64_MAX;
    bool has_timeouts = false;

    std::optional<subscription_filter> filter{}; ///< unset: unfiltered
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
        if (!filter) return {};
        if (filter->type >= filter_type::absolute_start) return filter->start;
        if (!largest) return {};
        if (filter->type == filter_type::next_group_start) return {largest->group + 1, 0};
        return {largest->group, largest->object + 1};
    }
    /// After a change of filter, Largest Object or timeouts.
    void resolve() noexcept {
        first_wanted = start();
        last_wanted_group =
            filter && filter->type == filter_type::absolute_range ? filter->end_group : UINT64_MAX;
        has_timeouts = object_timeout() != 0 || subgroup_timeout() != 0;
    }
    /// Whether the filter lets an object at `where` pass; says nothing of Forward.
    [[nodiscard]] bool wants(location where) const noexcept {
        MOQRTC_ASSERT(first_wanted == start());
        return where.reaches(first_wanted) && where.group <= last_wanted_group;
    }
    /// Whether any object of `group` can pass the filter.
    [[nodiscard]] bool wants_group(std::uint64_t group) const noexcept {
        return wants({group, UINT64_MAX});
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

namespace detail {

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
    std::uint64_t stream = 0;
    full_track_name name{}; ///< `name.space` alone for namespace requests
    location fetch_start{};
    group_order fetch_order = group_order::ascending;
    std::uint64_t fetch_stream = no_stream;
    bool fetch_finished = false;
    std::uint32_t first_stream = no_slot;  ///< list of our open data streams
    std::vector<request_id> updates_out{}; ///< our updates without an answer, oldest first
    std::vector<request_id> updates_in{};  ///< the peer's
    std::set<std::string> suffixes{};      ///< announced under SUBSCRIBE_NAMESPACE, canonical keys
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
} // namespace moqrtc::moqt
