#include "common/clock.hpp"
#include "publisher.hpp"

#include <moqrtc/catalog/priority.hpp>
#include <moqrtc/catalog/writer.hpp>
#include <moqrtc/codec/description.hpp>

#include <chrono>
#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>

namespace moqrtc::reference {

namespace {

/// Above this the relay does not keep up: whole groups are skipped until it does.
constexpr std::size_t backlog_limit = std::size_t{16} << 20;
/// Without pacing, production waits while this much is unsent.
constexpr std::size_t unpaced_window = std::size_t{4} << 20;

std::uint64_t unix_milliseconds() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

} // namespace

publisher::publisher(runner& run, publish_options options)
    : run_{&run},
      options_{std::move(options)},
      trace_{options_.trace},
      first_group_{unix_milliseconds()},
      next_catalog_group_{first_group_} {}

std::string publisher::open() {
    const media_source::config settings{first_group_, options_.chunk, options_.loop};
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

/// Names, catalog and priorities of the tracks, once the input has told what it holds.
void publisher::prepare_tracks() {
    prepared_ = true;
    catalog_ = {};
    const auto add_track = [this](std::string_view name, moqt::priority priority,
                                  std::size_t from) {
        auto& made = tracks_.emplace_back();
        made.name = name;
        made.priority = priority;
        made.source = from;
    };
    add_track(catalog::msf_track_name, catalog::priorities::catalog, SIZE_MAX);
    add_track(catalog::plain_track_name, catalog::priorities::catalog, SIZE_MAX);
    std::map<std::string, int> used;
    const auto found = source_->tracks();
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto& from = found[i];
        if (!cmaf::packager::carries(from)) continue;
        const auto known = codec::describe(from.codec.value, from.codec_config);
        if (!known) {
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
        entry.timescale = from.timescale;
        entry.render_group = 1;
        if (const auto rate = source_->bitrate(i)) entry.bitrate = rate;
        std::vector<std::byte> init;
        source_->packaging().write_init(i, init);
        catalog::set_init(catalog_, entry, init);
        catalog_.tracks.push_back(std::move(entry));
        track_of_source_[i] = tracks_.size();
        add_track(name, moqt::default_priority, i);
    }
    for (std::size_t i = 2; i < tracks_.size(); ++i)
        tracks_[i].priority = catalog::publisher_priority(catalog_, catalog_.tracks[i - 2]);
    if (catalog_.tracks.empty())
        return run_->finish(exit_status::failed, options_.file + ": no audio or video track that "
                                                                 "can be published");
    next_catalog_ = steady_now();
}

void publisher::established(instant now, moqt::session& session) {
    if (!prepared_ && !source_->tracks().empty()) prepare_tracks();
    if (prepared_) start_session(now, session);
    if (next_ == never && !ending_) next_ = now;
    if (!run_->options().json)
        std::fprintf(stderr, "publishing %s, draft %u\n", to_text(options_.space).c_str(),
                     moqt::number(session.rules().id));
}

/// Announces the namespace, and offers each track so that the relay's cache is warm before anybody
/// asks.
void publisher::start_session(instant now, moqt::session& session) {
    for (auto& t : tracks_)
        t.subscribers.clear();
    auto announced = session.publish_namespace(now, options_.space, run_->params());
    if (!announced)
        return run_->finish(exit_status::failed, std::string{"cannot announce the namespace: "} +
                                                     announced.error().field);
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        auto& t = tracks_[i];
        auto params = run_->params();
        if (const auto last = largest(t)) params.largest_object = *last;
        params.forward = true;
        const auto id = session.publish(now, {options_.space, t.name}, i, params);
        if (!id) continue; // without credit the relay still finds it by SUBSCRIBE
        t.subscribers.push_back({*id});
        replay(now, t, t.subscribers.back());
    }
}

void publisher::lost(instant, const close_info&) {
    for (auto& t : tracks_)
        t.subscribers.clear();
    if (ending_) run_->finish(exit_status::failed, "the connection was lost before the end");
}

instant publisher::next_timeout() {
    return std::min(next_, next_catalog_);
}

void publisher::handle_timeout(instant now) {
    if (!prepared_) {
        const auto first = source_->next();
        if (!first) return run_->finish(exit_status::failed, first.error());
        if (*first) waiting_ = std::move(**first);
        if (source_->tracks().empty()) {
            next_ = never;
            if (source_->ended()) run_->finish(exit_status::failed, "no tracks in the input");
            return;
        }
        prepare_tracks();
        if (auto* session = run_->session(); session != nullptr && session->established())
            start_session(now, *session);
    }
    if (now >= next_catalog_) publish_catalog(now, false);
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
            if (!made) return run_->finish(exit_status::failed, made.error());
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
        if (!began_) began_ = instant{now.us - at.us};
        const auto due = *began_ + at;
        if (options_.pace && due > now) {
            next_ = due;
            return;
        }
        if (!options_.pace && session != nullptr && session->unsent_bytes() > unpaced_window) {
            next_ = now + milliseconds(2);
            return;
        }
        const auto found = track_of_source_.find(waiting_->track);
        if (found != track_of_source_.end()) {
            auto whole = buffer::allocate(run_->pool(), waiting_->size());
            bool fits = whole.valid() && whole.append(run_->pool(), waiting_->header);
            for (std::size_t i = 0; fits && i < waiting_->payload.size(); ++i)
                fits = whole.append(run_->pool(), waiting_->payload[i]);
            if (!fits) return run_->finish(exit_status::failed, "out of memory");
            add_object(now, tracks_[found->second], waiting_->group_id, waiting_->object_id,
                       whole.freeze());
        }
        waiting_.reset();
    }
}

