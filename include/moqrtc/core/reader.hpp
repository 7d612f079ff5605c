#pragma once

#include <moqrtc/core/archive.hpp>

#include <optional>

namespace moqrtc {

/// Archive that fills a structure from bytes.
///
/// Borrows the input: every `bytes` field it fills points into it.
/// Errors  sticky, with the offset of the field that failed. After a failure nothing is left to
///         read, so that the fast path needs no test of its own.
template <class Rules>
class reader : public archive<Rules> {
public:
    static constexpr bool reading = true;

    constexpr reader(const Rules& rules, bytes in) noexcept
        : archive<Rules>{rules}, begin_{in.data()}, at_{in.data()}, end_{in.data() + in.size()} {}

    [[nodiscard]] constexpr std::size_t left() const noexcept {
        return static_cast<std::size_t>(end_ - at_);
    }
    [[nodiscard]] constexpr std::size_t position() const noexcept {
        return static_cast<std::size_t>(at_ - begin_);
    }
    [[gnu::cold, gnu::noinline]] constexpr void fail(errc code, const char* field) noexcept {
        this->record(code, field, position());
        at_ = end_;
    }
    /// A failure found later at an `offset` that lies behind.
    constexpr void fail_at(std::size_t offset, errc code, const char* field) noexcept {
        at_ = begin_ + offset;
        fail(code, field);
    }
    constexpr void check(bool good, const char* field, errc code = errc::bad_value) noexcept {
        if (!good) fail(code, field);
    }

    constexpr void u8(const char* field, std::uint8_t& value) noexcept {
        if (at_ == end_) return fail(errc::truncated, field);
        value = std::to_integer<std::uint8_t>(*at_++);
    }
    constexpr void u16(const char* field, std::uint16_t& value) noexcept {
        if (left() < 2) return fail(errc::truncated, field);
        value = static_cast<std::uint16_t>(load_be<2>({at_, 2}));
        at_ += 2;
    }
    constexpr void varint(const char* field, std::uint64_t& value) noexcept {
        // Below 64 every form of integer is that one byte.
        if (at_ != end_ && *at_ < std::byte{64})
            value = std::to_integer<std::uint64_t>(*at_++);
        else
            longer_varint(field, value);
    }
    constexpr void varint_if(bool present, const char* field, std::uint64_t& value) noexcept {
        if (present) varint(field, value);
    }
    constexpr void varint_if(bool present, const char* field,
                             std::optional<std::uint64_t>& value) noexcept {
        if (present) varint(field, value.emplace());
    }
    /// A field that ends the structure and may be absent.
    constexpr void tail_if(bool defined, const char* field,
                           std::optional<std::uint64_t>& value) noexcept {
        if (defined && at_ != end_) varint(field, value.emplace());
    }
    /// Length as varint, then that many bytes; longer than `max` is `errc::limit`.
    constexpr void blob(const char* field, bytes& value, std::size_t max) noexcept {
        std::uint64_t size = 0;
        const auto start = position();
        varint(field, size);
        if (!this->ok()) return;
        if (size > max) return fail_at(start, errc::limit, field);
        if (size > left()) return fail_at(start, errc::truncated, field);
        value = {at_, static_cast<std::size_t>(size)};
        at_ += size;
    }
    /// Everything up to the end.
    constexpr void rest(const char*, bytes& value) noexcept {
        value = {at_, end_};
        at_ = end_;
    }
    /// Exactly `size` bytes without a length of their own.
    constexpr void raw(const char* field, bytes& value, std::size_t size) noexcept {
        if (size > left()) return fail(errc::truncated, field);
        value = {at_, size};
        at_ += size;
    }
    /// What was read since `start`, a former `position`.
    [[nodiscard]] constexpr bytes since(std::size_t start) const noexcept {
        return {begin_ + start, at_};
    }
    /// A structure inside this one.
    template <class M>
    constexpr void nested(const char*, M& value) noexcept {
        M::describe(*this, value);
    }
    /// Narrows the reader to the next `size` bytes until `leave`; the caller has checked `left()`.
    [[nodiscard]] constexpr const std::byte* enter(std::size_t size) noexcept {
        const auto* const outer = end_;
        end_ = at_ + size;
        return outer;
    }
    /// Ends `enter`; bytes left inside, and fields that did not fit, are `mismatch`.
    constexpr void leave(const std::byte* outer, const char* field,
                         errc mismatch = errc::trailing) noexcept {
        if (this->failure_.code == errc::truncated) this->failure_.code = mismatch;
        if (this->ok() && at_ != end_) this->record(mismatch, field, position());
        end_ = outer;
        if (!this->ok()) at_ = end_;
    }

private:
    [[gnu::noinline]] constexpr void longer_varint(const char* field,
                                                   std::uint64_t& value) noexcept {
        const auto decoded = decode_varint(this->rules_->varint, at_, left());
        if (decoded.size == 0) return fail_varint(field);
        value = decoded.value;
        at_ += decoded.size;
    }
    constexpr void fail_varint(const char* field) noexcept {
        const bool forbidden = at_ != end_ && varint_length(this->rules_->varint, *at_) == 0;
        fail(forbidden ? errc::bad_value : errc::truncated, field);
    }

    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
};

} // namespace moqrtc
