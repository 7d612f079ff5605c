#pragma once

#include <moqrtc/core/archive.hpp>

#include <algorithm>
#include <optional>

namespace moqrtc {

/// Archive that writes a structure into the caller's bytes.
///
/// Errors  `no_space` when the output is too small, `bad_value` for an integer that the form in
///         force cannot carry, `not_in_draft` for a field that is set and does not exist there.
template <class Rules>
class writer : public archive<Rules> {
public:
    static constexpr bool reading = false;

    constexpr writer(const Rules& rules, mutable_bytes out) noexcept
        : archive<Rules>{rules},
          begin_{out.data()},
          at_{out.data()},
          end_{out.data() + out.size()} {}

    [[nodiscard]] constexpr std::size_t position() const noexcept {
        return static_cast<std::size_t>(at_ - begin_);
    }
    [[nodiscard]] constexpr std::size_t room() const noexcept {
        return static_cast<std::size_t>(end_ - at_);
    }
    [[gnu::cold, gnu::noinline]] constexpr void fail(errc code, const char* field) noexcept {
        this->record(code, field, position());
        end_ = at_;
    }
    constexpr void check(bool good, const char* field, errc code = errc::bad_value) noexcept {
        if (!good) fail(code, field);
    }

    constexpr void u8(const char* field, std::uint8_t value) noexcept {
        if (at_ == end_) return fail(errc::no_space, field);
        *at_++ = static_cast<std::byte>(value);
    }
    /// Two fields below 64, which have one byte each in every form of integer, in one step.
    constexpr void byte_pair(const char* field, std::uint64_t first,
                             std::uint64_t second) noexcept {
        if (room() < 2) return fail(errc::no_space, field);
        at_[0] = static_cast<std::byte>(first);
        at_[1] = static_cast<std::byte>(second);
        at_ += 2;
    }
    constexpr void u16(const char* field, std::uint16_t value) noexcept {
        if (room() < 2) return fail(errc::no_space, field);
        store_be<2>({at_, 2}, value);
        at_ += 2;
    }
    constexpr void varint(const char* field, std::uint64_t value) noexcept {
        // Below 64 every form of integer is that one byte.
        if (value < 64 && at_ != end_)
            *at_++ = static_cast<std::byte>(value);
        else
            longer_varint(field, value);
    }
    constexpr void varint_if(bool present, const char* field, std::uint64_t value) noexcept {
        if (present)
            varint(field, value);
        else if (value != 0)
            fail(errc::not_in_draft, field);
    }
    constexpr void varint_if(bool present, const char* field,
                             const std::optional<std::uint64_t>& value) noexcept {
        if (present)
            varint(field, value.value_or(0));
        else if (value)
            fail(errc::not_in_draft, field);
    }
    constexpr void tail_if(bool defined, const char* field,
                           const std::optional<std::uint64_t>& value) noexcept {
        if (!value) return;
        if (defined)
            varint(field, *value);
        else
            fail(errc::not_in_draft, field);
    }
    constexpr void blob(const char* field, bytes value, std::size_t max) noexcept {
        if (value.size() > max) return fail(errc::limit, field);
        varint(field, value.size());
        rest(field, value);
    }
    constexpr void rest(const char* field, bytes value) noexcept {
        if (room() < value.size()) return fail(errc::no_space, field);
        at_ = std::copy(value.begin(), value.end(), at_);
    }
    constexpr void raw(const char* field, bytes value, std::size_t) noexcept { rest(field, value); }
    /// Leaves one byte for a length below 64, which is the same in every form of integer.
    [[nodiscard]] constexpr std::byte* enter(const char* field) noexcept {
        auto* const length = at_;
        u8(field, 0);
        return length;
    }
    /// Fills in the length of what was written since `enter`.
    constexpr void leave(std::byte* length) noexcept {
        if (this->ok()) *length = static_cast<std::byte>(at_ - length - 1);
    }
    template <class M>
    constexpr void nested(const char*, const M& value) noexcept {
        M::describe(*this, value);
    }

    /// The bytes that are left, for a caller that writes them itself and then says how many.
    [[nodiscard]] constexpr mutable_bytes spare() const noexcept { return {at_, end_}; }
    constexpr void commit(std::size_t size) noexcept { at_ += size; }

private:
    [[gnu::noinline]] constexpr void longer_varint(const char* field,
                                                   std::uint64_t value) noexcept {
        const auto form = this->rules_->varint;
        if (value > varint_max(varint_form::quic) && form == varint_form::quic)
            return fail(errc::bad_value, field);
        if (room() < 9 && room() < varint_size(form, value)) return fail(errc::no_space, field);
        at_ += encode_varint(form, value, at_, room());
    }

    std::byte* begin_;
    std::byte* at_;
    std::byte* end_;
};

} // namespace moqrtc
