#pragma once

#include <moqrtc/core/inline.hpp>
#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slot_pool.hpp>
#include <moqrtc/moqt/relay/config.hpp>
#include <moqrtc/moqt/relay/event.hpp>
#include <moqrtc/moqt/relay/namespace_tree.hpp>
#include <moqrtc/moqt/relay/policy.hpp>
#include <moqrtc/moqt/relay/track.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace moqrtc::moqt {

/// A relay without socket, clock or thread: sessions of any role and draft, and the tracks that
/// pass between them.
///
/// Spec    moq-transport, anchor `relays-moq`, the drafts of `spoken_drafts`.
/// Drain   feed a session's transport input into `at(key)`, then call `handle_ready(now, key)`;
///         after that, and after `handle_timeout`, give every session that `poll_ready` names to
///         its transport. Call `handle_ready` too when a transport took bytes: a FETCH that was
///         paused goes on then.
/// Owns    its sessions. The pool and the policy outlive it.
class relay {
public:
    relay(instant now, relay_config config, buffer_pool& pool, policy& rules);
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay();

    /// Takes on a session; fails when there are `max_sessions`.
    result<session_key> add_session(instant now, session_config config, session_info info);
    [[nodiscard]] bool contains(session_key key) const noexcept { return find(key) != nullptr; }
    /// The session of a key that `contains`.
    [[nodiscard]] session& at(session_key key) noexcept { return find(key)->session; }
    /// Acts on what the session has to tell. A session that is over stays until `remove_session`.
    void handle_ready(instant now, session_key key);
    /// Forgets a session, closed or not: what it published and received ends.
    void remove_session(instant now, session_key key);
    /// A session that may have something for its transport, each at most once per change.
    [[nodiscard]] std::optional<session_key> poll_ready();

    /// Something was revoked: ends the requests and sessions that stand on credentials of which the
    /// policy now says that they are gone.
    void revoke(instant now);
    /// Asks one session to leave, as `goaway` asks all; false when there is none.
    bool goaway_session(instant now, session_key key, std::string_view uri = {},
                        duration timeout = {});

    void handle_timeout(instant now);
    /// The sessions' own deadlines included.
    [[nodiscard]] instant next_timeout() const noexcept;
    [[nodiscard]] std::optional<relay_event> poll_event() { return events_.pop(); }

    /// Asks every session to leave; `uri` is told to clients only.
    void goaway(instant now, std::string_view uri = {}, duration timeout = {});

    [[nodiscard]] const relay_config& config() const noexcept { return config_; }
    [[nodiscard]] const relay_statistics& statistics() noexcept;
    [[nodiscard]] std::vector<track_snapshot> tracks() const;
    [[nodiscard]] std::vector<session_snapshot> sessions() const;
    [[nodiscard]] std::vector<track_namespace> namespaces() const;

private:
    using peer = relaying::peer;
    using source = relaying::source;
    using subscriber = relaying::subscriber;
    using lane = relaying::lane;
    using output = relaying::output;
    using live_subgroup = relaying::live_subgroup;
    using ingest = relaying::ingest;
    using served_fetch = relaying::served_fetch;
    using fill = relaying::fill;
    using track = relaying::track;
    static constexpr std::uint32_t none = relaying::none;
    static constexpr std::size_t columns = object_kinds;

    /// Headers of one object, encoded once per kind of draft and previous object.
    struct object_heads {
        struct one {
            bool made = false;
            std::optional<std::uint64_t> previous{};
            slice head{};
            slice rest{}; ///< the payload, unless `head` has it already
        };
        const object* item = nullptr;
        const wire_rules* from = nullptr; ///< encoding of its properties
        bool has_properties = false;      ///< the streams have room for them
        std::array<one, columns> made{};
    };

    // life.hpp: sessions, timers, reports
    [[nodiscard]] peer* find(session_key key) const noexcept;
    void touch(peer& p);
    void untouch(peer& p) noexcept;
    relay_event& report(relay_event::kind what, const peer* p = nullptr);
    void close_down(instant now, peer& p);
    struct timer {
        enum class kind : std::uint8_t { track, session, fetch, sweep, hold };
        instant at{};
        kind what = kind::track;
        std::uint32_t index = 0;
    };
    void schedule(timer t);
    void schedule_session(peer& p);
    void sweep(instant now);

