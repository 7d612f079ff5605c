#include "media_source.hpp"

#include <asio/buffer.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moqrtc::reference {

std::string describe(const error& failure, std::string_view input) {
    std::string out{input};
    out += ": ";
    out += to_string(failure.code);
    out += " in ";
    out += failure.field;
    if (*failure.where != '\0') out += std::string{" ("} + failure.where + ")";
    out += " at byte " + std::to_string(failure.offset);
    return out;
}

namespace {

cmaf::packager::config packager_settings(const media_source::config& from, bool interleaved) {
    cmaf::packager::config out;
    out.first_group = from.first_group;
    out.video_chunk = from.chunk;
    if (from.frames) out.video_chunk = out.audio_chunk = {};
    out.is_interleaved = interleaved;
    return out;
}

class file_source final : public media_source {
public:
    file_source(std::string path, int file, std::uint64_t size, buffer_pool& pool,
                const config& settings)
        : path_{std::move(path)}, file_{file}, size_{size}, pool_{&pool}, settings_{settings} {
        demuxer_.emplace(size_);
    }
    ~file_source() override { ::close(file_); }

    std::expected<void, std::string> begin() {
        if (auto done = read_wanted(); !done) return done;
        // The first sample settles the tracks of a fragmented file.
        while (!demuxer_->ready() && demuxer_->next_read())
            if (auto done = read_wanted(); !done) return done;
        const auto found = demuxer_->tracks();
        tracks_.assign(found.begin(), found.end());
        packager_.emplace(*pool_, tracks_, packager_settings(settings_, true));
        return {};
    }
    std::span<const cmaf::track> tracks() const override { return tracks_; }
    const cmaf::packager& packaging() const override { return *packager_; }
    bool ended() const override { return ended_; }
    std::uint64_t bitrate(std::size_t track) const override {
        const auto& t = tracks_[track];
        const auto seconds = static_cast<double>(t.duration) / t.timescale;
        if (seconds <= 0) return 0;
        return static_cast<std::uint64_t>(static_cast<double>(sizes_of(track)) * 8 / seconds);
    }

    std::expected<std::optional<cmaf::media_object>, std::string> next() override {
        while (true) {
            if (auto made = packager_->poll_object()) return made;
            if (ended_) return std::nullopt;
            auto sample = demuxer_->poll_sample();
            if (!sample) return std::unexpected(describe(sample.error(), path_));
            if (*sample) {
                if (auto done = packager_->handle_sample(std::move(**sample)); !done)
                    return std::unexpected(describe(done.error(), path_));
                continue;
            }
            if (demuxer_->next_read()) {
                if (auto done = read_wanted(); !done) return std::unexpected(done.error());
                continue;
            }
            if (!settings_.loop) {
                ended_ = true;
                if (auto done = packager_->handle_end(); !done)
                    return std::unexpected(describe(done.error(), path_));
                continue;
            }
            if (auto done = packager_->handle_lap(); !done)
                return std::unexpected(describe(done.error(), path_));
            demuxer_.emplace(size_);
        }
    }

private:
    std::uint64_t sizes_of(std::size_t track) const {
        std::uint64_t total = 0;
        cmaf::sample_iterator samples{tracks_[track].table, 0};
        while (true) {
            const auto s = samples.next();
            if (!s || !*s) return total;
            total += (*s)->size;
        }
    }
    /// The file is read and not mapped: where a mapped one is shortened, a look ends the process.
    std::expected<void, std::string> read_wanted() {
        while (const auto want = demuxer_->next_read()) {
            auto room = buffer::allocate(*pool_, static_cast<std::size_t>(want->size));
            if (!room.valid()) return std::unexpected(path_ + ": out of memory");
            std::size_t have = 0;
            while (have < want->size) {
                const auto got =
                    ::pread(file_, room.room().data(), static_cast<std::size_t>(want->size) - have,
                            static_cast<off_t>(want->offset + have));
                if (got < 0 && errno == EINTR) continue;
                if (got < 0) return std::unexpected(path_ + ": " + std::strerror(errno));
                if (got == 0)
                    return std::unexpected(path_ + ": was shortened while it was read: had " +
                                           std::to_string(size_) + " bytes, now ends at byte " +
                                           std::to_string(want->offset + have));
                room.commit(static_cast<std::size_t>(got));
                have += static_cast<std::size_t>(got);
            }
            if (auto done = demuxer_->handle_read(want->offset, room.freeze()); !done)
                return std::unexpected(describe(done.error(), path_));
            if (demuxer_->ready()) return {};
        }
        return {};
    }

