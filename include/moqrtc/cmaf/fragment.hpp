#pragma once

#include <moqrtc/cmaf/box_writer.hpp>
#include <moqrtc/cmaf/movie_fragment.hpp>

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

        box_writer out{to};
        const auto moof = out.open("moof");
        const auto mfhd = out.open("mfhd", 0, 0);
        out.u32(sequence_number);
        out.close(mfhd);
        const auto traf = out.open("traf");
        namespace has = fragment_flags;
        const auto tfhd = out.open("tfhd", 0,
                                   has::default_base_is_moof |
                                       (description != 1 ? has::sample_description_index : 0));
        out.u32(track_id);
        if (description != 1) out.u32(description);
        out.close(tfhd);
        const auto tfdt = out.open("tfdt", 1, 0);
        out.u64(decode_time);
        out.close(tfdt);
        const auto trun = out.open("trun", 1,
                                   has::data_offset | has::sample_duration | has::sample_size |
                                       has::sample_flags | has::sample_composition_offset);
        out.u32(samples.size());
        out.u32(total); // data_offset: right after this header
        for (const auto& s : samples) {
            out.u32(s.duration);
            out.u32(s.size);
            out.u32(s.is_sync ? sync_sample_flags : non_sync_sample_flags);
            out.u32(static_cast<std::uint32_t>(s.composition_offset));
        }
        out.close(trun);
        out.close(traf);
        out.close(moof);
        out.u32(payload);
        out.code("mdat");
        MOQRTC_ASSERT(!out.overflowed() && out.size() == total);
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