void publisher::publish_catalog(instant now, bool last) {
    next_catalog_ = last ? never : now + catalog_period;
    catalog_.is_complete = last;
    for (auto& t : catalog_.tracks)
        t.is_live = !last;
    const auto msf = catalog::write_msf(catalog_);
    const auto plain = catalog::write_plain(catalog_);
    if (!msf || !plain)
        return run_->finish(exit_status::failed,
                            reference::describe((msf ? plain : msf).error(), "catalog"));
    const auto group = next_catalog_group_++;
    add_object(now, tracks_[0], group, 0, slice::copy(run_->pool(), as_bytes(*msf)));
    add_object(now, tracks_[1], group, 0, slice::copy(run_->pool(), as_bytes(*plain)));
    for (std::size_t i = 0; i < 2; ++i) {
        // A catalog group is one object: it is complete at once.
        tracks_[i].groups.back().complete = true;
        for (auto& s : tracks_[i].subscribers) {
            if (s.stream == moqt::no_stream || run_->session() == nullptr) continue;
            (void)run_->session()->finish_stream(now, s.stream);
            s.stream = moqt::no_stream;
        }
    }
}

void publisher::add_object(instant now, track& to, std::uint64_t group, std::uint64_t id,
                           slice payload, bool is_end) {
    if (to.groups.empty() || to.groups.back().id != group) {
        if (!to.groups.empty()) to.groups.back().complete = true;
        to.groups.emplace_back().id = group;
        if (to.groups.size() > kept_groups) to.groups.pop_front();
    }
    bytes_ += payload.size();
    ++objects_;
    const stored_object object{id, std::move(payload)};
    trace_.note(to.name, {group, id}, now);
    for (auto& s : to.subscribers)
        send(now, to, s, group, object, is_end);
    if (!is_end) to.groups.back().objects.push_back(object);
}

void publisher::send(instant now, track& from, subscriber& to, std::uint64_t group,
                     const stored_object& object, bool is_end) {
    auto* session = run_->session();
    if (session == nullptr) return;
    if (to.group != group || (to.stream == moqt::no_stream && !to.skip_group)) {
        if (to.stream != moqt::no_stream) (void)session->finish_stream(now, to.stream);
        to.stream = moqt::no_stream;
        to.group = group;
        // The relay is far behind: what it has not got yet is worth less than what comes.
        to.skip_group = session->unsent_bytes() > backlog_limit && from.source != SIZE_MAX;
        if (to.skip_group) return;
        const auto opened = session->open_subgroup(now, to.id,
                                                   {.group = group,
                                                    .subgroup = 0,
                                                    .publisher_priority = from.priority,
                                                    .end_of_group = true,
                                                    .first_object = object.id == 0});
        if (!opened) return;
        to.stream = *opened;
    }
    if (to.stream == moqt::no_stream) return;
    const auto status = is_end ? moqt::object_status::end_of_track : moqt::object_status::normal;
    (void)session->write_object(now, to.stream, object.id, {}, object.payload, status);
}

