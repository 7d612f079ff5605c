#pragma once

#include <cstdint>

namespace moqrtc::testing {

/// Random numbers that depend on the seed alone, so that a run can be repeated from its seed.
class random_source {
public:
    explicit constexpr random_source(std::uint64_t seed) noexcept : state_{seed} {}

    /// The next 64 random bits (SplitMix64).
    [[nodiscard]] constexpr std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15u;
        auto z = state_;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }
    /// A number in [0, n); 0 when `n` is 0.
    [[nodiscard]] constexpr std::uint64_t below(std::uint64_t n) noexcept {
        return n == 0 ? 0 : next() % n;
    }
    /// A number in [least, most].
    [[nodiscard]] constexpr std::uint64_t between(std::uint64_t least,
                                                  std::uint64_t most) noexcept {
        return least + below(most - least + 1);
    }
    /// True `per_mille` times of a thousand; draws no number when that is 0.
    [[nodiscard]] constexpr bool chance(unsigned per_mille) noexcept {
        return per_mille != 0 && below(1000) < per_mille;
    }

private:
    std::uint64_t state_;
};

} // namespace moqrtc::testing
