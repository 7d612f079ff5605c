#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

/// Subscribers that do not keep up: what they cannot take is reset, nobody waits for them.
namespace moqrtc::moqt {

/// Looks whether too much, or too old, is waiting for a subscriber, and cuts it back if so.
MOQRTC_INLINE bool relay::fell_behind(instant now, track& t, std::size_t place) {
    auto& l = t.lanes[place];
    const auto unsent = l.to->session.unsent_bytes(l.id);
    if (!l.backlog.is_behind(now, unsent, config_.backlog_age) && unsent <= config_.backlog_bytes)
        return false;
    hit(relay_limit::backlog);
    cut_back(now, t, place);
    report(relay_event::kind::subscriber_behind, l.to).name = t.name;
    return true;
}

/// First everything of groups before the newest goes; when that is not where the bytes are, the
/// newest goes too, and the subscriber resumes with the group after it.
MOQRTC_INLINE void relay::cut_back(instant now, track& t, std::size_t place) {
    auto& l = t.lanes[place];
    auto& to = l.to->session;
    const auto newest = t.largest ? t.largest->group : 0;
    const auto before = to.unsent_bytes(l.id);
    const auto code = code_for(*l.to, reset_code::too_far_behind);
    const auto reset = [&](data_stream stream) {
        if (to.reset_stream(now, stream, code)) ++statistics_.streams_behind;
    };
    for (std::size_t i = 0, count = l.finished.size(); i < count; ++i) {
        const auto done = *l.finished.pop();
        if (to.unsent_bytes_of(done.stream) == 0) continue;
        if (done.group < newest)
            reset(done.stream);
        else
            l.finished.push(done);
    }
    const auto cut_live = [&](bool newest_too) {
        for (const auto index : t.live) {
            auto& live = lives_[index];
            auto& out = live.outputs[place];
            if (live.group >= newest && !newest_too) continue;
            if (out.phase == output::state::open) reset(out.stream);
            out.phase = output::state::closed;
        }
    };
    cut_live(false);
    const auto left = to.unsent_bytes(l.id);
    if (left == before || left > config_.backlog_bytes / 2) {
        cut_live(true);
        while (const auto done = l.finished.pop())
            reset(done->stream);
        l.skip_through = newest;
    }
    l.backlog.reset();
    touch(*l.to);
}

} // namespace moqrtc::moqt
