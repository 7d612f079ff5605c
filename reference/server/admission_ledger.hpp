#pragma once

#include "admission_limits.hpp"
#include "common/shared_rate.hpp"
#include "common/socket_address.hpp"

#include <moqrtc/moqt/relay/policy.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace moqrtc::reference {

/// What the ledger, or a gate with its help, refuses.
enum class server_limit : std::uint8_t {
    sessions,
    sessions_per_address,
    address_session_rate,
    account_session_rate,
    publishers,
    subscribers,
    subscribers_per_room,
    streams,
    account_publishers,
    account_subscribers,
    account_bitrate,
    address_request_rate,
    account_request_rate,
    unauthorized,
    unauthorized_time, ///< of connections; sessions are the relay's
};
inline constexpr std::size_t server_limits = 15;

/// Why something is refused, in words for the peer.
[[nodiscard]] std::string_view to_string(server_limit which) noexcept;

/// Who is in, on all threads of a server: sessions by address, publishers and subscribers by
/// namespace and by account. An account is the organisation of a credential.
///
/// Asked when something begins or ends, never for objects: what requests alone need is lock-free,
/// the rest takes one lock for a few look-ups.
///
/// Threads every function may be called from any.
class admission_ledger {
public:
    /// An address (IPv6: its /64) or an account.
    struct party {
        std::string name;
        std::size_t sessions = 0;
        std::size_t publishers = 0;
        std::size_t subscribers = 0;
        std::uint64_t bitrate = 0; ///< bit/s over the last second
        std::uint64_t bits = 0;    ///< since `metered`
        instant metered{};
        shared_rate new_sessions{};
        shared_rate requests{};
    };
    using party_ptr = std::shared_ptr<party>;

    /// What an account may have where somebody set other than the server's settings.
    struct bounds {
        std::size_t publishers;
        std::size_t subscribers;
        std::size_t subscribers_per_room;
        std::uint64_t bitrate;
    };

    /// A session that is counted until this is gone.
    class session_pass {
    public:
        session_pass() = default;
        session_pass(admission_ledger& of, party_ptr address)
            : of_{&of}, address_{std::move(address)} {}
        session_pass(session_pass&& other) noexcept = default;
        session_pass& operator=(session_pass&& other) noexcept {
            release();
            of_ = other.of_;
            address_ = std::move(other.address_);
            return *this;
        }
        ~session_pass() { release(); }
        [[nodiscard]] const party_ptr& address() const noexcept { return address_; }
        [[nodiscard]] explicit operator bool() const noexcept { return address_ != nullptr; }
        void release();

    private:
        admission_ledger* of_ = nullptr;
        party_ptr address_{};
    };

    /// Somebody in a namespace, counted until `rise`.
    struct seat {
        moqt::seat_kind kind = moqt::seat_kind::subscriber;
        std::string room{};
        party_ptr account{};
    };

    explicit admission_ledger(const admission_limits& limits) : limits_{limits} {}
    admission_ledger(const admission_ledger&) = delete;
    admission_ledger& operator=(const admission_ledger&) = delete;

    [[nodiscard]] const admission_limits& limits() const noexcept { return limits_; }
    [[nodiscard]] bounds standard_bounds() const noexcept {
        return {limits_.account_publishers, limits_.account_subscribers,
                limits_.subscribers_per_room,
                limits_.account_bitrate == 0 ? UINT64_MAX : limits_.account_bitrate};
    }

    /// A client comes from somewhere.
    [[nodiscard]] std::expected<session_pass, server_limit> enter(const socket_address& from,
                                                                  instant now);
    [[nodiscard]] party_ptr account(std::string_view name, instant now);
    /// Whether a new session of the account is not too much.
    [[nodiscard]] bool may_enter(party& account, instant now);
    /// Whether another request of both is not too much; `account` may be null.
    [[nodiscard]] std::expected<void, server_limit> may_ask(party* address, party* account,
                                                            instant now);
    /// `space` as `track_namespace::key` has it; `account` may be null.
    [[nodiscard]] std::expected<seat, server_limit> sit(moqt::seat_kind kind,
                                                        std::string_view space,
                                                        const party_ptr& account,
                                                        const bounds& most, instant now);
    void rise(const seat& what);
    /// What an account's sessions moved since the last time.
    void meter(party& account, std::uint64_t bytes, instant now);

    void hit(server_limit which) noexcept {
        hits_[static_cast<std::size_t>(which)].fetch_add(1, std::memory_order_relaxed);
    }
    /// Connections that have shown nothing yet.
    std::atomic<std::size_t> unauthorized{0};

    /// Everything at one moment. `largest_…` are those of the party or the room that has most.
    struct figures {
        std::array<std::uint64_t, server_limits> hits{};
        std::size_t sessions = 0;
        std::size_t publishers = 0;
        std::size_t subscribers = 0;
        std::size_t streams = 0;
        std::size_t unauthorized = 0;
        std::size_t largest_room = 0;
        std::size_t largest_address = 0;
        std::size_t largest_account_publishers = 0;
        std::size_t largest_account_subscribers = 0;
        std::uint64_t largest_account_bitrate = 0;
        std::size_t addresses = 0; ///< that are remembered
        std::size_t accounts = 0;
    };
    [[nodiscard]] figures count() const;

private:
    struct room {
        std::size_t publishers = 0;
        std::size_t subscribers = 0;
    };
    using parties = std::unordered_map<std::string, party_ptr>;

    [[nodiscard]] static party_ptr find(parties& in, std::string name, instant now,
                                        std::size_t& sweep_at);
    void leave(party& address);

    admission_limits limits_;
    mutable std::mutex guard_;
    parties addresses_;
    parties accounts_;
    std::size_t sweep_addresses_at_ = 1024;
    std::size_t sweep_accounts_at_ = 1024;
    std::unordered_map<std::string, room> rooms_;
    std::size_t sessions_ = 0;
    std::size_t publishers_ = 0;
    std::size_t subscribers_ = 0;
    std::size_t streams_ = 0;
    std::array<std::atomic<std::uint64_t>, server_limits> hits_{};
};

/// The address without its port; of IPv6 the /64, which is what one household has.
[[nodiscard]] std::string address_of_party(const socket_address& from);

} // namespace moqrtc::reference
