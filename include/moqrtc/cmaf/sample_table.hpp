#pragma once

#include <moqrtc/cmaf/box_fields.hpp>
#include <moqrtc/cmaf/sample.hpp>
#include <moqrtc/cmaf/timescale.hpp>

#include <algorithm>
#include <limits>

namespace moqrtc::cmaf {

/// The tables of a progressive track, left as they lie in the file.
///
/// Spec    ISO/IEC 14496-12 sections 8.6.1 (time), 8.6.2 (sync), 8.7.3 to 8.7.5 (size, chunks).
/// Borrows the moov box. Each span holds whole entries and as many as its box claims.
struct sample_table {
    bytes time_to_sample{};     ///< stts: count, delta
    bytes composition_offset{}; ///< ctts: count, offset
    bytes sample_to_chunk{};    ///< stsc: first_chunk, samples_per_chunk, description
    bytes sample_size{};        ///< stsz or stz2 entries of `size_bits`
    bytes chunk_offset{};       ///< stco or co64
    bytes sync_sample{};        ///< stss: sample numbers
    std::uint32_t sample_count = 0;
    std::uint32_t constant_size = 0; ///< of every sample when there are no size entries
    std::uint8_t size_bits = 32;
    bool wide_offsets = false; ///< co64
    bool all_sync = true;      ///< no stss box: every sample is a sync sample
};

/// Takes one box of `stbl` into `table`; boxes that it does not know are passed over.
///
/// Errors  truncated when a list claims more entries than its box holds; bad_value.
[[nodiscard]] inline result<void> parse_sample_table_box(sample_table& table,
                                                         const box& child) noexcept {
    const auto list = [&child](const char* where, std::size_t width, bytes& out) -> result<void> {
        box_fields in{child, where};
        in.skip(4, "version_and_flags");
        out = in.entries(in.u32("entry_count"), width, "entries");
        if (in.failed()) return in.failure();
        return {};
    };
    if (child.type == "stts")
        return list("stts, ISO/IEC 14496-12 8.6.1.2", 8, table.time_to_sample);
    if (child.type == "ctts")
        return list("ctts, ISO/IEC 14496-12 8.6.1.3", 8, table.composition_offset);
    if (child.type == "stsc")
        return list("stsc, ISO/IEC 14496-12 8.7.4", 12, table.sample_to_chunk);
    if (child.type == "stss") {
        table.all_sync = false;
        return list("stss, ISO/IEC 14496-12 8.6.2", 4, table.sync_sample);
    }
    if (child.type == "stco" || child.type == "co64") {
        table.wide_offsets = child.type == "co64";
        return list("stco, ISO/IEC 14496-12 8.7.5", table.wide_offsets ? 8 : 4, table.chunk_offset);
    }
    if (child.type == "stsz") {
        box_fields in{child, "stsz, ISO/IEC 14496-12 8.7.3.2"};
        in.skip(4, "version_and_flags");
        table.constant_size = in.u32("sample_size");
        table.sample_count = in.u32("sample_count");
        if (table.constant_size == 0)
            table.sample_size = in.entries(table.sample_count, 4, "entry_size");
        table.size_bits = 32;
        if (in.failed()) return in.failure();
    } else if (child.type == "stz2") {
        box_fields in{child, "stz2, ISO/IEC 14496-12 8.7.3.3"};
        in.skip(7, "version_and_flags");
        table.size_bits = in.u8("field_size");
        if (table.size_bits != 4 && table.size_bits != 8 && table.size_bits != 16)
            in.set(errc::bad_value, "field_size");
        table.sample_count = in.u32("sample_count");
        table.constant_size = 0;
        table.sample_size =
            in.blob((static_cast<std::uint64_t>(table.sample_count) * table.size_bits + 7) / 8,
                    "entry_size");
        if (in.failed()) return in.failure();
    }
    return {};
}

/// The smallest composition offset of a progressive track; 0 when there is none.
///
/// Offsets count as signed in both versions of the box: writers of version 0 store negative ones.
[[nodiscard]] inline std::int32_t least_composition_offset(const sample_table& table) noexcept {
    std::int32_t least = 0;
    for (std::size_t i = 0; i + 8 <= table.composition_offset.size(); i += 8)
        least = std::min(
            least, static_cast<std::int32_t>(load_be<4>(table.composition_offset.subspan(i + 4))));
    return least;
}

/// A composition offset moved by `shift`, saturated to 32 bits.
[[nodiscard]] constexpr std::int32_t shifted(std::int32_t offset, std::int32_t shift) noexcept {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(
        std::int64_t{offset} + shift, std::numeric_limits<std::int32_t>::min(),
        std::numeric_limits<std::int32_t>::max()));
}

/// Walks the samples of a progressive track in decode order without expanding its tables.
///
/// Borrows the table's bytes.
/// Errors  bad_value when the tables disagree; overflow when a time passes `latest_time`. After an
///         error the iterator is at its end.
class sample_iterator {
public:
    sample_iterator() noexcept = default;
    /// `composition_shift` is added to every composition offset.
    explicit sample_iterator(const sample_table& table, std::int32_t composition_shift = 0) noexcept
        : table_{table}, left_{table.sample_count}, shift_{composition_shift} {}

