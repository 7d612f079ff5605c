#pragma once

#include "access_directory.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// One call: who is in it, which tokens were used, by which way its media goes. It coordinates and
/// never carries media; it ends with the call, not with the tokens that admitted to it.
///
/// No clock and no I/O: time is an argument, `snapshot` and `restore` carry it over a crash.
class call_coordinator {
public:
    struct limits {
        std::size_t participants = 16;
        std::size_t subscribers = 8;
        std::int64_t longest = 12 * 3600; ///< seconds
    };
    enum class role : std::uint8_t { publisher, subscriber };
    [[nodiscard]] friend constexpr std::string_view to_string(role what) noexcept {
        return what == role::publisher ? "publisher" : "subscriber";
    }
    /// Who wants to come in, out of a token that was verified.
    struct admission {
        std::string user;
        role who = role::subscriber;
        std::string transport; ///< `moq` or `webrtc`
        std::string jti;
        wall_seconds expires = 0; ///< of the token
    };
    enum class answer : std::uint8_t {
        admitted,
        replayed, ///< this token was used over this transport before
        expired,
        full,
        ended,
    };
    struct participant {
        role who = role::subscriber;
        std::string transport;
        wall_seconds joined = 0;
        /// What the sessions stand on that he may have: the last tokens that were used.
        std::vector<std::string> tokens{};

        [[nodiscard]] friend bool operator==(const participant&,
                                             const participant&) noexcept = default;
    };

    call_coordinator(std::string id, std::string org, const limits& bounds, wall_seconds now)
        : id_{std::move(id)}, org_{std::move(org)}, bounds_{bounds}, ends_{now + bounds.longest} {}

    /// Somebody who is in already comes again with a fresh token: a reconnection or another way.
    [[nodiscard]] answer admit(const admission& one, wall_seconds now);
    /// The call ends when the last one leaves.
    bool leave(std::string_view user);
    /// All of them go on by another way; whoever still speaks of an older epoch is late.
    void take_path(media_path path);
    void end();
    /// Forgets tokens that nobody could use any more, and ends what lasted too long.
    void sweep(wall_seconds now);

    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    [[nodiscard]] const std::string& org() const noexcept { return org_; }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
    [[nodiscard]] media_path path() const noexcept { return path_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] wall_seconds ends() const noexcept { return ends_; }
    [[nodiscard]] const std::map<std::string, participant, std::less<>>&
    participants() const noexcept {
        return participants_;
    }

    /// Everything but the limits, as JSON.
    [[nodiscard]] std::string snapshot() const;
    /// Nothing: that is no snapshot.
    [[nodiscard]] static std::optional<call_coordinator> restore(std::string_view text,
                                                                 const limits& bounds);

    [[nodiscard]] friend bool operator==(const call_coordinator& a,
                                         const call_coordinator& b) noexcept {
        return a.id_ == b.id_ && a.org_ == b.org_ && a.epoch_ == b.epoch_ && a.path_ == b.path_ &&
               a.ended_ == b.ended_ && a.ends_ == b.ends_ && a.participants_ == b.participants_ &&
               a.used_ == b.used_;
    }

private:
    using use = std::pair<std::string, std::string>; ///< jti and transport

    std::string id_;
    std::string org_;
    limits bounds_;
    std::uint64_t epoch_ = 0;
    media_path path_ = media_path::webrtc;
    bool ended_ = false;
    wall_seconds ends_ = 0;
    std::map<std::string, participant, std::less<>> participants_;
    std::map<use, wall_seconds> used_; ///< and when each expires
};

} // namespace moqrtc::reference
