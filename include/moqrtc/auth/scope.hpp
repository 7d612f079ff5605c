#pragma once

#include <moqrtc/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// What somebody may be allowed to do: the requests of Media over QUIC and what HTTP's doors lead
/// to.
///
/// The first nine have the numbers of C4M, "moqt claim". SUBSCRIBE_TRACKS has none there.
enum class action : std::uint8_t {
    client_setup = 0,
    server_setup = 1,
    publish_namespace = 2,
    subscribe_namespace = 3,
    subscribe = 4,
    request_update = 5,
    publish = 6,
    fetch = 7,
    track_status = 8,
    subscribe_tracks, ///< drafts 18 and later; before, SUBSCRIBE_NAMESPACE did this too
    whip,             ///< publish over WebRTC
    whep,             ///< play over WebRTC
    ingest,           ///< publish over RTMP, SRT
    upload,
    hls,    ///< play over HTTP, live and on demand, with what belongs to it
    vod,    ///< the catalog of a recording
    signal, ///< open the signaling channel
};

inline constexpr std::size_t action_count = static_cast<std::size_t>(action::signal) + 1;

[[nodiscard]] constexpr std::string_view to_string(action what) noexcept {
    constexpr std::string_view names[] = {"CLIENT_SETUP",
                                          "SERVER_SETUP",
                                          "PUBLISH_NAMESPACE",
                                          "SUBSCRIBE_NAMESPACE",
                                          "SUBSCRIBE",
                                          "REQUEST_UPDATE",
                                          "PUBLISH",
                                          "FETCH",
                                          "TRACK_STATUS",
                                          "SUBSCRIBE_TRACKS",
                                          "whip",
                                          "whep",
                                          "ingest",
                                          "upload",
                                          "hls",
                                          "vod",
                                          "signal"};
    static_assert(std::size(names) == action_count);
    return static_cast<std::size_t>(what) < action_count ? names[static_cast<std::size_t>(what)]
                                                         : "unknown";
}

/// A set of small enumerators.
template <class Enum>
class enum_set {
public:
    constexpr enum_set() noexcept = default;
    constexpr enum_set(std::initializer_list<Enum> all) noexcept {
        for (const auto one : all)
            insert(one);
    }
    /// Of bits as `bits()` gives them.
    [[nodiscard]] static constexpr enum_set of_bits(std::uint32_t bits) noexcept {
        enum_set out;
        out.bits_ = bits;
        return out;
    }
    constexpr void insert(Enum one) noexcept { bits_ |= bit(one); }
    [[nodiscard]] constexpr bool contains(Enum one) const noexcept {
        return (bits_ & bit(one)) != 0;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
    [[nodiscard]] friend constexpr bool operator==(enum_set, enum_set) noexcept = default;

private:
    static constexpr std::uint32_t bit(Enum one) noexcept {
        return std::uint32_t{1} << static_cast<unsigned>(one);
    }
    std::uint32_t bits_ = 0;
};

using action_set = enum_set<action>;

/// A comparison with one field of a namespace, or with a track name; bytes, never normalized.
struct name_match {
    enum class kind : std::uint8_t { exact, prefix, suffix };

    kind how = kind::exact;
    std::string value{};

    [[nodiscard]] bool matches(bytes field) const noexcept {
        const auto text = as_text(field);
        switch (how) {
        case kind::exact:
            return text == value;
        case kind::prefix:
            return text.starts_with(value);
        case kind::suffix:
            return text.ends_with(value);
        }
        return false;
    }
    [[nodiscard]] friend bool operator==(const name_match&, const name_match&) noexcept = default;
};

/// Something whose fields can be walked: `moqt::namespace_view`, or `fields_of` below.
template <class T>
concept namespace_fields = requires(const T& all) {
    { all.fields().next() } -> std::convertible_to<std::optional<bytes>>;
};

/// Text fields as a namespace to compare with, for callers without `moqt/`. Borrows.
class fields_of {
public:
    template <class Range>
    explicit fields_of(const Range& all) {
        for (const auto& one : all)
            all_.push_back(as_bytes(std::string_view{one}));
    }
    /// Strings that end before they are looked at.
    explicit fields_of(std::vector<std::string>&&) = delete;
    class cursor {
    public:
        explicit cursor(const std::vector<bytes>& all) noexcept : all_{&all} {}
        [[nodiscard]] std::optional<bytes> next() noexcept {
            if (at_ == all_->size()) return std::nullopt;
            return (*all_)[at_++];
        }

    private:
        const std::vector<bytes>* all_;
        std::size_t at_ = 0;
    };
    [[nodiscard]] cursor fields() const noexcept { return cursor{all_}; }

private:
    std::vector<bytes> all_;
};

/// Some actions on some tracks.
///
/// Spec    draft-ietf-moq-c4m, "moqt claim".
/// Fields  `fields[i]` is compared with field i of the namespace, which may be longer, unless
///         `whole`: then it has exactly these fields. No `track`: every track.
struct scope {
    action_set actions{};
    std::vector<name_match> fields{};
    bool whole = false;
    std::optional<name_match> track{};

    /// Whether the namespace, or prefix, of a request lies inside. A prefix that is shorter than
    /// `fields` does not: it would ask for more than is allowed.
    template <namespace_fields Namespace>
    [[nodiscard]] bool covers(const Namespace& space) const noexcept {
        auto at = space.fields();
        for (const auto& one : fields) {
            const std::optional<bytes> field = at.next();
            if (!field || !one.matches(*field)) return false;
        }
        return !whole || !at.next();
    }
    /// A request about namespaces names no track: `track` has nothing to compare with then.
    template <namespace_fields Namespace>
    [[nodiscard]] bool allows(action what, const Namespace& space) const noexcept {
        return actions.contains(what) && covers(space);
    }
    template <namespace_fields Namespace>
    [[nodiscard]] bool allows(action what, const Namespace& space, bytes name) const noexcept {
        return allows(what, space) && (!track || track->matches(name));
    }
    [[nodiscard]] friend bool operator==(const scope&, const scope&) noexcept = default;
};

} // namespace moqrtc::auth
