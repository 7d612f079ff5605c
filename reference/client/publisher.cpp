#include "common/clock.hpp"
#include "publisher.hpp"

#include <moqrtc/catalog/priority.hpp>
#include <moqrtc/catalog/writer.hpp>
#include <moqrtc/codec/description.hpp>
#include <moqrtc/loc/decoder.hpp>

#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>

namespace moqrtc::reference {

namespace {

/// Without pacing, production waits while this much is unsent.
constexpr std::size_t unpaced_window = std::size_t{4} << 20;

} // namespace

publisher::publisher(runner& run, publish_options options)
    : run_{&run},
      options_{std::move(options)},
      offer_{run, options_.space, options_.trace},
      progress_{!run.options().json},
      first_group_{wall_clock_milliseconds()},
      next_catalog_group_{first_group_} {}

std::string publisher::open() {
    const media_source::config settings{first_group_, options_.chunk, options_.loop, options_.loc};
    if (options_.file == "-") {
        struct stat about{};
        if (::fstat(STDIN_FILENO, &about) != 0 || !S_ISREG(about.st_mode)) {
            source_ = open_media_stream(run_->context(), run_->pool(), settings, [this] {
                next_ = steady_now();
                run_->settle();
            });
            return {};
        }
        options_.file = "/dev/stdin"; // redirected from a file
    }
    auto opened = open_media_file(options_.file, run_->pool(), settings);
    if (!opened) return opened.error();
    source_ = std::move(*opened);
    return {};
}

void publisher::fail(std::string why) {
    progress_.end();
    run_->finish(exit_status::failed, std::move(why));
}

/// Names, catalog and priorities of the tracks, once the input has told what it holds.
void publisher::prepare_tracks() {
    prepared_ = true;
    catalog_ = {};
    offer_.add_track(std::string{catalog::msf_track_name}, catalog::priorities::catalog, false);
    offer_.add_track(std::string{catalog::plain_track_name}, catalog::priorities::catalog, false);
    std::vector<std::size_t> sources;
    std::map<std::string, int> used;
    const auto found = source_->tracks();
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto& from = found[i];
        if (!cmaf::packager::carries(from)) continue;
        const auto known = codec::describe(from.codec.value, from.codec_config);
        if (!known) {
            progress_.end();
            std::fprintf(stderr, "track %zu is left out: %s\n", i + 1,
                         reference::describe(known.error(), "its codec configuration").c_str());
            continue;
        }
        std::string name = from.kind == cmaf::media_kind::video ? "video" : "audio";
        if (const int n = ++used[name]; n > 1) name += "-" + std::to_string(n);
        auto entry = catalog::make_track(name, *known);
        if (from.kind == cmaf::media_kind::video) {
            if (!entry.width && from.width != 0) entry.width = from.width;
            if (!entry.height && from.height != 0) entry.height = from.height;
        } else {
            if (!entry.samplerate && from.sample_rate != 0) entry.samplerate = from.sample_rate;
            if (entry.channel_config.empty() && from.channels != 0)
                entry.channel_config = std::to_string(from.channels);
        }
        if (!options_.loc) entry.timescale = from.timescale;
        entry.render_group = 1;
        if (const auto rate = source_->bitrate(i)) entry.bitrate = rate;
        std::vector<std::byte> init;
        if (options_.loc) {
            auto description = loc::description_of(from.codec.value, from.codec_config);
            if (!description) {
                progress_.end();
                std::fprintf(stderr, "track %zu is left out: %s\n", i + 1,
                             reference::describe(description.error(), "as LOC").c_str());
                continue;
            }
            init = *description;
            entry.packaging = "loc";
            frames_of_source_[i] = {std::move(*description), from.kind == cmaf::media_kind::video};
        } else {
            source_->packaging().write_init(i, init);
        }
        catalog::set_init(catalog_, entry, init);
        catalog_.tracks.push_back(std::move(entry));
        sources.push_back(i);
    }
    for (std::size_t i = 0; i < sources.size(); ++i) { // all are known: priorities are relative
        const auto& entry = catalog_.tracks[i];
        const auto priority = catalog::publisher_priority(catalog_, entry);
        track_of_source_[sources[i]] = offer_.add_track(entry.name, priority, true, options_.loc);
    }
    if (catalog_.tracks.empty())
        return fail(options_.file + ": no audio or video track that can be published");
    next_catalog_ = steady_now();
}

void publisher::established(instant now, moqt::session& session) {
    if (!prepared_ && !source_->tracks().empty()) prepare_tracks();
    if (prepared_) offer_.start(now, session);
    if (next_ == never && !ending_) next_ = now;
    progress_.end();
    if (!run_->options().json)
        std::fprintf(stderr, "publishing %s, draft %u\n", to_text(options_.space).c_str(),
                     moqt::number(session.rules().id));
}

void publisher::lost(instant, const close_info&) {
    offer_.lost();
    if (ending_ && !run_->options().reconnect) fail("the connection was lost before the end");
}