    std::string path_;
    int file_;
    std::uint64_t size_;
    buffer_pool* pool_;
    config settings_;
    std::optional<cmaf::file_demuxer> demuxer_;
    std::vector<cmaf::track> tracks_;
    std::optional<cmaf::packager> packager_;
    bool ended_ = false;
};

class stream_source final : public media_source {
public:
    stream_source(asio::io_context& context, buffer_pool& pool, const config& settings,
                  std::function<void()> wake)
        : input_{context, ::dup(STDIN_FILENO)},
          pool_{&pool},
          settings_{settings},
          wake_{std::move(wake)},
          demuxer_{pool} {
        read();
    }

    std::span<const cmaf::track> tracks() const override { return tracks_; }
    const cmaf::packager& packaging() const override { return *packager_; }
    bool ended() const override { return ended_ && pending_.empty(); }
    std::uint64_t bitrate(std::size_t) const override { return 0; }

    std::expected<std::optional<cmaf::media_object>, std::string> next() override {
        while (true) {
            if (packager_)
                if (auto made = packager_->poll_object()) return made;
            if (!failure_.empty()) return std::unexpected(failure_);
            auto sample = demuxer_.poll_sample();
            if (!packager_ && demuxer_.ready()) {
                const auto found = demuxer_.tracks();
                tracks_.assign(found.begin(), found.end());
                packager_.emplace(*pool_, tracks_, packager_settings(settings_, false));
            }
            if (sample) {
                if (auto done = packager_->handle_sample(std::move(*sample)); !done)
                    return std::unexpected(describe(done.error(), "standard input"));
                continue;
            }
            if (!pending_.empty()) {
                feed();
                continue;
            }
            if (at_end_ && !ended_) {
                if (auto done = demuxer_.handle_end(); !done)
                    return std::unexpected(describe(done.error(), "standard input"));
                ended_ = true;
                if (packager_)
                    if (auto done = packager_->handle_end(); !done)
                        return std::unexpected(describe(done.error(), "standard input"));
                continue;
            }
            if (!at_end_ && !reading_) read();
            return std::nullopt;
        }
    }

private:
    void feed() {
        const auto used = demuxer_.handle_input(pending_);
        if (!used) {
            failure_ = describe(used.error(), "standard input");
            pending_ = {};
            return;
        }
        pending_ = pending_.sub(*used);
    }
    void read() {
        reading_ = true;
        input_.async_read_some(asio::buffer(piece_), [this](std::error_code failed, std::size_t n) {
            reading_ = false;
            if (failed) {
                at_end_ = true;
                if (failed != asio::error::eof && failed != asio::error::operation_aborted)
                    failure_ = "standard input: " + failed.message();
            } else {
                pending_ = slice::copy(*pool_, bytes{piece_}.first(n));
                if (pending_.empty()) failure_ = "standard input: out of memory";
            }
            wake_();
        });
    }

    asio::posix::stream_descriptor input_;
    buffer_pool* pool_;
    config settings_;
    std::function<void()> wake_;
    std::array<std::byte, 1 << 16> piece_{};
    slice pending_;
    cmaf::stream_demuxer demuxer_;
    std::vector<cmaf::track> tracks_;
    std::optional<cmaf::packager> packager_;
    std::string failure_;
    bool reading_ = false;
    bool at_end_ = false;
    bool ended_ = false;
};

} // namespace

std::expected<std::unique_ptr<media_source>, std::string>
open_media_file(const std::string& path, buffer_pool& pool, const media_source::config& settings) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about{};
    if (file < 0 || ::fstat(file, &about) != 0) {
        const std::string why = std::strerror(errno);
        if (file >= 0) ::close(file);
        return std::unexpected(path + ": " + why);
    }
    if (!S_ISREG(about.st_mode)) {
        ::close(file);
        return std::unexpected(path +
                               ": no regular file; a stream goes through standard input (-)");
    }
    auto made = std::make_unique<file_source>(path, file, static_cast<std::uint64_t>(about.st_size),
                                              pool, settings);
    if (auto begun = made->begin(); !begun) return std::unexpected(begun.error());
    if (made->tracks().empty()) return std::unexpected(path + ": no tracks in it");
    return made;
}

std::unique_ptr<media_source> open_media_stream(asio::io_context& context, buffer_pool& pool,
                                                const media_source::config& settings,
                                                std::function<void()> wake) {
    return std::make_unique<stream_source>(context, pool, settings, std::move(wake));
}

} // namespace moqrtc::reference
