#include "publication.hpp"

#include <moqrtc/moqt/properties.hpp>

#include <algorithm>
#include <cstdio>

namespace moqrtc::reference {

namespace {

/// Above this the relay does not keep up: whole groups are skipped until it does.
constexpr std::size_t backlog_limit = std::size_t{16} << 20;

/// The properties of an object in the draft of whoever gets it.
slice encoded(buffer_pool& pool, const moqt::wire_rules& rules, const loc::header& media) {
    std::size_t room = 0;
    media.for_each([&](std::uint64_t, std::uint64_t, bytes data) { room += 32 + data.size(); });
    auto out = room == 0 ? buffer{} : buffer::allocate(pool, room);
    if (!out.valid()) return {};
    moqt::key_value_writer pairs{rules, out.room()};
    media.for_each([&](std::uint64_t type, std::uint64_t number, bytes data) {
        pairs.put({type, number, data});
    });
    const auto size = pairs.size();
    if (!size) return {};
    out.commit(*size);
    return out.freeze();
}

} // namespace

std::size_t publication::add_track(std::string name, moqt::priority priority, bool droppable,
                                   bool properties) {
    auto& made = tracks_.emplace_back();
    made.name = std::move(name);
    made.priority = priority;
    made.droppable = droppable;
    made.properties = properties;
    return tracks_.size() - 1;
}

void publication::start(instant now, moqt::session& session) {
    lost();
    auto announced = session.publish_namespace(now, space_, run_->params());
    if (!announced)
        return run_->finish(exit_status::failed, std::string{"cannot announce the namespace: "} +
                                                     announced.error().field);
    active_ = true;
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        auto& t = tracks_[i];
        auto params = run_->params();
        if (const auto last = largest(t)) params.largest_object = *last;
        params.forward = true;
        const auto id = session.publish(now, {space_, t.name}, i, params);
        if (!id) continue; // without credit the relay still finds it by SUBSCRIBE
        t.subscribers.push_back({*id});
        replay(now, t, t.subscribers.back());
        if (ended_) end_track(now, t, end_reason_);
    }
}

void publication::lost() {
    active_ = false;
    for (auto& t : tracks_)
        t.subscribers.clear();
}

bool publication::sent() const noexcept {
    const auto* session = run_->session();
    return active_ && session != nullptr && (session->closed() || session->unsent_bytes() == 0);
}

void publication::add_object(instant now, std::size_t index, std::uint64_t group, std::uint64_t id,
                             slice payload, const loc::header& media) {
    auto& to = tracks_[index];
    if (to.groups.empty() || to.groups.back().id != group) {
        if (!to.groups.empty()) to.groups.back().complete = true;
        to.groups.emplace_back().id = group;
        if (to.groups.size() > kept_groups) to.groups.pop_front();
    }
    bytes_ += payload.size();
    ++objects_;
    trace_.note(to.name, {group, id}, now);
    auto& kept = to.groups.back();
    kept.size += payload.size();
    const auto& object = kept.objects.emplace_back(id, std::move(payload), media);
    for (auto& s : to.subscribers)
        send(now, to, s, group, object);
    while (kept.size > kept_bytes && kept.objects.size() > 1) {
        kept.size -= kept.objects.front().payload.size();
        kept.objects.pop_front();
    }
}

void publication::end_group(instant now, std::size_t index) {
    auto& t = tracks_[index];
    if (t.groups.empty()) return;
    t.groups.back().complete = true;
    for (auto& s : t.subscribers)
        finish_stream(now, s);
}

void publication::finish_stream(instant now, subscriber& of) {
    auto* session = run_->session();
    if (of.stream != moqt::no_stream && session != nullptr)
        (void)session->finish_stream(now, of.stream);
    of.stream = moqt::no_stream;
}

void publication::send(instant now, track& from, subscriber& to, std::uint64_t group,
                       const stored_object& object, bool is_end) {
    auto* session = run_->session();
    if (session == nullptr) return;
    if (to.group != group || (to.stream == moqt::no_stream && !to.skip_group)) {
        finish_stream(now, to);
        to.group = group;
        // The relay is far behind: what it has not got yet is worth less than what comes.
        to.skip_group = from.droppable && session->unsent_bytes() > backlog_limit;
        if (to.skip_group) return;
        const auto opened = session->open_subgroup(now, to.id,
                                                   {.group = group,
                                                    .subgroup = 0,
                                                    .publisher_priority = from.priority,
                                                    .has_properties = from.properties,
                                                    .end_of_group = true,
                                                    .first_object = object.id == 0});
        if (!opened) return;
        to.stream = *opened;
    }
    if (to.stream == moqt::no_stream) return;
    const auto status = is_end ? moqt::object_status::end_of_track : moqt::object_status::normal;
    (void)session->write_object(now, to.stream, object.id,
                                encoded(run_->pool(), session->rules(), object.media),
                                object.payload, status);
}

