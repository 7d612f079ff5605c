#include "init_tracks.hpp"

#include <algorithm>
#include <utility>

namespace moqrtc::reference {

namespace {

constexpr duration retry_period = milliseconds(250);

/// The fields that a catalog leaves out say nothing.
bool fits(const cmaf::track& has, const catalog::track& wanted) {
    const auto kind = catalog::kind_of(wanted);
    if (kind != (has.kind == cmaf::media_kind::video   ? catalog::track_kind::video
                 : has.kind == cmaf::media_kind::audio ? catalog::track_kind::audio
                                                       : catalog::track_kind::other))
        return false;
    if (wanted.width && *wanted.width != has.width) return false;
    if (wanted.height && *wanted.height != has.height) return false;
    return wanted.codec.empty() || wanted.codec.starts_with(cmaf::to_text(has.codec).data());
}

} // namespace

void init_tracks::want(const moqt::full_track_name& name, instant deadline) {
    if (std::ranges::none_of(entries_, [&](const entry& e) { return e.name == name; }))
        entries_.push_back({name, deadline});
}

void init_tracks::subscribe(instant now, moqt::session& session) {
    for (auto& e : entries_) {
        if (e.subscribed || !e.data.empty() || now < e.retry || now >= e.deadline) continue;
        const auto id = session.subscribe(now, e.name, run_->params());
        e.retry = now + retry_period;
        if (!id) continue; // not now
        e.id = *id;
        e.subscribed = true;
    }
}

void init_tracks::ended(entry& e, instant retry) noexcept {
    e.subscribed = false;
    e.retry = retry;
}

bool init_tracks::handle(instant now, moqt::session& session, const moqt::event& event) {
    using kind = moqt::event::kind;
    const auto found = std::ranges::find_if(entries_, [&](const entry& e) {
        return (e.subscribed && event.id == e.id) || (e.fetching && event.id == e.fetch_id);
    });
    if (found == entries_.end()) return false;
    auto& e = *found;
    const bool is_fetch = e.fetching && event.id == e.fetch_id;
    switch (event.what) {
    case kind::accepted:
        if (const auto largest = event.ok_params().largest_object; largest && !is_fetch) {
            const moqt::location behind{largest->group, largest->object + 1};
            const auto id = session.fetch(now, e.name, {}, behind, run_->params());
            e.fetching = id.has_value();
            e.fetch_id = id.value_or(0);
        }
        return true;
    case kind::object:
        if (event.item.payload.empty() || !e.data.empty()) return true;
        e.data = event.item.payload;
        if (e.subscribed) (void)session.cancel(now, e.id);
        if (e.fetching) (void)session.cancel(now, e.fetch_id);
        e.subscribed = e.fetching = false;
        return true;
    case kind::rejected:
    case kind::cancelled:
    case kind::malformed_track:
        if (is_fetch)
            e.fetching = false;
        else
            ended(e, event.what == kind::rejected ? retry_at(now, event) : now + retry_period);
        return true;
    case kind::stream_finished:
    case kind::stream_reset:
        if (is_fetch) e.fetching = false;
        return true;
    case kind::publish_done: // what is on its way, and what FETCH brings, still comes
        return true;
    default:
        return true;
    }
}

bool init_tracks::pending(instant now) const noexcept {
    return std::ranges::any_of(entries_,
                               [&](const entry& e) { return e.data.empty() && now < e.deadline; });
}

instant init_tracks::next_timeout() const noexcept {
    auto next = never;
    for (const auto& e : entries_)
        if (e.data.empty()) next = std::min({next, e.deadline, e.subscribed ? never : e.retry});
    return next;
}

void init_tracks::lost() noexcept {
    for (auto& e : entries_) {
        e.fetching = false;
        ended(e, {});
    }
}

const slice* init_tracks::find(std::string_view name) const noexcept {
    const auto found =
        std::ranges::find_if(entries_, [&](const entry& e) { return e.name.name == name; });
    return found == entries_.end() || found->data.empty() ? nullptr : &found->data;
}

result<cmaf::track> track_of(cmaf::movie segment, const catalog::track& wanted) {
    auto& all = segment.tracks;
    if (all.size() == 1) return std::move(all.front());
    const auto is_it = [&](const cmaf::track& t) { return fits(t, wanted); };
    const auto found = std::ranges::find_if(all, is_it);
    if (found == all.end()) return fail(errc::not_found, "trak", 0, "initTrack");
    if (std::any_of(std::next(found), all.end(), is_it))
        return fail(errc::unsupported, "trak", 0, "initTrack");
    return std::move(*found);
}

} // namespace moqrtc::reference
