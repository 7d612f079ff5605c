#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::webtransport {

/// The variants of WebTransport over HTTP/3 that are told apart by the setting that announces them.
/// What travels afterwards differs little: the upgrade token, flow control, a header of draft 2.
enum class dialect : std::uint8_t {
    none,
    draft_02, ///< ENABLE_WEBTRANSPORT 0x2b603742: Chromium, Firefox
    draft_07, ///< WEBTRANSPORT_MAX_SESSIONS 0xc671706a
    draft_13, ///< WT_MAX_SESSIONS 0x14e9cd29, drafts 13 and 14
    draft_15, ///< WT_ENABLED 0x2c7cf000, drafts 15 and later
};
inline constexpr std::array all_dialects{dialect::draft_02, dialect::draft_07, dialect::draft_13,
                                         dialect::draft_15};

/// The setting that announces a dialect.
///
/// Spec    draft-ietf-webtrans-http3, section "Negotiating the Draft Version", of each draft.
[[nodiscard]] constexpr std::uint64_t setting_of(dialect which) noexcept {
    switch (which) {
    case dialect::draft_02:
        return 0x2b603742;
    case dialect::draft_07:
        return 0xc671706a;
    case dialect::draft_13:
        return 0x14e9cd29;
    case dialect::draft_15:
        return 0x2c7cf000;
    case dialect::none:
        break;
    }
    return 0;
}
/// Its name in configuration files and options: `02`, `07`, `13`, `15`.
[[nodiscard]] constexpr std::string_view to_string(dialect which) noexcept {
    switch (which) {
    case dialect::draft_02:
        return "02";
    case dialect::draft_07:
        return "07";
    case dialect::draft_13:
        return "13";
    case dialect::draft_15:
        return "15";
    case dialect::none:
        break;
    }
    return "none";
}
/// The dialect of a name; `14` and `16` are those that share a setting with the draft before.
[[nodiscard]] constexpr std::optional<dialect> dialect_named(std::string_view name) noexcept {
    if (name == "14") return dialect::draft_13;
    if (name == "16") return dialect::draft_15;
    for (const auto each : all_dialects)
        if (to_string(each) == name) return each;
    return std::nullopt;
}

/// Some of the dialects.
class dialect_set {
public:
    constexpr dialect_set() noexcept = default;
    [[nodiscard]] static constexpr dialect_set all() noexcept {
        dialect_set set;
        for (const auto each : all_dialects)
            set.add(each);
        return set;
    }
    [[nodiscard]] static constexpr dialect_set only(dialect which) noexcept {
        dialect_set set;
        set.add(which);
        return set;
    }

    constexpr void add(dialect which) noexcept { bits_ = bits_ | bit(which); }
    constexpr void remove(dialect which) noexcept { bits_ = bits_ & ~bit(which); }
    [[nodiscard]] constexpr bool contains(dialect which) const noexcept {
        return (bits_ & bit(which)) != 0;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    /// The newest that both sets have, or `dialect::none`.
    [[nodiscard]] constexpr dialect newest_common(dialect_set other) const noexcept {
        auto found = dialect::none;
        for (const auto each : all_dialects)
            if (contains(each) && other.contains(each)) found = each;
        return found;
    }
    [[nodiscard]] friend constexpr bool operator==(dialect_set, dialect_set) noexcept = default;

private:
    [[nodiscard]] static constexpr unsigned bit(dialect which) noexcept {
        return which == dialect::none ? 0u : 1u << static_cast<unsigned>(which);
    }
    unsigned bits_ = 0;
};

} // namespace moqrtc::webtransport
