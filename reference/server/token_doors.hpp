#pragma once

#include "control/access_directory.hpp"
#include "doors.hpp"
#include "used_tokens.hpp"

#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>
#include <moqrtc/moqt/relay/policy.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moqrtc::reference {

/// What somebody came in with, checked before there was a session: which door, and what it is for.
struct entrance {
    enum class door : std::uint8_t { open, publish, playback };
    door by = door::open;
    moqt::track_namespace space{}; ///< of the door's broadcast; empty: the door leads to everything
    auth::grant_ptr allowed{};     ///< null: each request brings a token of its own
};

/// The doors of one shard where tokens count: before WebTransport's 200, before a session of native
/// QUIC, and before each request. Behind a door that belongs to one broadcast there is nothing
/// else.
///
/// Owns    the credentials that sessions hold, by an identifier that the relay hangs requests on.
/// Threads one: the shard's.
class token_doors final : public moqt::policy {
public:
    struct config {
        std::shared_ptr<const door_policy> doors; ///< origins and paths; null: every one
        std::vector<std::string> audiences;       ///< names by which tokens may mean us
        std::shared_ptr<used_tokens> used; ///< of the whole server; null: nothing is replayed
        /// Brings a call token that turns out to have been used before to `take_back`, on the
        /// shard's thread; called from any.
        std::function<void(sha256_digest)> take_back;
        /// The wall clock; tests have their own.
        std::function<auth::unix_time()> wall;
    };
    struct counters {
        std::uint64_t admitted = 0; ///< sessions
        /// Sessions and requests, by reason: those that a token alone is to blame for, and those
        /// without one or outside of what theirs allows.
        std::array<std::uint64_t, auth::refusal_reasons> refused{};
        std::uint64_t killed = 0; ///< sessions, because the path of media is shut
    };

    explicit token_doors(config settings);

    /// Takes what decides from now on; the caller then ends what `is_gone`.
    void use(std::shared_ptr<const access_snapshot> now);
    void use(std::shared_ptr<const door_policy> doors) { config_.doors = std::move(doors); }
    [[nodiscard]] const access_snapshot& current() const noexcept { return *snapshot_; }

    /// Who asks for a session over WebTransport. With status 200 `pass` is an `entrance`.
    [[nodiscard]] door_answer enter(const door_request& request);
    /// Gives a session what it came in with; before its SETUP.
    void bind(moqt::session_key session, const std::shared_ptr<const void>& pass);

    [[nodiscard]] moqt::admission admit(const moqt::session_request& asked) override;
    [[nodiscard]] moqt::decision decide(const moqt::access_request& asked) override;
    void forget(moqt::session_key session) override;

    /// Whether a session has shown something that is still good, or need not.
    [[nodiscard]] bool is_authorized(moqt::session_key key) const;
    /// The organisation of the first credential that a session holds; empty: it holds none.
    [[nodiscard]] std::string_view account_of(moqt::session_key key) const;
    /// The broadcast of the door that a session came by; empty: the door leads to everything.
    [[nodiscard]] const moqt::track_namespace& broadcast_of(moqt::session_key key) const;
    /// Whether what a credential allowed is over: expired, revoked, or its key is gone.
    [[nodiscard]] bool is_gone(moqt::credential_id which) const override;
    /// Takes back a call token that turns out to have been used before.
    void take_back(const sha256_digest& token);

    [[nodiscard]] const counters& counted() const noexcept { return counters_; }
    [[nodiscard]] const auth::verifier_counters& verified() const noexcept {
        return verifier_.counters();
    }
    /// Credentials and sessions that are held, for tests: what is refused leaves none.
    [[nodiscard]] std::size_t credentials() const noexcept { return credentials_.size(); }
    [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }

private:
    struct credential {
        auth::grant_ptr what;
        std::size_t holders = 0;
        bool taken_back = false;
    };
    struct session {
        entrance came_by;
        moqt::credential_id base = moqt::no_credential;
        std::vector<moqt::credential_id> held;
    };
    struct asked_door {
        std::string_view path;
        std::string_view query;
        std::string_view bearer;
        std::span<const moqt::authorization_token> tokens;
    };
    template <class T>
    using verdict = auth::verdict<T>;

    /// Where a path leads; the HTTP status that says why nowhere.
    [[nodiscard]] std::expected<entrance, door_answer> locate(std::string_view path) const;
    /// What somebody shows at a door, checked.
    [[nodiscard]] verdict<auth::grant_ptr> examine(const entrance& where, const asked_door& asked);
    [[nodiscard]] verdict<auth::grant_ptr> examine(const moqt::authorization_token& token);
    /// `track` is unset where no track is named.
    [[nodiscard]] verdict<void> covers(const auth::grant& one, auth::action what,
                                       const moqt::track_namespace& space,
                                       std::optional<std::string_view> track = {}) const;
    [[nodiscard]] bool holds(const auth::grant& one) const;
    /// Takes a grant into a session, using up a token that admits once. `replaces` is what it
    /// renews.
    [[nodiscard]] verdict<moqt::credential_id> keep(session& of, const auth::grant_ptr& one,
                                                    moqt::credential_id& replaces);
    [[nodiscard]] moqt::decision refuse(const session& of, auth::refusal_reason why);
    [[nodiscard]] instant until(const auth::grant& one, instant now) const;
    [[nodiscard]] auth::unix_time wall() const { return config_.wall(); }

    config config_;
    openssl_crypto crypto_;
    auth::verifier verifier_;
    std::shared_ptr<const access_snapshot> snapshot_;
    std::unordered_map<moqt::credential_id, credential> credentials_;
    std::map<moqt::session_key, session> sessions_;
    moqt::credential_id next_ = 1;
    counters counters_;
};

/// The HTTP status of a refusal: 401 for what is no proof, 403 for a good one that does not do, 429
/// when we are full.
[[nodiscard]] unsigned status_of(auth::refusal_reason why) noexcept;

} // namespace moqrtc::reference
