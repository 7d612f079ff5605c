#include "media_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace moqrtc::reference {

std::string media_file::open(const std::string& path) {
    path_ = path;
    out_ = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
    return out_ == nullptr ? path + ": " + std::strerror(errno) : std::string{};
}

result<std::size_t> media_file::add_track(const slice& init) {
    const auto place = writer_.add_track(init);
    if (!place) return std::unexpected(place.error());
    tracks_.push_back({*place, nullptr, false});
    return tracks_.size() - 1;
}

result<std::size_t> media_file::add_track(cmaf::track of) {
    const auto place = writer_.add_track(std::move(of));
    if (!place) return std::unexpected(place.error());
    tracks_.push_back({*place, nullptr, false});
    return tracks_.size() - 1;
}

std::size_t media_file::add_track(const catalog::track& entry, std::vector<std::byte> description) {
    tracks_.push_back(
        {nowhere, std::make_unique<loc_track>(*pool_, entry, std::move(description)), false});
    return tracks_.size() - 1;
}

void media_file::begin(instant now, instant deadline) {
    named_ = true;
    deadline_ = deadline;
    start_when_known();
    if (now >= deadline_) start();
}

void media_file::start_when_known() {
    const auto waits = [](const member& one) {
        return one.frames != nullptr && one.frames->known() == nullptr;
    };
    if (named_ && !started_ && std::ranges::none_of(tracks_, waits)) start();
}

/// Names the tracks in the head; from here on chunks are written as they come.
void media_file::start() {
    if (started_) return;
    started_ = true;
    // Frames of LOC are dated by the wall clock: the file would begin decades after its start.
    const bool is_dated =
        std::ranges::any_of(tracks_, [](const member& one) { return one.frames != nullptr; });
    cmaf::file_writer fresh{*pool_, {.rebase = is_dated}};
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        auto& one = tracks_[i];
        const auto* known =
            one.frames == nullptr ? &writer_.tracks()[one.place] : one.frames->known();
        const auto place = known == nullptr ? result<std::size_t>{fail(errc::not_found, "track")}
                                            : fresh.add_track(*known);
        one.place = place.value_or(nowhere);
        one.left_out = !place;
        if (one.left_out) left_out_.push_back(i);
    }
    writer_ = std::move(fresh);
    for (const auto& of : writer_.tracks()) // all are there: they stay where they are
        timeline_.add_track(of);
    for (const auto& [index, chunk] : std::exchange(held_, {}))
        (void)place(index, chunk);
    for (std::size_t i = 0; i < tracks_.size(); ++i)
        (void)drain(i);
}

void media_file::handle_timeout(instant now) {
    if (now >= next_timeout()) start();
}

result<void> media_file::store(std::size_t index, moqt::location at, slice payload,
                               const loc::header& media) {
    auto& to = tracks_[index];
    if (to.left_out) return {};
    if (to.frames == nullptr) return place(index, payload);
    const auto done = to.frames->handle(at, media, std::move(payload));
    start_when_known();
    if (const auto drained = drain(index); !drained) return drained;
    return done;
}

result<void> media_file::drain(std::size_t index) {
    auto& from = tracks_[index];
    if (!started_ || from.frames == nullptr || from.left_out) return {};
    while (const auto chunk = from.frames->poll())
        if (const auto done = place(index, *chunk); !done) return done;
    return {};
}

result<void> media_file::place(std::size_t index, const slice& chunk) {
    if (!started_) {
        held_.emplace_back(index, chunk);
        return {};
    }
    const auto at = tracks_[index].place;
    const auto placed = timeline_.place(at, chunk);
    if (!placed) return std::unexpected(placed.error());
    if (!*placed) return {}; // the publisher that came back repeats what is there
    const auto done = writer_.handle_chunk(at, **placed);
    write();
    return done;
}

void media_file::write() {
    while (const auto piece = writer_.poll_output())
        if (std::fwrite(piece->data(), 1, piece->size(), out_) != piece->size() && trouble_.empty())
            trouble_ = path_ + ": " + std::strerror(errno);
}

result<void> media_file::finish() {
    if (out_ == nullptr) return {};
    if (named_) start();
    result<void> out;
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        if (tracks_[i].frames == nullptr) continue;
        if (const auto done = tracks_[i].frames->finish(); !done) out = done;
        if (const auto done = drain(i); !done) out = done;
    }
    if (std::fflush(out_) != 0 && trouble_.empty()) trouble_ = path_ + ": " + std::strerror(errno);
    return out;
}

} // namespace moqrtc::reference