    [[nodiscard]] std::uint32_t remaining() const noexcept { return left_; }

    /// The next sample (its `track` is left 0), or nothing at the end.
    [[nodiscard]] result<std::optional<sample>> next() noexcept {
        if (left_ == 0) return std::nullopt;
        sample s;
        if (!step(time_, table_.time_to_sample)) return stop(errc::bad_value, "stts");
        s.duration = time_.value;
        s.composition_offset = shift_;
        if (step(offset_, table_.composition_offset))
            s.composition_offset = shifted(static_cast<std::int32_t>(offset_.value), shift_);
        if (left_in_chunk_ == 0)
            if (const auto* wrong = next_chunk()) return stop(errc::bad_value, wrong);
        s.description = description_;
        s.size = size_at(index_);
        s.offset = position_;
        s.decode_time = decode_time_;
        s.is_sync = table_.all_sync || take_sync();
        if (__builtin_add_overflow(position_, s.size, &position_))
            return stop(errc::overflow, "chunk_offset");
        decode_time_ += s.duration;
        if (decode_time_ > latest_time) return stop(errc::overflow, "stts");
        --left_in_chunk_;
        --left_;
        ++index_;
        return s;
    }

private:
    /// Position in a run-length table of (count, value) pairs.
    struct run {
        std::size_t at = 0;
        std::uint32_t left = 0;
        std::uint32_t value = 0;
    };
    [[nodiscard]] static bool step(run& r, bytes entries) noexcept {
        while (r.left == 0) {
            if (r.at >= entries.size()) return false;
            r.left = static_cast<std::uint32_t>(load_be<4>(entries.subspan(r.at)));
            r.value = static_cast<std::uint32_t>(load_be<4>(entries.subspan(r.at + 4)));
            r.at += 8;
        }
        --r.left;
        return true;
    }
    [[nodiscard]] std::uint32_t chunk_field(std::size_t entry, std::size_t field) const noexcept {
        return static_cast<std::uint32_t>(
            load_be<4>(table_.sample_to_chunk.subspan(entry * 12 + field * 4)));
    }
    /// Moves to the next chunk that holds samples; the name of the wrong table on failure.
    [[nodiscard]] const char* next_chunk() noexcept {
        const std::size_t entries = table_.sample_to_chunk.size() / 12;
        const std::size_t width = table_.wide_offsets ? 8 : 4;
        while (left_in_chunk_ == 0) {
            if (chunk_ >= table_.chunk_offset.size() / width) return "stco";
            ++chunk_; // chunks are numbered from 1
            if (entries == 0 || chunk_field(0, 0) != 1) return "stsc";
            while (entry_ + 1 < entries && chunk_field(entry_ + 1, 0) <= chunk_)
                ++entry_;
            left_in_chunk_ = chunk_field(entry_, 1);
            description_ = chunk_field(entry_, 2);
            const auto at = table_.chunk_offset.subspan((chunk_ - 1) * width);
            position_ = table_.wide_offsets ? load_be<8>(at) : load_be<4>(at);
        }
        return nullptr;
    }
    [[nodiscard]] std::uint32_t size_at(std::size_t i) const noexcept {
        if (table_.constant_size != 0) return table_.constant_size;
        const auto& sizes = table_.sample_size;
        switch (table_.size_bits) {
        case 4:
            return byte_at(sizes, i / 2) >> (i % 2 == 0 ? 4 : 0) & 0xf;
        case 8:
            return byte_at(sizes, i);
        case 16:
            return static_cast<std::uint32_t>(load_be<2>(sizes.subspan(i * 2)));
        default:
            return static_cast<std::uint32_t>(load_be<4>(sizes.subspan(i * 4)));
        }
    }
    [[nodiscard]] bool take_sync() noexcept {
        const auto number = index_ + 1; // samples are numbered from 1
        while (sync_ < table_.sync_sample.size()) {
            const auto next = load_be<4>(table_.sync_sample.subspan(sync_));
            if (next > number) return false;
            sync_ += 4;
            if (next == number) return true;
        }
        return false;
    }
    [[nodiscard]] std::unexpected<error> stop(errc code, const char* field) noexcept {
        left_ = 0;
        return fail(code, field, 0, "sample table, ISO/IEC 14496-12 8.5.1");
    }

    sample_table table_{};
    run time_{};
    run offset_{};
    std::size_t index_ = 0;
    std::size_t chunk_ = 0;
    std::size_t entry_ = 0;
    std::size_t sync_ = 0;
    std::uint64_t position_ = 0;
    std::int64_t decode_time_ = 0;
    std::uint32_t left_in_chunk_ = 0;
    std::uint32_t description_ = 1;
    std::uint32_t left_ = 0;
    std::int32_t shift_ = 0;
};

} // namespace moqrtc::cmaf
