#pragma once

#include <moqrtc/cmaf/file_demuxer.hpp>
#include <moqrtc/cmaf/packager.hpp>
#include <moqrtc/cmaf/stream_demuxer.hpp>
#include <moqrtc/core/buffer_pool.hpp>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace moqrtc::reference {

/// Where published media comes from: an MP4 file, or fragmented MP4 on standard input.
class media_source {
public:
    struct config {
        std::uint64_t first_group = 0;
        duration chunk{};    ///< longest video chunk; 0: one frame
        bool loop = false;   ///< files only
        bool frames = false; ///< one frame an object, of sound too
    };
    virtual ~media_source() = default;

    /// The tracks, once they are known; empty before.
    [[nodiscard]] virtual std::span<const cmaf::track> tracks() const = 0;
    /// The packager behind, for init segments; valid when `tracks()` is not empty.
    [[nodiscard]] virtual const cmaf::packager& packaging() const = 0;
    /// The next object; none at the end, and when more input has to come first.
    [[nodiscard]] virtual std::expected<std::optional<cmaf::media_object>, std::string> next() = 0;
    [[nodiscard]] virtual bool ended() const = 0;
    /// Average bits per second of a track, 0 when not known.
    [[nodiscard]] virtual std::uint64_t bitrate(std::size_t track) const = 0;
};

/// Reads `path`. Errors are sentences.
[[nodiscard]] std::expected<std::unique_ptr<media_source>, std::string>
open_media_file(const std::string& path, buffer_pool& pool, const media_source::config& settings);

/// Reads standard input as it comes; `wake` is called when `next` may have something.
[[nodiscard]] std::unique_ptr<media_source> open_media_stream(asio::io_context& context,
                                                              buffer_pool& pool,
                                                              const media_source::config& settings,
                                                              std::function<void()> wake);

/// A sentence about an error of the library in some input.
[[nodiscard]] std::string describe(const error& failure, std::string_view input);

} // namespace moqrtc::reference
