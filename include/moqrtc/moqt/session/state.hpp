#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/core/id_map.hpp>
#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slot_pool.hpp>
#include <moqrtc/moqt/session/alias_table.hpp>
#include <moqrtc/moqt/session/config.hpp>
#include <moqrtc/moqt/session/event.hpp>
#include <moqrtc/moqt/session/request.hpp>
#include <moqrtc/moqt/session/scheduler.hpp>
#include <moqrtc/moqt/session/streams.hpp>
#include <moqrtc/moqt/session/token_cache.hpp>
#include <moqrtc/moqt/transport.hpp>

#include <map>
#include <utility>
#include <vector>

namespace moqrtc::moqt::detail {

/// Everything that a session remembers.
struct session_state {
    session_state(session_config config, buffer_pool& pool)
        : config_{std::move(config)},
          rules_{&rules_for(config_.version)},
          pool_{&pool},
          tokens_{config_.max_auth_token_cache_size},
          next_request_id_{config_.self == role::client ? 0u : 1u},
          next_peer_request_id_{config_.self == role::client ? 1u : 0u} {}

    // What each object touches comes first: a relay has thousands of sessions.
    bool closed_ = false, established_ = false;
    bool goaway_sent_ = false, goaway_received_ = false;
    out_stream* recent_ = nullptr; ///< the one that was looked up last
    out_stream* lone_ = nullptr;   ///< the only one that is ready, while the scheduler is empty
    std::size_t unsent_data_bytes_ = 0;
    std::size_t control_bytes_ = 0;
    timer_heap timers_{};
    ring<transport_op> ops_{};
    ring<event> events_{};
    send_scheduler scheduler_{};
    slot_pool<out_stream> out_{};
    event unheard_{}; ///< takes what would come after `closed`

    session_config config_;
    const wire_rules* rules_;
    buffer_pool* pool_;
    slot_pool<request> requests_{};
    id_map request_ids_{};
    id_map updates_in_{};  ///< the peer's REQUEST_UPDATE to the request it changes
    id_map updates_out_{}; ///< likewise ours
    id_map out_ids_{};
    slot_pool<in_stream> in_{};
    id_map in_ids_{};
    id_map asked_fills_{};      ///< fills of ours, by the message that asked
    alias_table aliases_{};     ///< subscriptions that we receive, by the publisher's alias
    alias_table own_aliases_{}; ///< subscriptions that we send, by our alias
    std::map<full_track_name, request_id> receiving_{}; ///< subscriptions where we are subscriber
    std::map<full_track_name, request_id> sending_{};   ///< subscriptions where we are publisher

    std::vector<std::pair<std::uint32_t, std::uint32_t>> waiting_{}; ///< slot, version: no credit
    token_cache tokens_;

    std::uint32_t control_out_ = no_slot;
    std::uint32_t control_in_ = no_slot;
    std::uint64_t local_streams_[2]{}; ///< bidirectional, unidirectional: made so far
    std::uint64_t credit_[2]{};        ///< streams the transport would open
    std::uint64_t unopened_[2]{};      ///< streams of ours that it does not know yet
    request_id next_request_id_;
    request_id next_peer_request_id_;
    id_history peer_request_ids_{};
    bool gap_watched_ = false;        ///< a timer looks after a request ID of the peer that is late
    bool peer_reset_request_ = false; ///< with it a request ID may have got lost for good
    request_id peer_credit_ = 0;      ///< our requests stay below this, drafts with credit
    request_id granted_credit_ = 0;   ///< the peer's requests stay below this
    std::uint64_t peer_filter_ranges_ = 0; ///< the peer's MAX_FILTER_RANGES
    std::uint64_t peer_update_limit_ = 0;  ///< the peer's MAX_REQUEST_UPDATES
    std::uint64_t peer_requests_ended_ = 0;
    std::size_t peer_requests_open_ = 0;
    bool blocked_told_ = false;
    bool overdue_ = false; ///< what is read now has waited too long for what it depends on
    std::size_t requests_waiting_ = 0;           ///< for the request that they depend on
    std::vector<track_namespace> unannounced_{}; ///< implied PUBLISH_NAMESPACE without credit
    std::size_t held_bytes_ = 0;                 ///< before SETUP
    std::size_t unknown_alias_bytes_ = 0;
    std::size_t streams_waiting_ = 0; ///< for their alias
};

} // namespace moqrtc::moqt::detail
