#include "media_source.hpp"
#include "subscriber.hpp"

#include <moqrtc/loc/decoder.hpp>

#include <algorithm>
#include <utility>

/// Which tracks of a catalog are received, and what is needed to write them.
namespace moqrtc::reference {

bool subscriber::is_wanted(const catalog::track& entry) const {
    const auto kind = catalog::kind_of(entry);
    if (kind != catalog::track_kind::video && kind != catalog::track_kind::audio) return false;
    return options_.tracks.empty() ||
           std::ranges::find(options_.tracks, entry.name) != options_.tracks.end();
}

void subscriber::choose_tracks(instant now) {
    tracks_known_ = true;
    const auto& all = *catalog_.current();
    for (const auto& entry : all.tracks)
        if (file_.is_open() && is_wanted(entry) && !entry.init_track.empty() &&
            !catalog::init_bytes(all, entry))
            inits_.want({options_.space, entry.init_track}, now + options_.wait);
    if (auto* session = run_->session()) inits_.subscribe(now, *session);
    add_tracks(now);
}

/// An init segment stands in the catalog, or in a track of its own. Of LOC the catalog may have
/// what the decoder needs, and the objects may.
result<std::size_t> subscriber::add_to_file(const catalog::track& entry, track& made) {
    auto init = catalog::init_bytes(*catalog_.current(), entry);
    if (entry.packaging == "loc") {
        const auto can = loc::box_configuration(loc::sample_entry_of(entry.codec), {});
        if (!can && can.error().code == errc::unsupported) return std::unexpected(can.error());
        made.is_loc = true;
        if (init) made.init = std::move(*init);
        return file_.add_track(entry, made.init);
    }
    if (!entry.packaging.empty() && entry.packaging != "cmaf")
        return fail(errc::unsupported, "packaging");
    if (init) {
        made.init = std::move(*init);
        return file_.add_track(slice::copy(run_->pool(), made.init));
    }
    const auto* whole = inits_.find(entry.init_track);
    if (whole == nullptr) return fail(errc::not_found, "initRef");
    auto segment = cmaf::parse_init_segment(*whole);
    if (!segment) return std::unexpected(segment.error());
    auto of = track_of(std::move(*segment), entry);
    if (!of) return std::unexpected(of.error());
    return file_.add_track(std::move(*of));
}

/// Once every init segment is there, or will not come any more.
void subscriber::add_tracks(instant now) {
    if (!tracks_known_ || tracks_chosen_ || inits_.pending(now)) return;
    tracks_chosen_ = true;
    auto* session = run_->session();
    std::vector<std::string> wanted = options_.tracks;
    for (const auto& entry : catalog_.current()->tracks) {
        if (!is_wanted(entry)) continue;
        std::erase(wanted, entry.name);
        auto made = std::make_unique<track>(
            track{entry.name, track_receiver{*run_, {options_.space, entry.name}, options_.start}});
        if (file_.is_open()) {
            const auto index = add_to_file(entry, *made);
            if (!index) {
                say("track " + entry.name + " is left out: " +
                    describe(index.error(), entry.packaging == "cmaf" || entry.packaging.empty()
                                                ? "its init segment"
                                                : "packaging " + entry.packaging));
                continue;
            }
            made->file_index = *index;
        }
        tracks_.push_back(std::move(made));
    }
    if (file_.is_open()) file_.begin(now, now + options_.wait);
    for (const auto& name : wanted)
        say("the catalog has no track " + name);
    if (tracks_.empty())
        return run_->finish(exit_status::failed,
                            "the catalog has no audio or video to subscribe to");
    if (session != nullptr)
        for (auto& t : tracks_)
            subscribe(now, *session, *t);
}

/// A catalog that says something else: what is being written must have stayed the same.
void subscriber::compare_tracks() {
    for (auto& t : tracks_) {
        const auto* entry = catalog::find_track(*catalog_.current(), t->name);
        if (entry == nullptr) continue; // its end is told by PUBLISH_DONE
        const auto init = catalog::init_bytes(*catalog_.current(), *entry);
        if (t->file_index == SIZE_MAX || !init || *init == t->init) continue;
        summarize();
        ended_ = true;
        return run_->finish(exit_status::failed,
                            "track " + t->name +
                                " has another init segment now: the file ends here");
    }
}

} // namespace moqrtc::reference
