#pragma once

#include <moqrtc/moqt/draft.hpp>

#include <string_view>
#include <vector>

namespace moqrtc::conformance {

/// One condition of moq-transport that can be checked, under its identifier in each draft.
struct requirement {
    struct name {
        std::string_view id;      ///< `MUST-18-001`; empty where the draft lacks the rule
        std::string_view section; ///< of that draft
    };
    /// C codec, S session, D data, R relay, T transport, X what a sender owes, A application.
    char kind = 'S';
    std::string_view condition;
    std::string_view reaction;
    name d16, d18, d19, d20;
    std::string_view test{}; ///< of kind A: file and `suite.name` of the test that covers it
    std::string_view also;   ///< numbers of the drafts 14, 15 and 17 that have an equal rule

    /// Its identifier where it does not matter in which draft: what rows are filed under.
    [[nodiscard]] std::string_view key() const noexcept {
        for (const auto& n : {d18, d16, d19, d20})
            if (!n.id.empty()) return n.id;
        return {};
    }
    /// How the draft calls it; drafts without identifiers of their own borrow those of the nearest
    /// draft that has the rule.
    [[nodiscard]] name in(moqt::draft d) const noexcept;
    [[nodiscard]] bool is_must() const noexcept { return key().starts_with("MUST"); }
};

/// Every requirement, in the order of the drafts.
[[nodiscard]] const std::vector<requirement>& requirements();

} // namespace moqrtc::conformance
