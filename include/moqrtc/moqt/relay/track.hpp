#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/data/track_checker.hpp>
#include <moqrtc/moqt/properties.hpp>
#include <moqrtc/moqt/relay/backlog.hpp>
#include <moqrtc/moqt/relay/peer.hpp>
#include <moqrtc/moqt/relay/track_cache.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::moqt::relaying {

/// A subscription of the relay to a publisher of a track.
struct source {
    peer* from = nullptr;
    request_id id = 0;
    std::uint32_t track = none;
    bool established = false;
    bool by_publish = false;                  ///< the publisher started it
    bool upstream = false;                    ///< it goes to another relay
    bool forward = true;                      ///< what the publisher was told last
    std::optional<std::uint64_t> new_group{}; ///< NEW_GROUP_REQUEST that it is still to be told
    std::unique_ptr<track_checker> checker{};

    void clear() { *this = source{}; }
};

/// A subscription of somebody to a track of the relay; `place` is its lane once it is accepted.
struct subscriber {
    peer* to = nullptr;
    request_id id = 0;
    std::uint32_t track = none;
    std::uint32_t place = none;
    bool by_publish = false; ///< we offered it with PUBLISH
    bool forward = true;
    std::optional<subscription_filter> filter{};
    std::optional<std::uint64_t> new_group{};
    bool fills = false;               ///< it asked for the past in a fill
    bool plain = false;               ///< it wants no track properties
    std::optional<location> joined{}; ///< the Joining Location; none when nothing was published
    instant hold_until{};             ///< it is willing to wait that long for a publisher
    instant deadline = never;         ///< it is refused then
    std::vector<std::uint32_t> waiting_fetches{};
    std::vector<event> waiting_updates{}; ///< their answers come after SUBSCRIBE_OK

    void clear() { *this = subscriber{}; }
};

/// What delivering an object to a subscriber needs, side by side for all of a track.
struct lane {
    peer* to = nullptr; ///< null: a free place
    request_id id = 0;
    location start{};
    std::uint64_t end_group = UINT64_MAX;
    std::uint64_t end_object = UINT64_MAX; ///< of that group
    std::uint32_t subscriber = none;
    std::uint8_t column = 0; ///< `object_kind` of its draft
    bool active = false;     ///< Forward State 1
    /// Groups up to this one are skipped after the subscriber fell behind.
    std::optional<std::uint64_t> skip_through{};
    shared_filters filters{}; ///< null: every object in range passes
    backlog_watch backlog{};
    /// Streams that were finished and may still have bytes to send.
    struct finished_stream {
        data_stream stream = no_stream;
        std::uint64_t group = 0;
    };
    ring<finished_stream> finished{};

    [[nodiscard]] bool wants(location at) const noexcept {
        return active && at.reaches(start) && at.group <= end_group &&
               (at.object <= end_object || at.group < end_group) &&
               (!skip_through || at.group > *skip_through);
    }
    /// Whether the range filters let an object pass whose properties `rules` encodes.
    [[nodiscard]] bool passes(const wire_rules& rules, const object& item) const noexcept {
        return filters == nullptr || filters->pass(rules, item.subgroup_id, item.location.object,
                                                   item.publisher_priority, item.properties);
    }
};

/// A stream to one subscriber, part of a live subgroup.
struct output {
    enum class state : std::uint8_t { idle, open, closed };
    data_stream stream = no_stream;
    state phase = state::idle;
    std::optional<std::uint64_t> previous{};
};

/// A subgroup that is being received and passed on, from however many publishers.
struct live_subgroup {
    std::uint32_t track = none;
    std::uint64_t group = 0;
    std::uint64_t subgroup = 0;
    priority publisher_priority = default_priority;
    bool first_object = false;
    bool end_of_group = false;
    bool has_properties = false;
    std::uint32_t ingests = 0;
    std::optional<std::uint64_t> last{};
    std::vector<output> outputs{}; ///< by lane

    void clear() {
        auto kept = std::move(outputs);
        *this = live_subgroup{};
        outputs = std::move(kept);
        outputs.clear();
    }
};