    // dispatch.hpp: events of sessions, admission
    void dispatch(instant now, peer& p, event& e);
    void on_request(instant now, peer& p, event& e);
    void on_accepted(instant now, peer& p, event& e);
    void on_rejected(instant now, peer& p, event& e);
    void on_data(instant now, peer& p, event& e);
    void on_update(instant now, peer& p, event& e);
    void on_cancelled(instant now, peer& p, event& e);
    void on_established(instant now, peer& p);
    // admission.hpp: what the policy says, and when that ends
    [[nodiscard]] bool enter(instant now, peer& p, event& e);
    [[nodiscard]] decision ask(instant now, peer& p, request_kind kind,
                               const track_namespace& space, std::string_view name,
                               const token_list& tokens, bool renewal = false);
    [[nodiscard]] std::optional<decision> admit(instant now, peer& p, request_id id,
                                                request_kind kind, const track_namespace& space,
                                                std::string_view name, const token_list& tokens);
    [[nodiscard]] std::optional<decision> renew(instant now, peer& p, event& e);
    void hold(instant now, peer& p, request_id id, const decision& said);
    void schedule_hold(instant now, peer& p);
    void on_hold_timer(instant now, peer& p);
    void end_held(instant now, peer& p, const std::vector<request_id>& all, request_error_code why);
    void end_request(instant now, peer& p, request_id id, request_error_code why, reset_code code,
                     std::string_view reason);
    void shut(instant now, peer& p);
    void close_unauthorized(instant now, peer& p, std::string_view reason = auth_failed);
    void prune_holds(peer& p);
    void say_expiry(instant now, const peer& p, request_id id, carrier in,
                    message_params& told) const;
    [[nodiscard]] bool is_live(const peer& p, request_id id) const;
    [[nodiscard]] full_track_name name_of(const peer& p, request_id id) const;
    void refuse(instant now, peer& p, request_id id, request_error_code code,
                std::string_view reason, std::optional<duration> retry_after = {});
    /// Refuses what is more than a limit allows.
    void refuse_over(instant now, peer& p, request_id id, relay_limit limit);
    void hit(relay_limit limit) noexcept {
        ++statistics_.limit_hits[static_cast<std::size_t>(limit)];
    }
    [[nodiscard]] seat_answer ask_seat(instant now, const peer& p, seat_kind kind,
                                       const track_namespace& space);
    [[nodiscard]] bool take_seat(instant now, peer& p, request_id id, seat_kind kind,
                                 const track_namespace& space);
    void leave_seat(peer& p, request_id id);
    void on_track_status(instant now, peer& p, event& e);
    void answer_status(instant now, peer& p, request_id id, const message_params& params,
                       const wire_rules& from, bytes properties);

    // registry.hpp: tracks and their lanes
    [[nodiscard]] std::uint32_t find_track(const full_track_name& name) const;
    [[nodiscard]] std::uint32_t open_track(const full_track_name& name);
    void note_properties(track& t, const wire_rules& rules, bytes properties);
    void raise_largest(track& t, const std::optional<location>& to);
    void set_timer(std::uint32_t index);
    void on_track_timer(instant now, std::uint32_t index);
    void drop_if_unused(instant now, std::uint32_t index);
    void end_track(instant now, std::uint32_t index, publish_done_code code,
                   std::string_view reason);

    // subscribers.hpp: those that a track goes to
    void on_subscribe(instant now, peer& p, event& e);
    void accept_subscriber(instant now, std::uint32_t index);
    void start_lane(instant now, std::uint32_t index);
    void set_range(lane& l, const subscriber& s) const;
    void wait_for_publisher(instant now, std::uint32_t index);
    void refuse_waiting(instant now, std::uint32_t track, request_error_code code,
                        std::string_view reason);
    void remove_subscriber(instant now, std::uint32_t index, bool fills_go_on = false);
    void end_subscriber(instant now, std::uint32_t index, publish_done_code code,
                        std::string_view reason);
    void update_subscriber(instant now, std::uint32_t index, event& e);
    void apply_publish_ok(instant now, std::uint32_t index, const message_params& params);

    // upstream.hpp: those that a track comes from
    [[nodiscard]] std::size_t ask_publishers(instant now, std::uint32_t index,
                                             const peer* only = nullptr);
    bool subscribe_at(instant now, std::uint32_t index, peer& p, bool upstream);
    void on_source_ok(instant now, peer& p, std::uint32_t index, event& e);
    void source_established(instant now, std::uint32_t index);
    void on_publish(instant now, peer& p, event& e);
    void lose_source(instant now, std::uint32_t index, std::optional<publish_done_code> code,
                     std::optional<request_error_code> refused, std::string_view reason,
                     std::optional<duration> retry_after = {});
    void cancel_source(instant now, std::uint32_t index, reset_code code = reset_code::cancelled);
    void forget_source(std::uint32_t index);
    void update_forward(instant now, std::uint32_t track);
    void pass_new_group(instant now, std::uint32_t track, std::uint64_t group);
    void ask_new_group(instant now, source& s);
    [[nodiscard]] bool update_source(instant now, source& s, const message_params& params);
    [[nodiscard]] bool wants_forward(const track& t) const;
    void prefer_publish(instant now, std::uint32_t index, const peer& p);
    [[nodiscard]] bool is_second(const track& t, const peer& p) const;
    void watch_linger(instant now, std::uint32_t track);
    [[nodiscard]] bool has_publisher(const full_track_name& name) const;
    [[nodiscard]] peer* upstream_peer() const noexcept;

