#pragma once

#include <moqrtc/moqt/draft.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// A draft of moq-transport under the name that ALPN and WebTransport negotiate it by: its own, or
/// a private one that somebody uses for it.
struct offered_draft {
    moqt::draft version = moqt::spoken_drafts.back();
    std::string protocol{};

    // NOLINTNEXTLINE(google-explicit-constructor): a draft stands for itself
    offered_draft(moqt::draft d) : version{d}, protocol{moqt::rules_for(d).alpn} {}
    offered_draft(moqt::draft d, std::string name) : version{d}, protocol{std::move(name)} {}

    /// Whether a client names it over WebTransport; what ALPN calls `moq-00` is found out in
    /// set-up. Clients of others do name that, and a server understands it.
    [[nodiscard]] bool has_subprotocol() const noexcept {
        const auto& rules = moqt::rules_for(version);
        return moqt::is_chosen_by_alpn(rules) || protocol != rules.alpn;
    }
};
using offered_drafts_list = std::vector<offered_draft>;

/// `18`, or `NAME=18` for a private name; nothing when the draft is not spoken.
[[nodiscard]] inline std::optional<offered_draft> parse_offered_draft(std::string_view text) {
    const auto mark = text.rfind('=');
    const auto digits = mark == text.npos ? text : text.substr(mark + 1);
    unsigned number = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    const auto known = moqt::draft_of(number);
    if (!known || std::ranges::find(moqt::spoken_drafts, *known) == moqt::spoken_drafts.end())
        return std::nullopt;
    if (mark == text.npos) return offered_draft{*known};
    // A name of a protocol has 1 to 255 bytes (RFC 7301).
    if (mark == 0 || mark > 255) return std::nullopt;
    return offered_draft{*known, std::string{text.substr(0, mark)}};
}

/// The draft that a negotiated name stands for, if it was offered.
[[nodiscard]] inline std::optional<moqt::draft> draft_of(const offered_drafts_list& offered,
                                                         std::string_view protocol) {
    const auto at = std::ranges::find(offered, protocol, &offered_draft::protocol);
    return at == offered.end() ? std::nullopt : std::optional{at->version};
}

/// `22, 21 and 20`: the drafts that are spoken.
[[nodiscard]] inline std::string spoken_list() {
    std::string out;
    for (const auto d : moqt::spoken_drafts) {
        if (!out.empty()) out += d == moqt::spoken_drafts.back() ? " and " : ", ";
        out += std::to_string(moqt::number(d));
    }
    return out;
}

} // namespace moqrtc::reference
