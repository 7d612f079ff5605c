#pragma once

#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/data/object.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace moqrtc::moqt {

/// The bytes of one object that arrives in pieces: its header or at least its properties, then its
/// payload, in one block. With the header in front a relay can pass on both as one slice
/// (`slice::with_front`).
///
/// The block starts small and doubles with what arrives, so that a claimed size alone costs
/// nothing.
///
/// Units   bytes.
class payload_assembler {
public:
    /// Room for payload that the first block has at least, if the payload is that long.
    static constexpr std::uint64_t first_room = 4096;

    /// Starts with the header, empty when it is not in one piece, the properties in it, and
    /// `available` bytes of payload about to be added; false when the pool is exhausted.
    [[nodiscard]] bool start(buffer_pool& pool, bytes header, bytes properties,
                             std::uint64_t length, std::size_t available) noexcept {
        length_ = length;
        properties_ = properties.size();
        const auto room = static_cast<std::size_t>(
            std::min(length, std::max<std::uint64_t>(available, first_room)));
        if (properties_ + room == 0) return true;
        // Where a header would cost a larger block, it stays away.
        const bool whole = header.size() > properties_ &&
                           buffer_pool::has_spare(properties_ + room, header.size() - properties_);
        const auto front = whole ? header : properties;
        front_ = front.size();
        properties_at_ = whole && !properties.empty()
                             ? static_cast<std::size_t>(properties.data() - header.data())
                             : 0;
        block_ = buffer::allocate(pool, front_ + room);
        return block_.valid() && block_.append(pool, front);
    }
    /// Moves what belongs to the payload from the front of `in`; false when the pool is exhausted.
    [[nodiscard]] bool add(buffer_pool& pool, bytes& in) noexcept {
        const auto left = length_ - received();
        const auto part = in.first(left < in.size() ? static_cast<std::size_t>(left) : in.size());
        const auto needed = block_.size() + part.size();
        if (needed > block_.capacity()) {
            const auto whole = static_cast<std::size_t>(length_) + front_;
            const auto doubled = std::min(whole, block_.capacity() * 2);
            auto bigger = buffer::allocate(pool, std::max(doubled, needed));
            if (!bigger.valid()) bigger = buffer::allocate(pool, needed);
            if (!bigger.valid() || !bigger.append(pool, block_.view())) return false;
            block_ = std::move(bigger);
        }
        if (!block_.append(pool, part)) return false;
        in = in.subspan(part.size());
        return true;
    }
    [[nodiscard]] std::uint64_t received() const noexcept { return block_.size() - front_; }
    [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
    [[nodiscard]] bool complete() const noexcept { return received() == length_; }

    /// Hands the bytes over; the assembler is empty afterwards.
    void finish(object& out) noexcept {
        const auto whole = block_.freeze();
        if (properties_ != 0) out.properties = whole.sub(properties_at_, properties_);
        if (length_ != 0) out.payload = whole.sub(front_);
        length_ = properties_ = front_ = 0;
    }

private:
    buffer block_;
    std::uint64_t length_ = 0;
    std::size_t front_ = 0; ///< bytes before the payload
    std::size_t properties_ = 0;
    std::size_t properties_at_ = 0;
};

} // namespace moqrtc::moqt