/// A stream from a publisher.
struct ingest {
    std::uint32_t source = none;
    std::uint32_t live = none;
    std::uint64_t group = 0;
    std::uint64_t subgroup = 0;
    bool end_of_group = false;
    std::optional<std::uint64_t> last{}; ///< last object received on it

    void clear() { *this = ingest{}; }
};

/// A FETCH that the relay serves: a walk over what is cached, paused where that is unknown.
struct served_fetch {
    peer* to = nullptr;
    request_id id = 0;
    std::uint32_t track = none;
    location_range walk{};
    std::optional<location> at{}; ///< next location; none when all is written
    data_stream stream = no_stream;
    bool answered = false;
    bool ask_end = false; ///< only upstream knows where the range ends
    bool owes = false;    ///< FETCH_OK waits until it is certain; objects go ahead of it
    location end{};       ///< of that FETCH_OK, with the next
    bool end_of_track = false;
    bool patient = true;  ///< it lets us ask upstream
    bool plain = false;   ///< it wants no track properties
    bool is_fill = false; ///< of `subscription`, on a stream that is open from the beginning
    request_id subscription = 0;
    shared_filters filters{}; ///< null: every object in range passes
    /// Its range, as long as nobody knows the Largest Object that it starts from.
    std::optional<subscription_filter> relative{};
    std::uint32_t fill = none;       ///< the upstream FETCH that it waits for
    std::optional<location> asked{}; ///< up to there upstream was asked, and could not tell
    instant deadline = never;        ///< of waiting for upstream
    instant look_at = never;         ///< it is paused until its stream has drained

    void clear() { *this = served_fetch{}; }
};

/// A FETCH of the relay, for whoever needs these objects now.
struct fill {
    peer* from = nullptr;
    request_id id = 0;
    std::uint32_t track = none;
    location_range walk{};
    std::optional<location> at{}; ///< all before it is known
    bool answered = false;
    bool streamed = false; ///< its stream has ended
    std::unique_ptr<track_checker> checker{};
    std::vector<std::uint32_t> waiters{};

    void clear() {
        auto kept = std::move(waiters);
        *this = fill{};
        waiters = std::move(kept);
        waiters.clear();
    }
};

/// A track that the relay knows: where it comes from, who gets it, what is kept.
struct track {
    full_track_name name{};
    track_alias alias = 0;
    bool catalog = false;
    bool active = false;   ///< it was served, and its subscribers have not been told an end
    bool several = false;  ///< it has had more than one publisher
    bool returned = false; ///< its publisher was gone for a while
    std::vector<std::uint32_t> sources{};
    std::vector<lane> lanes{};
    std::vector<std::uint32_t> free_lanes{};
    std::size_t lane_count = 0;
    std::vector<std::uint32_t> waiting{}; ///< subscribers without a publisher yet
    std::vector<std::uint32_t> live{};
    std::vector<std::uint32_t> fills{};
    std::size_t fetches = 0; ///< that are served
    std::unique_ptr<track_cache> cache{};
    std::uint64_t bytes_in = 0;  ///< live, from clients; not from siblings
    std::uint64_t bytes_out = 0; ///< live, to clients

    std::optional<location> largest{};
    std::optional<location> final_object{}; ///< of the track, once the publisher has said so
    const wire_rules* rules = nullptr;      ///< encoding of `properties`
    std::string properties{};
    track_properties known{};
    std::optional<std::uint64_t> new_group_asked{};

    instant linger_at = never; ///< subscriptions to publishers are cancelled then
    instant grace_at = never;  ///< subscribers are told the end then
    instant retry_at = never;  ///< publishers are asked again then
    instant update_at = never; ///< updates that found no credit are sent then
    instant due = never;       ///< earliest timer that is set for it

    void clear() { *this = track{}; }
    [[nodiscard]] bool has_established(const slot_pool<source>& all) const noexcept {
        for (const auto s : sources)
            if (all[s].established) return true;
        return false;
    }
};

} // namespace moqrtc::moqt::relaying
