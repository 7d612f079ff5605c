#pragma once

#include "stage.hpp"
#include "verdict.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::conformance {

/// A rule for what a peer sends, judged by everything that it sent in all rows.
class checker {
public:
    checker(std::string_view key, unsigned peers) noexcept : key_{key}, peers_{peers} {}
    checker(const checker&) = delete;
    checker& operator=(const checker&) = delete;
    virtual ~checker() = default;

    [[nodiscard]] std::string_view key() const noexcept { return key_; }
    /// Kinds of peer that the rule is for, by `fits`.
    [[nodiscard]] unsigned peers() const noexcept { return peers_; }
    /// One connection of a row that ended, `where` being the row.
    virtual void look(const side& at, std::string_view where) = 0;
    /// Passes when there was an occasion and nothing was wrong, fails with the first that was.
    [[nodiscard]] verdict judge() const;

protected:
    void occasion() noexcept { ++occasions_; }
    void wrong(std::string_view where, std::string what);

private:
    std::string_view key_;
    unsigned peers_;
    std::size_t occasions_ = 0;
    std::size_t wrongs_ = 0;
    std::string first_{};
};

[[nodiscard]] std::vector<std::unique_ptr<checker>> make_checkers(const target_info& target);
/// Kinds of peer, by `fits`, that could give the occasion for a rule that no row brings about.
[[nodiscard]] unsigned senders_of(std::string_view key);
/// What would have to happen so that a sender's rule could be judged.
[[nodiscard]] std::string_view why_no_occasion(std::string_view key);

} // namespace moqrtc::conformance
