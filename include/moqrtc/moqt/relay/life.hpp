#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>

/// Sessions come and go; timers; what a status page asks for.
namespace moqrtc::moqt {

MOQRTC_INLINE relay::relay(instant, relay_config config, buffer_pool& pool, policy& rules)
    : config_{config}, pool_{&pool}, policy_{&rules}, store_{config_} {}

MOQRTC_INLINE relay::~relay() {
    // Tracks hold caches that refer to the store; sessions hold slices of the pool.
    for (std::uint32_t i = 0; i < tracks_.extent(); ++i)
        tracks_[i].cache.reset();
}

MOQRTC_INLINE relay::peer* relay::find(session_key key) const noexcept {
    if (key.index >= peers_.size() || generations_[key.index] != key.generation) return nullptr;
    return peers_[key.index].get();
}

MOQRTC_INLINE result<session_key> relay::add_session(instant now, session_config config,
                                                     session_info info) {
    if (peers_.size() - free_peers_.size() >= config_.max_sessions)
        return hit(relay_limit::sessions), fail(errc::limit, "max_sessions");
    std::uint32_t index = 0;
    if (free_peers_.empty()) {
        index = static_cast<std::uint32_t>(peers_.size());
        peers_.emplace_back();
        generations_.push_back(0);
    } else {
        index = free_peers_.back();
        free_peers_.pop_back();
    }
    const auto column = static_cast<std::uint8_t>(object_kind(config.version));
    if (info.sibling) config.overlapping_prefixes = true;
    peers_[index] = std::make_unique<peer>(now, std::move(config), *pool_, std::move(info));
    auto& p = *peers_[index];
    p.key = {index, generations_[index]};
    p.backlog_bytes = p.info.sibling ? config_.sibling_backlog_bytes : config_.backlog_bytes;
    p.column = column;
    if (p.info.sibling)
        siblings_.push_back(p.key);
    else
        ++statistics_.sessions_total;
    touch(p);
    return p.key;
}

MOQRTC_INLINE void relay::touch(peer& p) {
    if (p.dirty) return;
    p.dirty = true;
    p.ready_next = nullptr;
    p.ready_previous = ready_last_;
    (ready_last_ != nullptr ? ready_last_->ready_next : ready_first_) = &p;
    ready_last_ = &p;
}

MOQRTC_INLINE void relay::untouch(peer& p) noexcept {
    if (!p.dirty) return;
    p.dirty = false;
    (p.ready_next != nullptr ? p.ready_next->ready_previous : ready_last_) = p.ready_previous;
    (p.ready_previous != nullptr ? p.ready_previous->ready_next : ready_first_) = p.ready_next;
}

MOQRTC_INLINE std::optional<session_key> relay::poll_ready() {
    auto* const p = ready_first_;
    if (p == nullptr) return std::nullopt;
    untouch(*p);
    // The next ones are on their way while the caller is busy with this one.
    if (const auto* next = ready_first_; next != nullptr) {
        peer::expect(next->ready_next);
        next->session.expect_send();
    }
    schedule_session(*p);
    return p->key;
}

MOQRTC_INLINE void relay::handle_ready(instant now, session_key key) {
    auto* p = find(key);
    if (p == nullptr) return;
    while (auto e = p->session.poll_event())
        dispatch(now, *p, *e);
    for (std::size_t i = p->open_fetches.size(); i-- > 0;)
        if (i < p->open_fetches.size() && fetches_[p->open_fetches[i]].look_at != never)
            pump(now, p->open_fetches[i]);
    touch(*p);
}

MOQRTC_INLINE void relay::remove_session(instant now, session_key key) {
    auto* p = find(key);
    if (p == nullptr) return;
    close_down(now, *p);
    untouch(*p);
    ++generations_[key.index];
    peers_[key.index].reset();
    free_peers_.push_back(key.index);
}

/// Everything that hangs on a session ends with it.
MOQRTC_INLINE void relay::close_down(instant now, peer& p) {
    if (p.gone) return;
    p.gone = true;
    std::erase(upstreams_, p.key);
    std::erase(siblings_, p.key);
    if (p.up && !p.info.sibling) --statistics_.sessions;
    p.holds.clear();
    if (!p.info.sibling && !p.info.upstream) policy_->forget(p.key);
    std::vector<std::uint32_t> all;
    const auto collect = [&](const id_map& from) {
        all.clear();
        from.for_each([&](std::uint64_t, std::uint32_t index) { all.push_back(index); });
    };
    collect(p.subscribers);
    for (const auto index : all)
        remove_subscriber(now, index);
    collect(p.fetches);
    for (const auto index : all)
        drop_fetch(now, index);
    collect(p.fills);
    for (const auto index : all)
        on_fill_end(now, index, false, request_error_code::internal_error, "publisher is gone");
    while (!p.published.empty()) {
        const auto [id, space] = *p.published.begin();
        remove_namespace(now, p, id, space);
    }
    while (!p.asked.empty())
        forget_upstream_discovery(now, p, p.asked.begin()->first);
    while (!p.discoveries.empty())
        end_discovery(now, p, p.discoveries.begin()->first);
    const auto statuses = std::exchange(p.statuses, {});
    for (const auto& [id, question] : statuses)
        if (auto* from = find(question.from); from != nullptr && question.fetch == none)
            refuse(now, *from, question.id, request_error_code::internal_error,
                   "publisher is gone");
        else if (from != nullptr && from->fetches.find(question.id) == question.fetch)
            refuse_fetch(now, question.fetch, request_error_code::internal_error,
                         "publisher is gone");
    collect(p.sources);
    for (const auto index : all)
        lose_source(now, index, {}, {}, "publisher is gone");
}

MOQRTC_INLINE relay_event& relay::report(relay_event::kind what, const peer* p) {
    relay_event e;
    e.what = what;
    if (p != nullptr) e.session = p->key;
    // What happens at a sibling is told by that sibling.
    if (p != nullptr && p->info.sibling) return overflow_ = std::move(e);
    if (!events_.push(std::move(e))) return overflow_ = relay_event{};
    return events_.back();
}

MOQRTC_INLINE void relay::goaway(instant now, std::string_view uri, duration timeout) {
    for (auto& p : peers_) {
        if (p == nullptr || p->gone || p->session.closed() || p->info.sibling) continue;
        const bool server = p->session.config().self == role::server;
        (void)p->session.goaway(now, server ? uri : std::string_view{}, timeout);
        touch(*p);
    }
}

MOQRTC_INLINE bool relay::goaway_session(instant now, session_key key, std::string_view uri,
                                         duration timeout) {
    auto* p = find(key);
    if (p == nullptr || p->gone || p->session.closed() || p->info.sibling) return false;
    const bool server = p->session.config().self == role::server;
    (void)p->session.goaway(now, server ? uri : std::string_view{}, timeout);
    touch(*p);
    return true;
}

MOQRTC_INLINE void relay::schedule(timer t) {
    timers_.push_back(t);
    std::push_heap(timers_.begin(), timers_.end(),
                   [](const timer& a, const timer& b) { return a.at > b.at; });
}

/// Sets a timer for the session's own deadline, if none is set that fires early enough.
MOQRTC_INLINE void relay::schedule_session(peer& p) {
    const auto at = p.session.next_timeout();
    if (at >= p.due) return;
    p.due = at;
    schedule({at, timer::kind::session, p.key.index});
}

MOQRTC_INLINE instant relay::next_timeout() const noexcept {
    return timers_.empty() ? never : timers_.front().at;
}

MOQRTC_INLINE void relay::handle_timeout(instant now) {
    while (!timers_.empty() && timers_.front().at <= now) {
        const auto t = timers_.front();
        std::pop_heap(timers_.begin(), timers_.end(),
                      [](const timer& a, const timer& b) { return a.at > b.at; });
        timers_.pop_back();
        switch (t.what) {
        case timer::kind::track:
            on_track_timer(now, t.index);
            break;
        case timer::kind::fetch:
            on_fetch_timer(now, t.index);
            break;
        case timer::kind::sweep:
            sweep(now);
            break;
        case timer::kind::hold:
            if (auto* p = peers_[t.index].get(); p != nullptr && p->hold_due <= now)
                on_hold_timer(now, *p);
            break;
        case timer::kind::session:
            if (auto* p = peers_[t.index].get(); p != nullptr && p->due <= now) {
                p->due = never;
                p->session.handle_timeout(now);
                handle_ready(now, p->key);
            }
            break;
        }
    }
}

/// Drops what is too old in every cache, once a second as long as there is any.
MOQRTC_INLINE void relay::sweep(instant now) {
    sweeping_ = false;
    bool any = false;
    for (std::uint32_t i = 0; i < tracks_.extent(); ++i) {
        auto& t = tracks_[i];
        if (t.cache == nullptr) continue;
        t.cache->sweep(now, !t.sources.empty() || has_publisher(t.name));
        drop_if_unused(now, i);
        any = any || t.cache != nullptr;
    }
    if (any && !sweeping_) {
        sweeping_ = true;
        schedule({now + seconds(1), timer::kind::sweep, 0});
    }
}

MOQRTC_INLINE const relay_statistics& relay::statistics() noexcept {
    statistics_.tracks = names_.size();
    statistics_.namespaces = tree_.size();
    statistics_.subscribers = subscribers_.in_use();
    statistics_.sources = sources_.in_use();
    for (const auto key : siblings_) {
        statistics_.subscribers -= find(key)->subscribers.size();
        statistics_.sources -= find(key)->sources.size();
    }
    statistics_.cache_bytes = store_.bytes();
    statistics_.cache_groups = store_.groups();
    statistics_.cache_objects = store_.objects();
    const auto dropped = [&](relay_limit limit, cache_store::bound which) {
        statistics_.limit_hits[static_cast<std::size_t>(limit)] = store_.dropped(which);
    };
    dropped(relay_limit::cache_bytes, cache_store::bound::bytes);
    dropped(relay_limit::cache_track_bytes, cache_store::bound::track_bytes);
    dropped(relay_limit::cache_groups, cache_store::bound::groups);
    return statistics_;
}

MOQRTC_INLINE std::vector<track_snapshot> relay::tracks() const {
    std::vector<track_snapshot> all;
    all.reserve(names_.size());
    for (const auto& [name, index] : names_) {
        const auto& t = tracks_[index];
        const auto publishers =
            std::count_if(t.sources.begin(), t.sources.end(),
                          [&](std::uint32_t s) { return !sources_[s].from->info.sibling; });
        const auto subscribers = std::count_if(t.lanes.begin(), t.lanes.end(), [](const lane& l) {
            return l.to != nullptr && !l.to->info.sibling;
        });
        all.push_back({name, t.largest, static_cast<std::size_t>(publishers),
                       static_cast<std::size_t>(subscribers), t.cache->groups(), t.cache->bytes(),
                       t.bytes_in, t.bytes_out});
    }
    return all;
}

MOQRTC_INLINE std::vector<session_snapshot> relay::sessions() const {
    std::vector<session_snapshot> all;
    for (const auto& p : peers_)
        if (p != nullptr && !p->info.sibling)
            all.push_back({p->key, p->info, p->session.rules().id, p->session.established(),
                           p->subscribers.size(), p->published.size(), p->session.unsent_bytes()});
    return all;
}

MOQRTC_INLINE std::vector<track_namespace> relay::namespaces() const {
    std::vector<track_namespace> all;
    tree_.for_each([&](const track_namespace& space, const auto&) { all.push_back(space); });
    return all;
}

} // namespace moqrtc::moqt
