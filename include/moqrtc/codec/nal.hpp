#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace moqrtc::codec {

/// Walks the NAL units of a sample in which each is preceded by its length, as in MP4.
///
/// Spec    ISO/IEC 14496-15 section 5.3.3: `length_size` is 1, 2 or 4.
/// Borrows the sample; what `next` gives points into it.
class length_prefixed_reader {
public:
    constexpr length_prefixed_reader(bytes sample, unsigned length_size) noexcept
        : sample_{sample}, length_size_{length_size} {}

    [[nodiscard]] constexpr bool done() const noexcept { return position_ == sample_.size(); }

    /// The next NAL unit, which may be empty; call while not `done()`.
    ///
    /// Errors  truncated (length or unit), bad_value (`length_size`).
    [[nodiscard]] constexpr result<bytes> next() noexcept {
        constexpr const char* where = "NAL unit with length, ISO/IEC 14496-15 5.3.3";
        const auto at = static_cast<std::uint32_t>(position_);
        if (length_size_ == 0 || length_size_ > 4)
            return fail(errc::bad_value, "lengthSizeMinusOne", at, where);
        if (sample_.size() - position_ < length_size_)
            return fail(errc::truncated, "NALUnitLength", at, where);
        std::size_t length = 0;
        for (unsigned i = 0; i < length_size_; ++i)
            length = length << 8 | byte_at(sample_, position_ + i);
        if (length > sample_.size() - position_ - length_size_)
            return fail(errc::truncated, "NALUnit", at, where);
        const auto unit = sample_.subspan(position_ + length_size_, length);
        position_ += length_size_ + length;
        return unit;
    }

private:
    bytes sample_;
    unsigned length_size_;
    std::size_t position_ = 0;
};

/// Walks the NAL units of a byte stream with start codes.
///
/// Bytes before the first start code are passed over, zero bytes behind a unit do not belong to it.
///
/// Spec    ISO/IEC 14496-10 and 23008-2, Annex B.
/// Borrows the stream; what `next` gives points into it.
class annexb_reader {
public:
    constexpr explicit annexb_reader(bytes stream) noexcept : stream_{stream} {
        position_ = start_code(0);
    }

    /// The next NAL unit that is not empty, or nothing at the end.
    [[nodiscard]] constexpr std::optional<bytes> next() noexcept {
        while (position_ < stream_.size()) {
            const auto begin = position_ + 3;
            const auto found = start_code(begin);
            auto end = found;
            while (end > begin && stream_[end - 1] == std::byte{0})
                --end;
            position_ = found;
            if (end > begin) return stream_.subspan(begin, end - begin);
        }
        return std::nullopt;
    }

private:
    /// Where the next 00 00 01 starts, or the end of the stream.
    [[nodiscard]] constexpr std::size_t start_code(std::size_t from) const noexcept {
        for (std::size_t i = from; i + 3 <= stream_.size(); ++i)
            if (stream_[i] == std::byte{0} && stream_[i + 1] == std::byte{0} &&
                stream_[i + 2] == std::byte{1})
                return i;
        return stream_.size();
    }

    bytes stream_;
    std::size_t position_ = 0;
};

/// Appends a sample of length-prefixed NAL units to `out` as a byte stream with start codes.
///
/// Errors  as `length_prefixed_reader::next`; `out` then holds the units in front.
[[nodiscard]] inline result<void> to_annexb(bytes sample, unsigned length_size,
                                            std::vector<std::byte>& out) {
    constexpr std::byte start[]{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
    for (length_prefixed_reader units{sample, length_size}; !units.done();) {
        const auto unit = units.next();
        if (!unit) return std::unexpected(unit.error());
        out.insert(out.end(), std::begin(start), std::end(start));
        out.insert(out.end(), unit->begin(), unit->end());
    }
    return {};
}

/// Appends a byte stream with start codes to `out` as NAL units behind lengths of four bytes.
///
/// Errors  limit (a unit of 4 GiB or more), bad_value (bytes, but no start code).
[[nodiscard]] inline result<void> to_length_prefixed(bytes stream, std::vector<std::byte>& out) {
    constexpr const char* where = "byte stream, Annex B";
    annexb_reader units{stream};
    bool any = false;
    while (const auto unit = units.next()) {
        if (unit->size() > UINT32_MAX) return fail(errc::limit, "NALUnitLength", 0, where);
        any = true;
        std::byte length[4];
        store_be<4>(length, unit->size());
        out.insert(out.end(), std::begin(length), std::end(length));
        out.insert(out.end(), unit->begin(), unit->end());
    }
    if (!any && !stream.empty()) return fail(errc::bad_value, "start_code", 0, where);
    return {};
}

/// The payload of a NAL unit without its emulation prevention bytes.
///
/// Spec    ISO/IEC 14496-10 section 7.3.1: 03 is dropped from 00 00 03.
[[nodiscard]] inline std::vector<std::byte> unescape(bytes unit) {
    std::vector<std::byte> payload;
    payload.reserve(unit.size());
    unsigned zeros = 0;
    for (const auto b : unit) {
        if (zeros >= 2 && b == std::byte{3}) {
            zeros = 0;
            continue;
        }
        zeros = b == std::byte{0} ? zeros + 1 : 0;
        payload.push_back(b);
    }
    return payload;
}

/// Sequence and picture parameter sets are a few hundred bytes; longer ones are refused unread.
inline constexpr std::size_t max_parameter_set = 16384;

} // namespace moqrtc::codec
