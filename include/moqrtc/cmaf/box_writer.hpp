#pragma once

#include <moqrtc/cmaf/fourcc.hpp>
#include <moqrtc/core/assert.hpp>
#include <moqrtc/core/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace moqrtc::cmaf {

/// Writes boxes into a growing vector or into the caller's bytes; sizes are filled in at the end.
///
/// Owns    nothing: the vector or the span must outlive the writer.
/// Errors  a span that is too small sets `overflowed()`; nothing is written past its end.
class box_writer {
public:
    explicit box_writer(std::vector<std::byte>& out) noexcept : vector_{&out}, start_{out.size()} {}
    explicit box_writer(mutable_bytes out) noexcept : span_{out} {}

    void u8(std::uint64_t value) { number<1>(value); }
    void u16(std::uint64_t value) { number<2>(value); }
    void u24(std::uint64_t value) { number<3>(value); }
    void u32(std::uint64_t value) { number<4>(value); }
    void u64(std::uint64_t value) { number<8>(value); }
    void code(fourcc value) { u32(value.value); }
    void zeros(std::size_t count) {
        if (auto* to = take(count)) std::memset(to, 0, count);
    }
    void blob(bytes data) {
        if (data.empty()) return;
        if (auto* to = take(data.size())) std::memcpy(to, data.data(), data.size());
    }
    void version(std::uint8_t number_of_version, std::uint32_t flags) {
        u8(number_of_version);
        u24(flags);
    }

    /// Starts a box; `close` it with what this returns. Boxes written here stay below 4 GiB.
    [[nodiscard]] std::size_t open(fourcc type) {
        const auto at = size();
        u32(0);
        code(type);
        return at;
    }
    [[nodiscard]] std::size_t open(fourcc type, std::uint8_t number_of_version,
                                   std::uint32_t flags) {
        const auto at = open(type);
        version(number_of_version, flags);
        return at;
    }
    void close(std::size_t at) { patch_u32(at, size() - at); }

    /// Overwrites 32 bits that were written before.
    void patch_u32(std::size_t at, std::uint64_t value) {
        if (overflowed_) return;
        MOQRTC_ASSERT(at + 4 <= size());
        auto* to = vector_ != nullptr ? vector_->data() + start_ + at : span_.data() + at;
        store_be<4>({to, 4}, value);
    }

    /// Bytes written through this writer.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

private:
    template <std::size_t N>
    void number(std::uint64_t value) {
        if (auto* to = take(N)) store_be<N>({to, N}, value);
    }
    [[nodiscard]] std::byte* take(std::size_t count) {
        if (vector_ != nullptr) {
            vector_->resize(start_ + size_ + count);
        } else if (overflowed_ || count > span_.size() - size_) {
            overflowed_ = true;
            return nullptr;
        }
        auto* to = vector_ != nullptr ? vector_->data() + start_ + size_ : span_.data() + size_;
        size_ += count;
        return to;
    }

    std::vector<std::byte>* vector_ = nullptr;
    mutable_bytes span_{};
    std::size_t start_ = 0;
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

} // namespace moqrtc::cmaf
