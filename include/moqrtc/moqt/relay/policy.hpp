#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/relay/event.hpp>
#include <moqrtc/moqt/session/event.hpp>
#include <moqrtc/moqt/token.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace moqrtc::moqt {

/// What a policy is asked about a request.
///
/// Fields  `space` is the namespace or prefix; `track` is empty for namespace requests. `tokens`
///         are the request's own, with aliases resolved. `renewal`: the request has been allowed
///         before, and a REQUEST_UPDATE brings tokens for it, or another prefix. `standing`: a
///         track is offered because of a request that stands on that.
/// Borrows everything, for the call only.
struct access_request {
    instant now{};
    session_key session{};
    const session_info& info;
    request_kind kind = request_kind::none;
    const track_namespace& space;
    std::string_view track{};
    std::span<const authorization_token> tokens{};
    credential_id standing = no_credential;
    bool renewal = false;
    bool offered = false; ///< the relay is about to offer a track that matches a prefix
};

/// What a policy says to a request, and how long that holds.
///
/// Fields  `until` and `credential` count when it is `allowed`: at `until`, or when `credential`
///         is revoked, the request ends. What hung on the credential `replaces` hangs on this one
///         from now on, the session itself included: that is how a token is renewed.
///         `ends_session`: a refusal, also one at the end of what was allowed, closes the session.
///         `within`: SUBSCRIBE_NAMESPACE and SUBSCRIBE_TRACKS of a shorter prefix answer what lies
///         in this namespace, and nothing else.
struct decision {
    bool allowed = true;
    bool ends_session = false;
    request_error_code code = request_error_code::unauthorized;
    credential_id credential = no_credential;
    credential_id replaces = no_credential;
    instant until = never;
    std::string reason{};
    std::optional<track_namespace> within{};
    /// With a refusal: asking again is worth it after that long.
    std::optional<duration> retry_after{};

    [[nodiscard]] static decision allow() { return {}; }
    [[nodiscard]] static decision allow_until(instant until, credential_id on) {
        decision out;
        out.until = until;
        out.credential = on;
        return out;
    }
    [[nodiscard]] static decision refuse(request_error_code code, std::string reason) {
        decision out;
        out.allowed = false;
        out.code = code;
        out.reason = std::move(reason);
        return out;
    }
};

/// What a policy is asked about a session whose SETUP is here.
///
/// Fields  `query` belongs to `info.door`, is empty behind WebTransport, whose CONNECT was answered
///         before, and may hold secrets.
/// Borrows everything, for the call only.
struct session_request {
    instant now{};
    session_key session{};
    const session_info& info;
    bool webtransport = false;
    std::string_view query{};
    std::span<const authorization_token> tokens{};
};

/// What a policy says to a session: why it is closed at once, or on what it stands. When that ends,
/// the session is closed with UNAUTHORIZED. On `probation` it has shown nothing yet: `until` counts
/// no more as soon as a request of it is allowed on a credential.
struct admission {
    std::optional<close_code> refused{};
    std::string reason{};
    instant until = never;
    credential_id credential = no_credential;
    bool probation = false;
};

/// What is counted for as long as it lasts: somebody who publishes in a namespace, and somebody who
/// watches there.
enum class seat_kind : std::uint8_t { publisher, subscriber };

/// Who asks for a seat: behind the decision about the request, before anything of it exists.
///
/// Fields  `space` is the namespace that is published, or that of the track.
/// Borrows everything, for the call only.
struct seat_request {
    instant now{};
    session_key session{};
    const session_info& info;
    seat_kind kind = seat_kind::subscriber;
    const track_namespace& space;
};

/// Names a seat, as the policy counts them.
using seat_id = std::uint32_t;
inline constexpr seat_id no_seat = UINT32_MAX;

/// A seat, or why there is none left; `reason` is static text.
struct seat_answer {
    seat_id seat = no_seat; ///< `no_seat` with `allowed`: nobody counts
    bool allowed = true;
    std::string_view reason{};
};

/// The reason with which a session ends that showed no credential in time.
inline constexpr std::string_view no_credential_in_time = "no credential in time";

/// The reason with which a session ends whose credential ran out or was revoked.
inline constexpr std::string_view auth_failed = "auth_failed";

/// Who may do what; asked before a relay accepts anything.
///
/// Spec    moq-transport, anchors `subscriber-interactions` and `publisher-interactions`: every
///         subscriber and publisher is checked for every track and namespace of its own.
class policy {
public:
    virtual ~policy() = default;
    /// Asked once for each client, before anything of it is answered. Spec: anchor `path`.
    [[nodiscard]] virtual admission admit(const session_request& /*asked*/) { return {}; }
    [[nodiscard]] virtual decision decide(const access_request& asked) = 0;
    /// Asked once for each subscription, PUBLISH and PUBLISH_NAMESPACE that was allowed; refused
    /// with EXCESSIVE_LOAD where nothing is left. Requests of one session may share a seat: each
    /// gives it back by `leave`.
    [[nodiscard]] virtual seat_answer seat(const seat_request& /*asked*/) { return {}; }
    virtual void leave(seat_id /*seat*/) {}
    /// Asked by `relay::revoke`: whether what was allowed on a credential is over.
    [[nodiscard]] virtual bool is_gone(credential_id /*which*/) const { return false; }
    /// A session that was admitted, or was refused, is over.
    virtual void forget(session_key /*session*/) {}
};

/// The policy of a relay that is open to everybody.
class allow_all final : public policy {
public:
    [[nodiscard]] decision decide(const access_request&) override { return decision::allow(); }
};

} // namespace moqrtc::moqt
