#pragma once

#include <moqrtc/core/id_map.hpp>
#include <moqrtc/moqt/relay/event.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace moqrtc::moqt::relaying {

inline constexpr std::uint32_t none = UINT32_MAX;

/// A session and what the relay knows of its requests.
struct alignas(64) peer {
    peer(instant now, session_config config, buffer_pool& pool, session_info i)
        : is_sibling{i.sibling}, session{now, std::move(config), pool}, info{std::move(i)} {}

    // What each object touches comes first.
    peer* ready_next = nullptr; ///< in the list of those that have something to send
    peer* ready_previous = nullptr;
    std::size_t backlog_bytes = 0; ///< unsent bytes that make it one that does not keep up
    instant due = never;           ///< earliest timer that is set for it
    bool dirty = false;            ///< it is in that list
    bool up = false;
    bool is_sibling = false; ///< `info.sibling`, close at hand
    bool gone = false;       ///< the session is over
    bool ending = false;     ///< it is closed as soon as what refused it has had time to leave
    std::uint8_t column = 0; ///< `object_kind` of its draft
    moqt::session session;
    session_key key{};
    session_info info;

    /// What a request, or the session, stands on, and until when.
    struct hold {
        credential_id credential = no_credential;
        instant until = never;
        bool ends_session = false;
    };
    hold standing{};
    bool probation = false; ///< nothing that counts has been shown yet; `standing` ends then
    std::map<request_id, hold> holds{}; ///< of requests that can end before their time
    instant hold_due = never;           ///< earliest timer that is set for them
    std::size_t prune_at = 64;          ///< holds of requests that are over are dropped then

    id_map subscribers{};
    id_map sources{};
    id_map fetches{};
    id_map fills{};
    id_map ingests{}; ///< by data stream
    id_map seats{};   ///< by request, where the policy counts
    std::map<request_id, track_namespace> published{};
    /// What one side wants to hear of that lies under a prefix.
    struct discovery {
        track_namespace prefix{}; ///< all that it may hear of, be it more than it asked for
        bool namespaces = false;
        bool tracks = false;   ///< they are to be pushed
        bool general = false;  ///< a sibling's, for what is published at ourselves
        std::size_t asked = 0; ///< fields of the prefix that its request has
    };
    std::map<request_id, discovery> discoveries{}; ///< of the peer
    /// By SUBSCRIBE_TRACKS: tracks of which PUBLISH_BLOCKED said that they are not offered.
    std::map<request_id, std::set<full_track_name>> blocked{};
    /// What we asked it for, and the namespaces it answered with.
    struct upstream_discovery {
        discovery what{};
        std::set<track_namespace> found{};
    };
    std::map<request_id, upstream_discovery> asked{};
    /// Our TRACK_STATUS, and whose question it passes on.
    struct status_question {
        session_key from{};
        request_id id = 0;
        bool plain = false;         ///< without track properties
        std::uint32_t fetch = none; ///< it was asked for this FETCH, to learn the Largest Object
    };
    std::map<request_id, status_question> statuses{};
    /// Fetches of the peer that are not finished, for pausing and resuming.
    std::vector<std::uint32_t> open_fetches{};

    /// Something is about to be written to, or sent from, a peer; null is nobody.
    static void expect(const peer* p) noexcept { prefetch(p, 128); }
    [[nodiscard]] bool usable() const noexcept {
        return !gone && !session.closed() && session.established();
    }
};

} // namespace moqrtc::moqt::relaying
