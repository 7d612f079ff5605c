#pragma once

#include <moqrtc/auth/grant.hpp>
#include <moqrtc/core/inline.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
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

#if MOQRTC_DEFINITIONS
namespace detail {

[[nodiscard]] inline bool before(const revocations::entry& one, revocations::what of,
                                 std::string_view id) noexcept {
    return one.of != of ? one.of < of : one.id < id;
}

} // namespace detail

MOQRTC_INLINE result<void> revocations::add(entry one) {
    const auto place =
        std::lower_bound(entries_.begin(), entries_.end(), one, [](const entry& a, const entry& b) {
            return detail::before(a, b.of, b.id);
        });
    if (place != entries_.end() && place->of == one.of && place->id == one.id) {
        // Said twice: whatever revokes more.
        place->until = std::max(place->until, one.until);
        place->issued_before = std::max(place->issued_before, one.issued_before);
        return {};
    }
    if (entries_.size() >= most_) return fail(errc::limit, "revocations", 0, "revocations");
    entries_.insert(place, std::move(one));
    return {};
}

MOQRTC_INLINE bool revocations::remove(what of, std::string_view id) noexcept {
    return std::erase_if(entries_,
                         [of, id](const entry& one) { return one.of == of && one.id == id; }) != 0;
}

MOQRTC_INLINE std::size_t revocations::forget(unix_time now) noexcept {
    return std::erase_if(entries_, [now](const entry& one) { return one.until <= now; });
}

MOQRTC_INLINE bool revocations::covers(what of, std::string_view id,
                                       unix_time issued) const noexcept {
    const auto place =
        std::partition_point(entries_.begin(), entries_.end(),
                             [of, id](const entry& one) { return detail::before(one, of, id); });
    return place != entries_.end() && place->of == of && place->id == id &&
           (place->issued_before == forever || issued < place->issued_before);
}

MOQRTC_INLINE bool revocations::covers(const grant& one) const noexcept {
    return !entries_.empty() && (covers(what::key, one.key_id, one.issued) ||
                                 covers(what::token, one.token_id, one.issued) ||
                                 covers(what::subject, one.subject, one.issued) ||
                                 covers(what::resource, one.resource, one.issued) ||
                                 covers(what::organisation, one.organisation, one.issued));
}
#endif

} // namespace moqrtc::auth