void publication::replay(instant now, track& from, subscriber& to) {
    for (const auto& g : from.groups) {
        for (const auto& o : g.objects)
            send(now, from, to, g.id, o);
        if (g.complete) finish_stream(now, to);
    }
}

void publication::end(instant now, std::string_view why) {
    if (ended_) return;
    ended_ = true;
    end_reason_ = why;
    for (auto& t : tracks_)
        end_track(now, t, why);
}

void publication::end_track(instant now, track& t, std::string_view why) {
    auto* session = run_->session();
    if (session == nullptr) return;
    const auto last = largest(t);
    for (auto& s : t.subscribers) {
        if (last && !t.groups.back().complete)
            send(now, t, s, last->group, {last->object + 1, {}, {}}, true);
        (void)session->publish_done(now, s.id, moqt::publish_done_code::track_ended, why);
    }
}

void publication::handle(instant now, moqt::session& session, moqt::event& event) {
    using kind = moqt::event::kind;
    switch (event.what) {
    case kind::requested:
        return on_request(now, session, event);
    case kind::rejected:
        forget(event.id);
        if (event.request_error == moqt::request_error_code::unauthorized)
            return run_->finish(exit_status::refused, "the server refuses this publication");
        if (event.request == moqt::request_kind::publish_namespace)
            return run_->finish(exit_status::failed,
                                "the server refuses the namespace: " +
                                    std::string{moqt::to_string(event.request_error)});
        return;
    case kind::cancelled:
        return forget(event.id);
    case kind::update_requested:
        return on_update(now, session, event);
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

void publication::on_request(instant now, moqt::session& session, moqt::event& event) {
    using moqt::request_kind;
    switch (event.request) {
    case request_kind::subscribe:
        return on_subscribe(now, session, event);
    case request_kind::fetch:
        return on_fetch(now, session, event);
    case request_kind::track_status: {
        const auto m = event.as<moqt::msg::track_status>();
        const auto* t = find(m->track_namespace, m->track_name);
        if (t == nullptr)
            (void)session.reject(now, event.id, moqt::request_error_code::does_not_exist,
                                 "no such track");
        else
            (void)session.accept(now, event.id, describe(*t));
        return;
    }
    case request_kind::subscribe_namespace: {
        const auto m = event.as<moqt::msg::subscribe_namespace>();
        const moqt::track_namespace prefix{m->track_namespace_prefix};
        (void)session.accept(now, event.id);
        if (prefix.is_prefix_of(space_))
            (void)session.announce_namespace(now, event.id, space_.suffix(prefix.count()));
        return;
    }
    default:
        (void)session.reject(now, event.id, moqt::request_error_code::not_supported,
                             "a publisher takes no tracks");
        return;
    }
}

void publication::forget(moqt::request_id id) {
    for (auto& t : tracks_)
        std::erase_if(t.subscribers, [&](const subscriber& s) { return s.id == id; });
}

publication::track* publication::find(const moqt::namespace_view& space, moqrtc::bytes name) {
    if (moqt::track_namespace{space} != space_) return nullptr;
    for (auto& t : tracks_)
        if (equal(as_bytes(t.name), name)) return &t;
    return nullptr;
}

std::optional<moqt::location> publication::largest(const track& of) const {
    if (of.groups.empty()) return std::nullopt;
    return moqt::location{of.groups.back().id, of.groups.back().objects.back().id};
}

moqt::message_params publication::describe(const track& of) const {
    moqt::message_params out;
    if (const auto last = largest(of)) out.largest_object = *last;
    return out;
}

void publication::on_subscribe(instant now, moqt::session& session, moqt::event& event) {
    const auto m = event.as<moqt::msg::subscribe>();
    auto* t = find(m->track_namespace, m->track_name);
    if (t == nullptr || ended_) {
        (void)session.reject(now, event.id, moqt::request_error_code::does_not_exist,
                             "no such track");
        return;
    }
    const auto alias = static_cast<moqt::track_alias>(t - tracks_.data());
    if (!session.accept_subscribe(now, event.id, alias, describe(*t))) return;
    t->subscribers.push_back({event.id});
    // Who fills gets the past there.
    if (!m->params.fill.has_value()) replay(now, *t, t->subscribers.back());
    fill(now, session, event.id, *t);
}

void publication::on_update(instant now, moqt::session& session, moqt::event& event) {
    const auto m = event.as<moqt::msg::request_update>();
    for (const auto& t : tracks_)
        for (const auto& s : t.subscribers) {
            if (s.id != event.id) continue;
            const bool asks = m && (m->params.fill.has_value() || m->params.subscription_filter);
            (void)session.accept_update(now, event.update_id,
                                        asks ? describe(t) : moqt::message_params{});
            return fill(now, session, event.id, t);
        }
    (void)session.accept_update(now, event.update_id);
}

/// The fills that a subscription has become entitled to.
void publication::fill(instant now, moqt::session& session, moqt::request_id id, const track& of) {
    while (const auto what = session.next_fill(id)) {
        const auto stream = session.open_fill_stream(now, id, *what);
        if (!stream) return;
        write_past(now, session, *stream, of, what->range, what->order, what->filters);
    }
}

/// What is kept of a range, on a stream that is there; for what is not kept, that nobody knows.
void publication::write_past(instant now, moqt::session& session, moqt::data_stream stream,
                             const track& of, moqt::location_span range, moqt::group_order order,
                             const moqt::shared_filters& filters) {
    const auto& oldest = of.groups.front();
    const moqt::location kept{oldest.id, oldest.objects.front().id};
    const bool ascending = order == moqt::group_order::ascending;
    const auto unknown = [&] {
        if (!(range.first < kept)) return;
        auto before = kept.object > 0 ? moqt::location{kept.group, kept.object - 1}
                                      : moqt::location{kept.group - 1, UINT32_MAX};
        if (range.last < before) before = range.last;
        // In descending order the last group of what is missing comes first, its end last.
        if (!ascending) before = {range.first.group, UINT32_MAX};
        (void)session.write_fetch_gap(now, stream, before, true);
    };
    const auto write_group = [&](const auto& g) {
        for (const auto& o : g.objects) {
            const moqt::location at{g.id, o.id};
            if (at < range.first || range.last < at) continue;
            const auto properties = encoded(session.pool(), session.rules(), o.media);
            if (filters && !filters->pass(session.rules(), 0, o.id, of.priority, properties.view()))
                continue;
            moqt::object item;
            item.properties = properties;
            item.location = at;
            item.publisher_priority = of.priority;
            item.payload = o.payload;
            (void)session.write_fetch_object(now, stream, item);
        }
    };
    if (ascending) {
        unknown();
        for (const auto& g : of.groups)
            write_group(g);
    } else {
        for (auto g = of.groups.rbegin(); g != of.groups.rend(); ++g)
            write_group(*g);
        if (kept.object == 0 || range.first.group < kept.group) unknown();
    }
    (void)session.finish_stream(now, stream);
}

/// Past objects as far as they are kept: two groups.
void publication::on_fetch(instant now, moqt::session& session, moqt::event& event) {
    const auto m = event.as<moqt::msg::fetch>();
    track* t = nullptr;
    auto wanted = m->wanted(session.rules());
    if (m->type == moqt::msg::fetch_type::standalone) {
        t = find(m->track_namespace, m->track_name);
    } else {
        for (auto& one : tracks_)
            for (const auto& s : one.subscribers)
                if (s.id == m->joining_request_id) t = &one;
        const auto* sub = session.subscription(m->joining_request_id);
        if (t != nullptr && sub != nullptr && sub->largest) {
            const auto joined = *sub->largest;
            const auto back = m->joining_start;
            const auto group = m->type == moqt::msg::fetch_type::absolute_joining ? back
                               : back > joined.group                              ? 0
                                                     : joined.group - back;
            wanted = moqt::subscription_filter::range({group, 0}, moqt::behind(joined));
        } else {
            t = nullptr;
        }
    }
    const auto last = t == nullptr ? std::nullopt : largest(*t);
    const auto range = wanted.past(last);
    if (!range) {
        (void)session.reject(now, event.id,
                             t == nullptr ? moqt::request_error_code::does_not_exist
                                          : moqt::request_error_code::invalid_range,
                             "nothing there");
        return;
    }
    const auto& oldest = t->groups.front();
    if (range->first < moqt::location{oldest.id, oldest.objects.front().id} &&
        !moqt::is_range_end(session.rules(), moqt::fetch_bits::end_of_unknown_range)) {
        (void)session.reject(now, event.id, moqt::request_error_code::unknown_status_in_range,
                             "not kept");
        return;
    }
    const auto wants = [&](const auto& g) {
        return std::any_of(g.objects.begin(), g.objects.end(), [&](const auto& o) {
            const moqt::location at{g.id, o.id};
            return !(at < range->first) && !(range->last < at);
        });
    };
    if (session.rules().no_objects && std::none_of(t->groups.begin(), t->groups.end(), wants)) {
        (void)session.reject(now, event.id, moqt::request_error_code::no_objects, "no objects");
        return;
    }
    const auto end = wanted.last() < *last ? moqt::behind(wanted.last()) : moqt::behind(*last);
    if (!session.accept_fetch(now, event.id, end, ended_ && range->last == *last)) return;
    const auto stream = session.open_fetch_stream(now, event.id);
    if (!stream) return;
    write_past(now, session, *stream, *t, *range,
               m->params.group_order.value_or(moqt::group_order::ascending),
               session.filters(event.id));
}

} // namespace moqrtc::reference
