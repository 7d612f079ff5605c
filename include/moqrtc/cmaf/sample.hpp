#pragma once

#include <moqrtc/core/slice.hpp>

#include <cstdint>

namespace moqrtc::cmaf {

/// One access unit as its container describes it.
///
/// Units   `decode_time`, `composition_offset` and `duration` count ticks of the track's
///         timescale; `size` and `offset` count bytes, the latter from the start of the file.
struct sample {
    std::uint32_t track = 0; ///< index into the list of tracks, not the track_ID of the file
    std::uint32_t size = 0;
    std::uint64_t offset = 0;
    std::int64_t decode_time = 0;
    std::int32_t composition_offset = 0;
    std::uint32_t duration = 0;
    std::uint32_t description = 1; ///< sample_description_index, from 1
    bool is_sync = true;
};

/// A sample with its bytes.
struct media_sample : sample {
    slice payload{};
};

} // namespace moqrtc::cmaf
