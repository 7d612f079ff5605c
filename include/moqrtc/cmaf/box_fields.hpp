#pragma once

#include <moqrtc/cmaf/box.hpp>

namespace moqrtc::cmaf {

/// Reads the fixed-width fields of a box from front to back; the first failure sticks.
///
/// Reading past the end gives zeros and sets the error, so a parser checks once at the end.
/// Borrows the box's bytes.
class box_fields {
public:
    /// `where` names the box and its section, e.g. "tkhd, ISO/IEC 14496-12 8.3.2".
    box_fields(const box& source, const char* where) noexcept
        : data_{source.body}, offset_{source.body_offset()}, where_{where} {}
    box_fields(bytes data, std::uint32_t offset, const char* where) noexcept
        : data_{data}, offset_{offset}, where_{where} {}

    [[nodiscard]] std::uint8_t u8(const char* field) noexcept {
        return static_cast<std::uint8_t>(number<1>(field));
    }
    [[nodiscard]] std::uint16_t u16(const char* field) noexcept {
        return static_cast<std::uint16_t>(number<2>(field));
    }
    [[nodiscard]] std::uint32_t u24(const char* field) noexcept {
        return static_cast<std::uint32_t>(number<3>(field));
    }
    [[nodiscard]] std::uint32_t u32(const char* field) noexcept {
        return static_cast<std::uint32_t>(number<4>(field));
    }
    [[nodiscard]] std::uint64_t u64(const char* field) noexcept { return number<8>(field); }
    [[nodiscard]] std::int32_t i32(const char* field) noexcept {
        return static_cast<std::int32_t>(u32(field));
    }
    /// 64 bits in version 1 of a box, 32 bits in version 0.
    [[nodiscard]] std::uint64_t u32_or_64(bool wide, const char* field) noexcept {
        return wide ? u64(field) : u32(field);
    }
    /// `count` bytes, or none with the error set when fewer are left.
    [[nodiscard]] bytes blob(std::uint64_t count, const char* field) noexcept {
        if (failed()) return {};
        if (count > data_.size() - position_) {
            set(errc::truncated, field);
            return {};
        }
        const auto found = data_.subspan(position_, static_cast<std::size_t>(count));
        position_ += found.size();
        return found;
    }
    void skip(std::size_t count, const char* field) noexcept { (void)blob(count, field); }
    /// `count` entries of `width` bytes: never more than the box holds, whatever it claims.
    [[nodiscard]] bytes entries(std::uint64_t count, std::size_t width,
                                const char* field) noexcept {
        return blob(count * width, field); // a 32-bit count times a small width fits 64 bits
    }

    [[nodiscard]] std::size_t remaining() const noexcept { return data_.size() - position_; }
    [[nodiscard]] bytes rest() const noexcept { return data_.subspan(position_); }
    [[nodiscard]] std::uint32_t offset() const noexcept {
        return offset_ + static_cast<std::uint32_t>(position_);
    }
    [[nodiscard]] bool failed() const noexcept { return error_.code != errc::ok; }
    [[nodiscard]] const error& why() const noexcept { return error_; }
    /// Records `code` at the present position unless something failed before.
    void set(errc code, const char* field) noexcept {
        if (!failed()) error_ = {code, offset(), field, where_};
    }
    [[nodiscard]] std::unexpected<error> failure() const noexcept {
        return std::unexpected(error_);
    }

private:
    template <std::size_t N>
    [[nodiscard]] std::uint64_t number(const char* field) noexcept {
        const auto found = blob(N, field);
        return found.empty() ? 0 : load_be<N>(found);
    }

    bytes data_;
    std::size_t position_ = 0;
    std::uint32_t offset_;
    const char* where_;
    error error_{};
};

/// Version and flags, with which a "full box" starts.
///
/// Spec    ISO/IEC 14496-12 section 4.2.2.
struct version_and_flags {
    std::uint8_t version = 0;
    std::uint32_t flags = 0;
};

[[nodiscard]] inline version_and_flags read_version(box_fields& in) noexcept {
    const auto version = in.u8("version");
    return {version, in.u24("flags")};
}

} // namespace moqrtc::cmaf