instant publisher::next_timeout() {
    return std::min({next_, next_catalog_, progress_.next()});
}

void publisher::handle_timeout(instant now) {
    if (!prepared_) {
        const auto first = source_->next();
        if (!first) return fail(first.error());
        if (*first) waiting_ = std::move(**first);
        if (source_->tracks().empty()) {
            next_ = never;
            if (source_->ended()) fail("no tracks in the input");
            return;
        }
        prepare_tracks();
        if (auto* session = run_->session(); session != nullptr && session->established())
            offer_.start(now, *session);
    }
    if (now >= next_catalog_) publish_catalog(now, false);
    progress_.show(now, offer_.objects(), offer_.bytes());
    if (now >= next_) produce(now);
}

/// Takes objects from the source as they fall due.
void publisher::produce(instant now) {
    next_ = never;
    if (ending_) return finish_if_done(now);
    auto* session = run_->session();
    if (!began_ && session == nullptr) return; // the clock starts with the first session
    while (true) {
        if (!waiting_) {
            auto made = source_->next();
            if (!made) return fail(made.error());
            if (!*made) {
                if (source_->ended()) return end_tracks(now);
                return; // the source wakes us
            }
            waiting_ = std::move(**made);
        }
        if (waiting_->end_of_track) {
            waiting_.reset();
            continue;
        }
        const auto at = cmaf::to_duration(waiting_->decode_time);
        if (!began_) {
            began_ = instant{now.us - at.us};
            wall_began_ = static_cast<std::int64_t>(wall_clock_milliseconds()) * 1000 - at.us;
        }
        const auto due = *began_ + at;
        if (options_.pace && due > now) {
            next_ = due;
            return;
        }
        // Without pacing the server sets the pace, and nothing is lost while it is away.
        if (!options_.pace &&
            (!offer_.active() || session == nullptr || session->unsent_bytes() > unpaced_window)) {
            next_ = now + milliseconds(offer_.active() ? 2 : 20);
            return;
        }
        const auto found = track_of_source_.find(waiting_->track);
        if (found != track_of_source_.end()) {
            auto whole = buffer::allocate(run_->pool(), waiting_->size());
            bool fits =
                whole.valid() && (options_.loc || whole.append(run_->pool(), waiting_->header));
            for (std::size_t i = 0; fits && i < waiting_->payload.size(); ++i)
                fits = whole.append(run_->pool(), waiting_->payload[i]);
            if (!fits) return fail("out of memory");
            offer_.add_object(now, found->second, waiting_->group_id, waiting_->object_id,
                              whole.freeze(), options_.loc ? media_of(*waiting_) : loc::header{});
        }
        waiting_.reset();
    }
}

/// Capture time, as if the file were taken now; with the first frame of a group its decoder.
loc::header publisher::media_of(const cmaf::media_object& object) const {
    loc::header out;
    const auto at = wall_began_ + cmaf::to_duration(object.presentation_time).us;
    out.timestamp = static_cast<std::uint64_t>(std::max<std::int64_t>(0, at));
    const auto& of = frames_of_source_.at(object.track);
    if (of.is_video && object.object_id == 0) out.video_config = of.description;
    return out;
}

void publisher::publish_catalog(instant now, bool last) {
    next_catalog_ = last ? never : now + catalog_period;
    catalog_.is_complete = last;
    for (auto& t : catalog_.tracks)
        t.is_live = !last;
    const auto msf = catalog::write_msf(catalog_);
    const auto plain = catalog::write_plain(catalog_);
    if (!msf || !plain) return fail(reference::describe((msf ? plain : msf).error(), "catalog"));
    const auto group = next_catalog_group_++;
    offer_.add_object(now, 0, group, 0, slice::copy(run_->pool(), as_bytes(*msf)));
    offer_.add_object(now, 1, group, 0, slice::copy(run_->pool(), as_bytes(*plain)));
    offer_.end_group(now, 0); // a catalog group is one object
    offer_.end_group(now, 1);
}

void publisher::end_tracks(instant now) {
    if (ending_) return;
    ending_ = true;
    publish_catalog(now, true);
    offer_.end(now, "end of the file");
    next_ = now + milliseconds(20);
}

void publisher::finish_if_done(instant now) {
    if (!offer_.sent()) {
        next_ = now + milliseconds(20);
        return;
    }
    progress_.end();
    std::fprintf(stderr, "published %llu objects, %llu bytes\n",
                 static_cast<unsigned long long>(offer_.objects()),
                 static_cast<unsigned long long>(offer_.bytes()));
    run_->finish(exit_status::done);
}

void publisher::interrupted(instant now) {
    if (!prepared_ || run_->session() == nullptr) return run_->finish(exit_status::done);
    end_tracks(now);
}

void publisher::handle(instant now, moqt::session& session, moqt::event& event) {
    offer_.handle(now, session, event);
}

} // namespace moqrtc::reference
