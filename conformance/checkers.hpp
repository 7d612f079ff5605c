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
    explicit checker(std::string_view key) noexcept : key_{key} {}
    checker(const checker&) = delete;
    checker& operator=(const checker&) = delete;
    virtual ~checker() = default;

    [[nodiscard]] std::string_view key() const noexcept { return key_; }
    /// One connection of a row that ended, `where` being the row.
    virtual void look(const side& at, std::string_view where) = 0;
    /// Passes when there was an occasion and nothing was wrong, fails with the first that was.
    [[nodiscard]] verdict judge() const;

protected:
    void occasion() noexcept { ++occasions_; }
    void wrong(std::string_view where, std::string what);

private:
    std::string_view key_;
    std::size_t occasions_ = 0;
    std::size_t wrongs_ = 0;
    std::string first_{};
};

[[nodiscard]] std::vector<std::unique_ptr<checker>> make_checkers(const target_info& target);
/// The test of the library that covers a rule for applications.
[[nodiscard]] std::string_view session_test_of(std::string_view key);
/// What would have to happen so that a sender's rule could be judged.
[[nodiscard]] std::string_view why_no_occasion(std::string_view key);

} // namespace moqrtc::conformance
