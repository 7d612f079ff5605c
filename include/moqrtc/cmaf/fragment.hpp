#pragma once

#include <moqrtc/cmaf/movie_fragment.hpp>

#include <array>
#include <cstring>
#include <span>
#include <vector>

namespace moqrtc::cmaf {

/// What the header of a chunk says about one sample.
///
/// Units   `duration` and `composition_offset` in ticks, `size` in bytes.
struct chunk_sample {
    std::uint32_t duration = 0;
    std::uint32_t size = 0;
    std::int32_t composition_offset = 0;
    bool is_sync = true;
};

/// The boxes of a chunk before its samples, as they stand when each number in them is 0: one chunk
/// for each sample is written often enough for a copy to pay.
namespace detail::chunk_layout {

inline constexpr std::size_t moof_size = 0;
inline constexpr std::size_t sequence_number = 20;
inline constexpr std::size_t traf_size = 24;
inline constexpr std::size_t tfhd_size = 32;
inline constexpr std::size_t tfhd_flags = 40;
inline constexpr std::size_t track_id = 44;
inline constexpr std::size_t tfhd_end = 48;
inline constexpr std::size_t decode_time = 60;
inline constexpr std::size_t trun_size = 68;
inline constexpr std::size_t sample_count = 80;
inline constexpr std::size_t data_offset = 84;
inline constexpr std::size_t samples = 88;

template <std::size_t N>
constexpr void put(std::byte* to, std::uint64_t value) noexcept {
    store_be<N>({to, N}, value);
}

inline constexpr auto blank = [] {
    std::array<std::byte, samples> out{};
    const auto box_at = [&out](std::size_t offset, std::uint32_t size, fourcc type,
                               std::uint32_t version_and_flags) {
        put<4>(out.data() + offset, size);
        put<4>(out.data() + offset + 4, type.value);
        if (version_and_flags != 0) put<4>(out.data() + offset + 8, version_and_flags);
    };
    namespace has = fragment_flags;
    box_at(0, 0, "moof", 0);
    box_at(8, 16, "mfhd", 0);
    box_at(24, 0, "traf", 0);
    box_at(32, 16, "tfhd", has::default_base_is_moof);
    box_at(48, 20, "tfdt", 0x01000000);
    box_at(68, 0, "trun",
           0x01000000 | has::data_offset | has::sample_duration | has::sample_size |
               has::sample_flags | has::sample_composition_offset);
    return out;
}();

} // namespace detail::chunk_layout

/// The boxes in front of the samples of a CMAF chunk: moof, and the header of its mdat.
///
/// Spec    ISO/IEC 23000-19 section 7.3.2.3; ISO/IEC 14496-12 section 8.8.
/// Borrows `samples`.
struct chunk_header {
    std::uint32_t sequence_number = 1;
    std::uint32_t track_id = 1;
    std::uint32_t description = 1;
    std::uint64_t decode_time = 0;
    std::span<const chunk_sample> samples{};

    /// 128 bytes hold the header of a chunk of one or two samples: one block of a pool.
    [[nodiscard]] constexpr std::size_t wire_size() const noexcept {
        return 96 + (description != 1 ? 4U : 0U) + 16 * samples.size();
    }

    /// Writes the header; the samples' bytes follow it in order.
    ///
    /// Errors  no_space; limit when the samples do not fit an mdat box of 32-bit size.
    [[nodiscard]] result<std::size_t> serialize(mutable_bytes to) const noexcept {
        constexpr auto where = "CMAF chunk, ISO/IEC 23000-19 7.3.2.3";
        const auto total = wire_size();
        if (to.size() < total) return fail(errc::no_space, "header", 0, where);
        std::uint64_t payload = 8;
        for (const auto& s : samples)
            payload += s.size;
        if (payload > UINT32_MAX || total > UINT32_MAX - payload)
            return fail(errc::limit, "mdat", 0, where);

        namespace at = detail::chunk_layout;
        const std::size_t extra = description != 1 ? 4 : 0; // a field of tfhd, which ends there
        auto* const out = to.data();
        std::memcpy(out, at::blank.data(), at::tfhd_end);
        std::memcpy(out + at::tfhd_end + extra, at::blank.data() + at::tfhd_end,
                    at::samples - at::tfhd_end);
        at::put<4>(out + at::moof_size, total - 8);
        at::put<4>(out + at::sequence_number, sequence_number);
        at::put<4>(out + at::traf_size, total - 8 - at::traf_size);
        at::put<4>(out + at::track_id, track_id);
        if (extra != 0) {
            at::put<4>(out + at::tfhd_size, 16 + extra);
            at::put<4>(out + at::tfhd_flags, fragment_flags::default_base_is_moof |
                                                 fragment_flags::sample_description_index);
            at::put<4>(out + at::tfhd_end, description);
        }
        auto* next = out + extra;
        at::put<8>(next + at::decode_time, decode_time);
        at::put<4>(next + at::trun_size, 20 + 16 * samples.size());
        at::put<4>(next + at::sample_count, samples.size());
        at::put<4>(next + at::data_offset, total); // right after this header
        next += at::samples;
        for (const auto& s : samples) {
            at::put<4>(next, s.duration);
            at::put<4>(next + 4, s.size);
            at::put<4>(next + 8, s.is_sync ? sync_sample_flags : non_sync_sample_flags);
            at::put<4>(next + 12, static_cast<std::uint32_t>(s.composition_offset));
            next += 16;
        }
        at::put<4>(next, payload);
        at::put<4>(next + 4, fourcc{"mdat"}.value);
        return total;
    }
};

/// Takes a chunk, or several in a row, apart and appends its samples to `out`.
///
/// Offsets of the samples count from the start of `chunk`, whose bytes they share.
/// `next_decode_time` is where a chunk without `tfdt` starts; it is moved to the chunk's end.
/// Errors  those of the boxes; truncated when a sample lies outside of the chunk's mdat boxes;
///         bad_value when the chunk has no samples of this track. `out` may then hold some.
[[nodiscard]] inline result<void> parse_chunk(const slice& chunk, const track& of,
                                              std::int64_t& next_decode_time,
                                              std::vector<media_sample>& out) {
    constexpr auto where = "CMAF chunk, ISO/IEC 23000-19 7.3.2.3";
    std::vector<fragment_run> runs;
    std::size_t placed = 0; // runs whose samples were found in an mdat
    const auto first = out.size();
    box_cursor boxes{chunk.view()};
    while (true) {
        const auto next = boxes.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) break;
        const box& b = **next;
        if (b.type == "moof") {
            const auto done = parse_movie_fragment(chunk.sub(b.offset, b.whole.size()), b.offset,
                                                   {&of, 1}, {&next_decode_time, 1}, runs);
            if (!done) return std::unexpected(displaced(done.error(), b.offset));
        } else if (b.type == "mdat") {
            for (; placed < runs.size(); ++placed) {
                const auto& r = runs[placed];
                const auto end = b.body_offset() + b.body.size();
                if (r.offset < b.body_offset() || r.offset > end || r.size > end - r.offset)
                    return fail(errc::truncated, "sample", b.offset, where);
                run_iterator samples{r, of.composition_shift};
                while (const auto s = samples.next())
                    out.push_back({*s, chunk.sub(static_cast<std::size_t>(s->offset), s->size)});
            }
        }
    }
    if (placed != runs.size()) return fail(errc::truncated, "mdat", 0, where);
    if (out.size() == first) return fail(errc::bad_value, "no samples", 0, where);
    return {};
}

} // namespace moqrtc::cmaf
