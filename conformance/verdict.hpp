#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace moqrtc::conformance {

/// What a row says of the peer.
///
/// `pass` and `fail` need something that the peer did and that allows no other reading. Silence, a
/// connection that is lost, and a trace that fits both are `undecided`, with the reason.
struct verdict {
    enum class kind : std::uint8_t {
        pass,
        fail,
        undecided,
        elsewhere, ///< a rule for peers of another kind, or judged by another test
    };
    kind what = kind::undecided;
    std::string reason{};
};

[[nodiscard]] inline verdict pass(std::string reason = {}) {
    return {verdict::kind::pass, std::move(reason)};
}
[[nodiscard]] inline verdict fail(std::string reason) {
    return {verdict::kind::fail, std::move(reason)};
}
[[nodiscard]] inline verdict undecided(std::string reason) {
    return {verdict::kind::undecided, std::move(reason)};
}
[[nodiscard]] inline verdict elsewhere(std::string reason) {
    return {verdict::kind::elsewhere, std::move(reason)};
}

[[nodiscard]] constexpr std::string_view to_string(verdict::kind what) noexcept {
    switch (what) {
    case verdict::kind::pass:
        return "pass";
    case verdict::kind::fail:
        return "fail";
    case verdict::kind::undecided:
        return "undecided";
    case verdict::kind::elsewhere:
        return "elsewhere";
    }
    return "unknown";
}

/// Thrown by a step of a row that cannot go on: the row is then undecided.
struct inconclusive {
    std::string reason;
};

} // namespace moqrtc::conformance