    // fanout.hpp: objects on their way
    void on_subgroup(instant now, peer& p, event& e);
    void on_object(instant now, peer& p, event& e);
    void on_stream_end(instant now, peer& p, event& e, bool reset);
    void on_stopped(peer& p, event& e);
    void deliver(instant now, track& t, live_subgroup& live, object_heads& heads);
    bool write(instant now, track& t, lane& l, live_subgroup& live, output& out,
               object_heads& heads);
    [[nodiscard]] bool open_output(instant now, lane& l, const live_subgroup& live, output& out,
                                   const object& item);
    void deliver_datagram(instant now, track& t, const object& item, const wire_rules& from);
    void finish_live(instant now, std::uint32_t index);
    void reset_live(instant now, std::uint32_t index, reset_code code);
    void free_live(std::uint32_t index);
    void end_ingest(instant now, std::uint32_t index, bool reset, reset_code code);
    void end_ingests_of(instant now, std::uint32_t source_index, reset_code code);
    void note_gaps(track& t, const wire_rules& rules, const object& item);
    void malformed(instant now, std::uint32_t track);
    void start_anew(instant now, std::uint32_t index);
    [[nodiscard]] bool check(instant now, peer& p, track_checker& checker,
                             std::uint32_t track_index, const object& item);

    // replay.hpp: what a late joiner gets from the cache
    void replay(instant now, track& t, std::size_t place);

    // slow.hpp: those that do not keep up
    [[nodiscard]] bool fell_behind(instant now, track& t, std::size_t place);
    void cut_back(instant now, track& t, std::size_t place);

    // bridge.hpp: from one draft to another
    [[nodiscard]] slice transcode(const wire_rules& from, const wire_rules& to, bytes in) const;
    void make_head(object_heads& heads, const peer& whom, std::optional<std::uint64_t> previous);
    [[nodiscard]] std::optional<slice> properties_for(const track& t, const wire_rules& to) const;
    [[nodiscard]] std::optional<slice> track_properties_in(const wire_rules& from,
                                                           const wire_rules& to, bytes in) const;
    [[nodiscard]] reset_code code_for(const peer& p, reset_code code) const noexcept;

    // fetch.hpp, fetch_answer.hpp: FETCH that is served, fill.hpp: FETCH of ours
    void on_fetch(instant now, peer& p, event& e);
    void begin_fetch(instant now, std::uint32_t index);
    [[nodiscard]] std::uint32_t add_fetch(instant now, peer& p, request_id id, std::uint32_t track,
                                          const std::optional<std::uint64_t>& timeout);
    void start_relative(instant now, std::uint32_t index);
    void start_fills(instant now, std::uint32_t subscriber);
    void start_fill(instant now, peer& to, request_id subscription, std::uint32_t track,
                    const fill_request& what);
    void drop_fills(instant now, peer& p, request_id subscription);
    [[nodiscard]] std::size_t unsent_of(const served_fetch& f) const noexcept;
    void start_joining(instant now, std::uint32_t index, const subscriber& s);
    void pump(instant now, std::uint32_t index);
    void answer_fetch(instant now, std::uint32_t index, location end, bool end_of_track);
    [[nodiscard]] bool accept_fetch(instant now, std::uint32_t index);
    enum class outlook : std::uint8_t { open, nothing, something };
    [[nodiscard]] outlook look_ahead(instant now, const served_fetch& f);
    void abandon_fetch(instant now, std::uint32_t index, reset_code code);
    void refuse_fetch(instant now, std::uint32_t index, request_error_code code,
                      std::string_view reason);
    void finish_fetch(instant now, std::uint32_t index);
    void drop_fetch(instant now, std::uint32_t index);
    bool write_fetched(instant now, std::uint32_t index, const object& item,
                       const wire_rules& from);
    void skip_unknown(instant now, std::uint32_t index, location until, range_end why);
    void on_fetch_timer(instant now, std::uint32_t index);
    [[nodiscard]] bool attach_fill(instant now, std::uint32_t index, location until);
    void on_fill_ok(instant now, peer& p, std::uint32_t index, event& e);
    void on_fill_object(instant now, peer& p, std::uint32_t index, event& e);
    void on_fill_gap(instant now, std::uint32_t index, event& e);
    void on_fill_end(instant now, std::uint32_t index, bool complete, request_error_code code,
                     std::string_view reason);
    void forget_fill(instant now, std::uint32_t index, bool cancel);
    [[nodiscard]] peer* fill_source(const track& t, const peer* asker) const;
    [[nodiscard]] peer* status_source(const track_namespace& space, const peer& asker) const;