void publisher::replay(instant now, track& from, subscriber& to) {
    for (const auto& g : from.groups) {
        for (const auto& o : g.objects)
            send(now, from, to, g.id, o);
        if (g.complete && to.stream != moqt::no_stream && run_->session() != nullptr) {
            (void)run_->session()->finish_stream(now, to.stream);
            to.stream = moqt::no_stream;
        }
    }
}

void publisher::end_tracks(instant now) {
    if (ending_) return;
    ending_ = true;
    publish_catalog(now, true);
    auto* session = run_->session();
    for (auto& t : tracks_) {
        t.ended = true;
        const auto last = largest(t);
        if (last && t.source != SIZE_MAX)
            add_object(now, t, last->group, last->object + 1, {}, true);
        if (session == nullptr) continue;
        for (auto& s : t.subscribers)
            (void)session->publish_done(now, s.id, moqt::publish_done_code::track_ended,
                                        "end of the file");
    }
    next_ = now + milliseconds(20);
}

void publisher::finish_if_done(instant now) {
    auto* session = run_->session();
    const bool sent = session == nullptr || session->closed() || session->unsent_bytes() == 0;
    if (!sent) {
        next_ = now + milliseconds(20);
        return;
    }
    std::fprintf(stderr, "published %llu objects, %llu bytes\n",
                 static_cast<unsigned long long>(objects_),
                 static_cast<unsigned long long>(bytes_));
    run_->finish(exit_status::done);
}

void publisher::interrupted(instant now) {
    if (!prepared_ || run_->session() == nullptr) return run_->finish(exit_status::done);
    end_tracks(now);
}

publisher::track* publisher::find(const moqt::namespace_view& space, bytes name) {
    if (moqt::track_namespace{space} != options_.space) return nullptr;
    for (auto& t : tracks_)
        if (equal(as_bytes(t.name), name)) return &t;
    return nullptr;
}

std::optional<moqt::location> publisher::largest(const track& of) const {
    for (auto g = of.groups.rbegin(); g != of.groups.rend(); ++g)
        if (!g->objects.empty()) return moqt::location{g->id, g->objects.back().id};
    return std::nullopt;
}

moqt::message_params publisher::describe(const track& of) const {
    moqt::message_params out;
    if (const auto last = largest(of)) out.largest_object = *last;
    return out;
}

void publisher::handle(instant now, moqt::session& session, moqt::event& event) {
    using kind = moqt::event::kind;
    using moqt::request_kind;
    switch (event.what) {
    case kind::requested:
        switch (event.request) {
        case request_kind::subscribe:
            return on_subscribe(now, session, event);
        case request_kind::fetch:
            return on_fetch(now, session, event);
        case request_kind::track_status:
            return on_status(now, session, event);
        case request_kind::subscribe_namespace: {
            const auto m = event.as<moqt::msg::subscribe_namespace>();
            const moqt::track_namespace prefix{m->track_namespace_prefix};
            (void)session.accept(now, event.id);
            if (prefix.is_prefix_of(options_.space))
                (void)session.announce_namespace(now, event.id,
                                                 options_.space.suffix(prefix.count()));
            return;
        }
        default:
            (void)session.reject(now, event.id, moqt::request_error_code::not_supported,
                                 "a publisher takes no tracks");
            return;
        }
    case kind::rejected:
        forget(event.id);
        if (event.request_error == moqt::request_error_code::unauthorized)
            return run_->finish(exit_status::refused, "the server refuses this publication");
        if (event.request == request_kind::publish_namespace)
            return run_->finish(exit_status::failed,
                                "the server refuses the namespace: " +
                                    std::string{moqt::to_string(event.request_error)});
        return;
    case kind::cancelled:
        return forget(event.id);
    case kind::update_requested:
        (void)session.accept_update(now, event.update_id);
        return;
    case kind::stream_stopped:
        for (auto& t : tracks_)
            for (auto& s : t.subscribers)
                if (s.stream == event.stream) {
                    s.stream = moqt::no_stream;
                    s.skip_group = true; // a stopped subgroup is not opened again
                }
        return;
    case kind::goaway:
        if (run_->options().reconnect) session.close(now, moqt::close_code::no_error, "going away");
        return;
    default:
        return;
    }
}

