#pragma once

#include <moqrtc/auth/grant.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// What has been taken back before its time. Like a `key_set`: filled by one thread, then shared
/// unchanged as a `std::shared_ptr<const revocations>`.
class revocations {
public:
    enum class what : std::uint8_t { key, token, subject, resource, organisation };

    /// Fields  `until` is when it can be forgotten: when the last token that it is about has ended.
    ///         `issued_before` spares tokens issued later: "everything handed out so far".
    struct entry {
        what of = what::token;
        std::string id{};
        unix_time until = forever;
        unix_time issued_before = forever;

        [[nodiscard]] friend bool operator==(const entry&, const entry&) noexcept = default;
    };

    explicit revocations(std::size_t most = std::size_t{1} << 16) noexcept : most_{most} {}

    /// Errors  limit: the list is full; forget what has ended first.
    [[nodiscard]] result<void> add(entry one);
    /// Lets the same thing be used again; whether it was there.
    bool remove(what of, std::string_view id) noexcept;
    /// Drops what is over; returns how many.
    std::size_t forget(unix_time now) noexcept;

    [[nodiscard]] bool covers(const grant& one) const noexcept;
    [[nodiscard]] const std::vector<entry>& all() const noexcept { return entries_; }

private:
    [[nodiscard]] bool covers(what of, std::string_view id, unix_time issued) const noexcept;

    std::size_t most_;
    std::vector<entry> entries_; ///< ordered by kind and name
};

} // namespace moqrtc::auth
