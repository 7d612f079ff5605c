#pragma once

#include <moqrtc/core/archive.hpp>

#include <optional>

namespace moqrtc {

/// Archive that fills a structure with legal random values: what property tests, fuzz seeds and
/// benchmarks start from.
///
/// Borrows `pool`: byte strings it fills in are parts of it.
template <class Rules>
class sampler : public archive<Rules> {
public:
    static constexpr bool reading = false;
    static constexpr bool sampling = true;

    constexpr sampler(const Rules& rules, std::uint64_t seed, bytes pool) noexcept
        : archive<Rules>{rules}, state_{seed * 0x9e3779b97f4a7c15u | 1}, pool_{pool} {}

    [[nodiscard]] constexpr std::size_t position() const noexcept { return 0; }
    constexpr void fail(errc code, const char* field) noexcept { this->record(code, field, 0); }
    constexpr void check(bool, const char*, errc = errc::bad_value) noexcept {}

    /// The next 64 random bits (xorshift64*).
    [[nodiscard]] constexpr std::uint64_t next() noexcept {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1du;
    }
    /// A number in [0, n).
    [[nodiscard]] constexpr std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
    /// A value of any length that the integer form allows, each length about equally often.
    [[nodiscard]] constexpr std::uint64_t any_varint() noexcept {
        return (next() & varint_max(this->rules_->varint)) >> below(64);
    }
    [[nodiscard]] constexpr bytes any_bytes(std::size_t max) noexcept {
        const auto most = max < pool_.size() ? max : pool_.size();
        const auto size = static_cast<std::size_t>(below(most + 1));
        const auto start = static_cast<std::size_t>(below(pool_.size() - size + 1));
        return pool_.subspan(start, size);
    }

    constexpr void u8(const char*, std::uint8_t& value) noexcept {
        value = static_cast<std::uint8_t>(next());
    }
    constexpr void u16(const char*, std::uint16_t& value) noexcept {
        value = static_cast<std::uint16_t>(next());
    }
    constexpr void varint(const char*, std::uint64_t& value) noexcept { value = any_varint(); }
    constexpr void varint_if(bool present, const char* field, std::uint64_t& value) noexcept {
        if (present) varint(field, value);
    }
    constexpr void varint_if(bool present, const char* field,
                             std::optional<std::uint64_t>& value) noexcept {
        if (present) varint(field, value.emplace());
    }
    constexpr void tail_if(bool defined, const char* field,
                           std::optional<std::uint64_t>& value) noexcept {
        if (defined && below(2) == 0) varint(field, value.emplace());
    }
    constexpr void blob(const char*, bytes& value, std::size_t max) noexcept {
        value = any_bytes(max);
    }
    constexpr void rest(const char*, bytes& value) noexcept { value = any_bytes(pool_.size()); }
    constexpr void raw(const char*, bytes& value, std::size_t size) noexcept {
        value = pool_.first(size < pool_.size() ? size : pool_.size());
    }
    template <class M>
    constexpr void nested(const char*, M& value) noexcept {
        M::describe(*this, value);
    }

private:
    std::uint64_t state_;
    bytes pool_;
};

} // namespace moqrtc
