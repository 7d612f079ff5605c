#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/varint.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace moqrtc {

/// What every archive shares: the rules in force, the first failure, the position.
///
/// A wire structure is described once, by `static constexpr void describe(auto& io, auto& m)`;
/// `reader`, `writer`, `sizer`, `printer` and `sampler` are the archives that such a description
/// runs on. The first failure sticks and turns every later call into a no-op, so a description
/// needs no checks of its own; only loops with a count from the wire ask `ok()`.
///
/// `Rules` has a member `varint` of type `varint_form`; the rest of it is the protocol's affair.
template <class Rules>
class archive {
public:
    constexpr explicit archive(const Rules& rules) noexcept : rules_{&rules} {}

    [[nodiscard]] constexpr const Rules& rules() const noexcept { return *rules_; }
    [[nodiscard]] constexpr bool ok() const noexcept { return failure_.code == errc::ok; }
    [[nodiscard]] constexpr const error& failure() const noexcept { return failure_; }

protected:
    constexpr void record(errc code, const char* field, std::size_t offset) noexcept {
        if (ok()) failure_ = {code, static_cast<std::uint32_t>(offset), field, ""};
    }

    const Rules* rules_;
    error failure_{};
};

/// Which archive a description runs on, for the few places where reading and writing differ.
template <class Io>
concept reads = std::remove_cvref_t<Io>::reading;
template <class Io>
concept prints = requires(std::remove_cvref_t<Io>& io) { io.open(); };
template <class Io>
concept samples = requires { std::remove_cvref_t<Io>::sampling; };

} // namespace moqrtc
