#pragma once

#include <moqrtc/core/archive.hpp>

#include <optional>

namespace moqrtc {

/// Archive that counts the bytes `writer` would write, without writing them.
template <class Rules>
class sizer : public archive<Rules> {
public:
    static constexpr bool reading = false;
    constexpr explicit sizer(const Rules& rules) noexcept : archive<Rules>{rules} {}

    [[nodiscard]] constexpr std::size_t position() const noexcept { return size_; }
    constexpr void fail(errc code, const char* field) noexcept { this->record(code, field, size_); }
    constexpr void check(bool good, const char* field, errc code = errc::bad_value) noexcept {
        if (!good) fail(code, field);
    }

    constexpr void u8(const char*, std::uint8_t) noexcept { size_ += 1; }
    constexpr void u16(const char*, std::uint16_t) noexcept { size_ += 2; }
    constexpr void varint(const char*, std::uint64_t value) noexcept {
        size_ += varint_size(this->rules_->varint, value);
    }
    constexpr void varint_if(bool present, const char* field, std::uint64_t value) noexcept {
        if (present) varint(field, value);
    }
    constexpr void varint_if(bool present, const char* field,
                             const std::optional<std::uint64_t>& value) noexcept {
        if (present) varint(field, value.value_or(0));
    }
    constexpr void tail_if(bool defined, const char* field,
                           const std::optional<std::uint64_t>& value) noexcept {
        if (defined && value) varint(field, *value);
    }
    constexpr void blob(const char* field, bytes value, std::size_t) noexcept {
        varint(field, value.size());
        size_ += value.size();
    }
    constexpr void rest(const char*, bytes value) noexcept { size_ += value.size(); }
    constexpr void raw(const char*, bytes value, std::size_t) noexcept { size_ += value.size(); }
    template <class M>
    constexpr void nested(const char*, const M& value) noexcept {
        M::describe(*this, value);
    }

private:
    std::size_t size_ = 0;
};

} // namespace moqrtc
