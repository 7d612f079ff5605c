#pragma once

#include <moqrtc/core/archive.hpp>
#include <moqrtc/moqt/draft.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

/// Archives for the descriptions that run once per object. They know only whether all went well,
/// which the compiler can keep in a register; to learn what went wrong, or to go on near the end of
/// the bytes, the caller runs the same description on `reader` or `writer`.
namespace moqrtc::moqt::detail {

/// Reads as `reader` does.
class quick_reader {
public:
    static constexpr bool reading = true;

    constexpr quick_reader(const wire_rules& rules, bytes in) noexcept
        : rules_{&rules}, begin_{in.data()}, at_{in.data()}, end_{in.data() + in.size()} {}

    [[nodiscard]] constexpr const wire_rules& rules() const noexcept { return *rules_; }
    [[nodiscard]] constexpr bool ok() const noexcept { return good_; }
    [[nodiscard]] constexpr std::size_t position() const noexcept {
        return static_cast<std::size_t>(at_ - begin_);
    }
    [[nodiscard]] constexpr std::size_t left() const noexcept {
        return static_cast<std::size_t>(end_ - at_);
    }
    [[gnu::always_inline]] constexpr void fail(errc, const char*) noexcept { good_ = false; }
    [[gnu::always_inline]] constexpr void check(bool good, const char*,
                                                errc = errc::bad_value) noexcept {
        good_ = good_ && good;
    }
    [[gnu::always_inline]] constexpr void u8(const char*, std::uint8_t& value) noexcept {
        if (at_ == end_) return void(good_ = false);
        value = std::to_integer<std::uint8_t>(*at_++);
    }
    [[gnu::always_inline]] constexpr void varint(const char*, std::uint64_t& value) noexcept {
        if (at_ == end_) return void(good_ = false);
        const auto form = rules_->varint;
        const auto first = std::to_integer<unsigned>(*at_);
        const unsigned tag_of_two = form == varint_form::quic ? 0x40 : 0x80;
        if (first < 0x40) {
            value = first;
            ++at_;
        } else if ((first & 0xc0) == tag_of_two && left() >= 2) {
            value = (first & 0x3f) << 8 | std::to_integer<unsigned>(at_[1]);
            at_ += 2;
        } else {
            const auto decoded = decode_varint(form, at_, left());
            good_ = good_ && decoded.size != 0;
            value = decoded.value;
            at_ += decoded.size;
        }
    }
    [[gnu::always_inline]] constexpr void blob(const char* field, bytes& value,
                                               std::size_t max) noexcept {
        std::uint64_t size = 0;
        varint(field, size);
        if (size > max || size > left()) return void(good_ = false);
        value = {at_, static_cast<std::size_t>(size)};
        at_ += size;
    }
    [[gnu::always_inline]] constexpr void raw(const char*, bytes& value,
                                              std::size_t size) noexcept {
        if (size > left()) return void(good_ = false);
        value = {at_, size};
        at_ += size;
    }

private:
    const wire_rules* rules_;
    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
    bool good_ = true;
};

/// Writes as `writer` does where at least nine bytes are left behind every field.
class quick_writer {
public:
    static constexpr bool reading = false;
    static constexpr bool quick = true;

    constexpr quick_writer(const wire_rules& rules, mutable_bytes out) noexcept
        : rules_{&rules}, begin_{out.data()}, at_{out.data()}, end_{out.data() + out.size()} {}

    [[nodiscard]] constexpr const wire_rules& rules() const noexcept { return *rules_; }
    [[nodiscard]] constexpr bool ok() const noexcept { return good_; }
    [[nodiscard]] constexpr std::size_t position() const noexcept {
        return static_cast<std::size_t>(at_ - begin_);
    }
    [[nodiscard]] constexpr std::size_t room() const noexcept {
        return static_cast<std::size_t>(end_ - at_);
    }
    [[gnu::always_inline]] constexpr void fail(errc, const char*) noexcept { good_ = false; }
    [[gnu::always_inline]] constexpr void check(bool good, const char*,
                                                errc = errc::bad_value) noexcept {
        good_ = good_ && good;
    }
    [[gnu::always_inline]] constexpr void u8(const char*, std::uint8_t value) noexcept {
        if (at_ == end_) return void(good_ = false);
        *at_++ = static_cast<std::byte>(value);
    }
    [[gnu::always_inline]] constexpr void varint(const char*, std::uint64_t value) noexcept {
        if (room() < 9) return void(good_ = false);
        const auto form = rules_->varint;
        // One byte for most fields and two for most lengths: branches that are mostly foreseen, and
        // then nothing waits for the size of the field before.
        if (value < 64) {
            *at_++ = static_cast<std::byte>(value);
        } else if (value < 0x4000 && (form == varint_form::quic || value >= 0x80)) {
            const unsigned tag = form == varint_form::quic ? 0x40 : 0x80;
            at_[0] = static_cast<std::byte>(value >> 8 | tag);
            at_[1] = static_cast<std::byte>(value & 0xff);
            at_ += 2;
        } else if (value <= varint_max(form)) {
            at_ += encode_varint(form, value, at_, 9);
        } else {
            good_ = false;
        }
    }
    [[gnu::always_inline]] constexpr void blob(const char* field, bytes value,
                                               std::size_t max) noexcept {
        varint(field, value.size());
        if (value.size() > max || value.size() > room()) return void(good_ = false);
        at_ = std::copy(value.begin(), value.end(), at_);
    }
    [[gnu::always_inline]] constexpr void byte_pair(const char*, std::uint64_t first,
                                                    std::uint64_t second) noexcept {
        if (room() < 2) return void(good_ = false);
        at_[0] = static_cast<std::byte>(first);
        at_[1] = static_cast<std::byte>(second);
        at_ += 2;
    }
    [[nodiscard]] [[gnu::always_inline]] constexpr std::byte* enter(const char* field) noexcept {
        auto* const length = at_;
        u8(field, 0);
        return length;
    }
    [[gnu::always_inline]] constexpr void leave(std::byte* length) noexcept {
        if (good_) *length = static_cast<std::byte>(at_ - length - 1);
    }
    /// What stands where `enter` left a place, below 64.
    [[gnu::always_inline]] constexpr void fill(std::byte* place, std::size_t value) noexcept {
        if (good_) *place = static_cast<std::byte>(value);
    }
    template <class M>
    [[gnu::always_inline]] constexpr void nested(const char*, const M& value) noexcept {
        M::describe(*this, value);
    }

private:
    const wire_rules* rules_;
    std::byte* begin_;
    std::byte* at_;
    std::byte* end_;
    bool good_ = true;
};

} // namespace moqrtc::moqt::detail