void publisher::forget(moqt::request_id id) {
    for (auto& t : tracks_)
        std::erase_if(t.subscribers, [&](const subscriber& s) { return s.id == id; });
}

void publisher::on_subscribe(instant now, moqt::session& session, moqt::event& event) {
    const auto m = event.as<moqt::msg::subscribe>();
    auto* t = find(m->track_namespace, m->track_name);
    if (t == nullptr || t->ended) {
        (void)session.reject(now, event.id, moqt::request_error_code::does_not_exist,
                             "no such track");
        return;
    }
    const auto alias = static_cast<moqt::track_alias>(t - tracks_.data());
    if (!session.accept_subscribe(now, event.id, alias, describe(*t))) return;
    t->subscribers.push_back({event.id});
    replay(now, *t, t->subscribers.back());
}

void publisher::on_status(instant now, moqt::session& session, moqt::event& event) {
    const auto m = event.as<moqt::msg::track_status>();
    const auto* t = find(m->track_namespace, m->track_name);
    if (t == nullptr)
        (void)session.reject(now, event.id, moqt::request_error_code::does_not_exist,
                             "no such track");
    else
        (void)session.accept(now, event.id, describe(*t));
}

/// Past objects as far as they are kept: two groups.
void publisher::on_fetch(instant now, moqt::session& session, moqt::event& event) {
    const auto m = event.as<moqt::msg::fetch>();
    track* t = nullptr;
    moqt::location start = m->start;
    moqt::location end = m->end;
    if (m->type == moqt::msg::fetch_type::standalone) {
        t = find(m->track_namespace, m->track_name);
    } else {
        for (auto& one : tracks_)
            for (const auto& s : one.subscribers)
                if (s.id == m->joining_request_id) t = &one;
        const auto* sub = session.subscription(m->joining_request_id);
        if (t != nullptr && sub != nullptr && sub->largest) {
            end = {sub->largest->group, sub->largest->object + 1};
            const auto back = m->joining_start;
            start.group = m->type == moqt::msg::fetch_type::absolute_joining ? back
                          : back > end.group                                 ? 0
                                                                             : end.group - back;
        } else {
            t = nullptr;
        }
    }
    const auto last = t == nullptr ? std::nullopt : largest(*t);
    if (t == nullptr || !last || start > *last) {
        (void)session.reject(now, event.id,
                             t == nullptr ? moqt::request_error_code::does_not_exist
                                          : moqt::request_error_code::invalid_range,
                             "nothing there");
        return;
    }
    const moqt::location beyond{last->group, last->object + 1};
    if (end.group > last->group || (end.group == last->group && (end.object == 0 || end > beyond)))
        end = beyond;
    if (!session.accept_fetch(now, event.id, end, t->ended)) return;
    const auto stream = session.open_fetch_stream(now, event.id);
    if (!stream) return;
    if (t->groups.front().id > start.group)
        (void)session.write_fetch_gap(now, *stream, {t->groups.front().id - 1, UINT32_MAX}, true);
    for (const auto& g : t->groups)
        for (const auto& o : g.objects) {
            const moqt::location at{g.id, o.id};
            if (at < start || (at >= end && !(g.id == end.group && end.object == 0))) continue;
            moqt::object item;
            item.location = at;
            item.publisher_priority = t->priority;
            item.payload = o.payload;
            (void)session.write_fetch_object(now, *stream, item);
        }
    (void)session.finish_stream(now, *stream);
}

} // namespace moqrtc::reference