    // discovery.hpp: namespaces and offers of tracks
    void on_publish_namespace(instant now, peer& p, event& e);
    void on_discovery(instant now, peer& p, event& e);
    void update_discovery(instant now, peer& p, event& e, const decision& said);
    void end_discovery(instant now, peer& p, request_id id);
    void add_namespace(instant now, peer& p, request_id id, const track_namespace& space,
                       bool upstream);
    void remove_namespace(instant now, peer& p, request_id id, const track_namespace& space);
    void announce_existing(instant now, peer& p, request_id id);
    void offer_track(instant now, std::uint32_t track);
    void offer_track_to(instant now, std::uint32_t track, const namespace_tree::interest& who);

    // upstream_discovery.hpp: the same asked of another relay
    void ask_upstream(instant now, const peer& asker, const peer::discovery& what);
    void ask_upstream_once(instant now, peer& p, peer::discovery what);
    void end_unwanted_upstream(instant now);
    void forget_upstream_discovery(instant now, peer& p, request_id id);
    void on_upstream_namespace(instant now, peer& p, event& e, bool added);
    void on_publish_blocked(instant now, peer& p, event& e);
    [[nodiscard]] bool is_offered(const track_namespace& space) const;

    // sibling.hpp: relays of the same server
    [[nodiscard]] static bool is_circle(const peer& asker, const peer& to) noexcept;
    void ask_sibling(instant now, peer& p);
    void end_siblings(instant now, std::uint32_t track);
    void count_in(const peer& from, std::size_t payload, track* of = nullptr) noexcept;
    void count_out(const peer& to, std::size_t payload, track* of = nullptr) noexcept;

    relay_config config_;
    buffer_pool* pool_;
    policy* policy_;

    std::vector<std::unique_ptr<peer>> peers_{};
    std::vector<std::uint64_t> generations_{};
    std::vector<std::uint32_t> free_peers_{};
    std::vector<session_key> upstreams_{};
    std::vector<session_key> siblings_{};
    peer* ready_first_ = nullptr; ///< those that `poll_ready` has to name
    peer* ready_last_ = nullptr;
    ring<relay_event> events_{4096};
    relay_event overflow_{};

    cache_store store_;
    slot_pool<track> tracks_{};
    std::map<full_track_name, std::uint32_t> names_{};
    slot_pool<source> sources_{};
    slot_pool<subscriber> subscribers_{};
    slot_pool<live_subgroup> lives_{};
    slot_pool<ingest> ingests_{};
    slot_pool<served_fetch> fetches_{};
    slot_pool<fill> fills_{};
    namespace_tree tree_{};
    /// Joining FETCH that wait for their subscription, by fetch.
    struct joining {
        msg::fetch_type type = msg::fetch_type::relative_joining;
        std::uint64_t start = 0;
        group_order order = group_order::ascending;
    };
    std::map<std::uint32_t, joining> joinings_{};

    std::vector<timer> timers_{};
    track_alias next_alias_ = 1;
    bool sweeping_ = false;
    relay_statistics statistics_{};
};

} // namespace moqrtc::moqt

#if MOQRTC_DEFINITIONS
#include <moqrtc/moqt/relay/admission.hpp>
#include <moqrtc/moqt/relay/bridge.hpp>
#include <moqrtc/moqt/relay/discovery.hpp>
#include <moqrtc/moqt/relay/dispatch.hpp>
#include <moqrtc/moqt/relay/fanout.hpp>
#include <moqrtc/moqt/relay/fetch.hpp>
#include <moqrtc/moqt/relay/fetch_answer.hpp>
#include <moqrtc/moqt/relay/fill.hpp>
#include <moqrtc/moqt/relay/life.hpp>
#include <moqrtc/moqt/relay/registry.hpp>
#include <moqrtc/moqt/relay/replay.hpp>
#include <moqrtc/moqt/relay/sibling.hpp>
#include <moqrtc/moqt/relay/slow.hpp>
#include <moqrtc/moqt/relay/subscribers.hpp>
#include <moqrtc/moqt/relay/upstream.hpp>
#include <moqrtc/moqt/relay/upstream_discovery.hpp>
#endif
