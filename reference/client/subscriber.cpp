#include "common/clock.hpp"
#include "media_source.hpp"
#include "subscriber.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstring>

namespace moqrtc::reference {

subscriber::subscriber(runner& run, subscribe_options options)
    : run_{&run}, options_{std::move(options)}, trace_{options_.trace}, writer_{run.pool()} {
    auto& t = *tracks_.emplace_back(std::make_unique<track>());
    t.name = catalog::msf_track_name;
    t.is_catalog = true;
}

subscriber::~subscriber() {
    if (out_ != nullptr && out_ != stdout) std::fclose(out_);
}

std::string subscriber::open() {
    if (options_.output.empty()) return {};
    out_ = options_.output == "-" ? stdout : std::fopen(options_.output.c_str(), "wb");
    if (out_ == nullptr) return options_.output + ": " + std::strerror(errno);
    return {};
}

void subscriber::established(instant now, moqt::session& session) {
    if (waiting_since_.us == 0) waiting_since_ = now;
    if (!asked_) asked_ = now;
    for (auto& t : tracks_) {
        t->subscribed = t->fetching = false;
        t->groups.clear();
        t->order.restart();
        if (!t->ended) subscribe(now, session, *t);
    }
    // The namespace tells when the publisher goes and comes back, whatever the relay does with the
    // subscriptions meanwhile.
    const auto watch = session.subscribe_namespace(now, options_.space);
    watching_ = watch.has_value();
    watch_ = watch.value_or(0);
}

moqt::message_params subscriber::filter(const track& t) const {
    auto out = run_->params();
    moqt::subscription_filter wanted;
    if (!t.is_catalog && options_.from == subscribe_options::start::next)
        wanted.type = moqt::filter_type::next_group_start;
    if (!t.is_catalog && options_.from == subscribe_options::start::group) {
        wanted.type = moqt::filter_type::absolute_start;
        wanted.start.group = options_.first_group;
    }
    out.subscription_filter = wanted;
    return out;
}

void subscriber::subscribe(instant now, moqt::session& session, track& to) {
    auto params = filter(to);
    if (session.rules().joining_by_forward) // drafts with RENDEZVOUS_TIMEOUT
        params.rendezvous_timeout = static_cast<std::uint64_t>(options_.wait.ms());
    const auto id = session.subscribe(now, {options_.space, to.name}, params);
    if (!id) {
        if (id.error().code == errc::bad_state || id.error().code == errc::limit) {
            retry_ = now + milliseconds(200);
            return;
        }
        return run_->finish(exit_status::failed, describe(id.error(), "subscribe"));
    }
    to.id = *id;
    to.subscribed = true;
}

subscriber::track* subscriber::by_id(moqt::request_id id) {
    for (auto& t : tracks_)
        if ((t->subscribed && t->id == id) || (t->fetching && t->fetch == id)) return t.get();
    return nullptr;
}

void subscriber::handle(instant now, moqt::session& session, moqt::event& event) {
    using kind = moqt::event::kind;
    auto* t = by_id(event.id);
    switch (event.what) {
    case kind::accepted:
        on_accepted(now, session, event);
        break;
    case kind::rejected:
        on_rejected(now, event);
        break;
    case kind::object:
        if (t != nullptr) on_object(now, event);
        break;
    case kind::subgroup_opened:
        if (t == nullptr) break;
        t->groups[event.stream] = event.item.location.group;
        t->order.stream_opened(event.item.location.group);
        break;
    case kind::stream_finished:
    case kind::stream_reset:
        if (t == nullptr) break;
        if (const auto found = t->groups.find(event.stream); found != t->groups.end()) {
            t->order.stream_closed(found->second, event.what == kind::stream_finished);
            t->groups.erase(found);
        } else if (t->fetching && t->fetch == event.id) {
            t->fetching = false;
            t->order.set_fetching(false);
        }
        deliver(now, *t);
        break;
    case kind::publish_done:
        if (t == nullptr) break;
        t->subscribed = false;
        t->order.set_fetching(false);
        deliver(now, *t, true);
        if (event.publish_done == moqt::publish_done_code::track_ended ||
            event.publish_done == moqt::publish_done_code::subscription_ended) {
            t->ended = true;
        } else {
            std::fprintf(stderr, "track %s: the relay ended it with %s\n", t->name.c_str(),
                         std::string{moqt::to_string(event.publish_done)}.c_str());
            if (run_->options().reconnect)
                retry_ = now + milliseconds(200);
            else
                t->ended = t->failed = true;
        }
        check_end(now);
        break;
    case kind::namespace_added:
        if (event.id == watch_ && first_object_ && !run_->options().json)
            std::fprintf(stderr, "the publisher of %s is there\n", to_text(options_.space).c_str());
        break;
    case kind::namespace_removed:
        if (event.id == watch_ && !ended_)
            std::fprintf(stderr, "the publisher of %s is gone\n", to_text(options_.space).c_str());
        break;
    case kind::malformed_track:
        std::fprintf(stderr, "track %s is malformed\n", t == nullptr ? "?" : t->name.c_str());
        break;
    case kind::requested:
        (void)session.reject(now, event.id, moqt::request_error_code::not_supported,
                             "a subscriber publishes nothing");
        break;
    case kind::update_requested:
        (void)session.accept_update(now, event.update_id);
        break;
    case kind::goaway:
        if (run_->options().reconnect) session.close(now, moqt::close_code::no_error, "going away");
        break;
    default:
        break;
    }
}

void subscriber::on_accepted(instant now, moqt::session& session, moqt::event& event) {
    auto* t = by_id(event.id);
    if (t == nullptr || event.request != moqt::request_kind::subscribe) return;
    const auto largest = event.ok_params().largest_object;
    if (!largest || (!t->is_catalog && options_.from != subscribe_options::start::latest)) return;
    // The current group from its start: FETCH up to the largest object, SUBSCRIBE from there on.
    auto params = run_->params();
    const auto fetch =
        session.joining_fetch(now, moqt::msg::fetch_type::relative_joining, event.id, 0, params);
    if (!fetch) return;
    t->fetch = *fetch;
    t->fetching = true;
    t->order.set_fetching(true);
    if (!t->order.position()) t->order.begin_at({largest->group, 0});
}

void subscriber::on_rejected(instant now, moqt::event& event) {
    using code = moqt::request_error_code;
    if (event.id == watch_ && event.request == moqt::request_kind::subscribe_namespace) {
        watching_ = false;
        return;
    }
    auto* t = by_id(event.id);
    if (t == nullptr) return;
    if (event.request == moqt::request_kind::fetch) {
        t->fetching = false;
        t->order.set_fetching(false);
        return deliver(now, *t);
    }
    t->subscribed = false;
    if (event.request_error == code::unauthorized ||
        event.request_error == code::expired_auth_token ||
        event.request_error == code::malformed_auth_token)
        return run_->finish(exit_status::refused,
                            "refused: " + std::string{to_string(event.request_error)});
    const bool patient = run_->options().reconnect || now - waiting_since_ < options_.wait;
    if (t->is_catalog && t->name == catalog::msf_track_name && !tracks_known_ && !patient) {
        t->name = catalog::plain_track_name; // older publishers have only this one
        retry_ = now;
        return;
    }
    if (patient) {
        retry_ = now + milliseconds(250);
        return;
    }
    run_->finish(exit_status::failed, to_text(options_.space) + "/" + t->name + " is not there: " +
                                          std::string{to_string(event.request_error)});
}

void subscriber::on_object(instant now, moqt::event& event) {
    auto& t = *by_id(event.id);
    const auto at = event.item.location;
    if (event.item.status == moqt::object_status::end_of_track) {
        t.end_group = at.group;
        return;
    }
    if (event.item.status != moqt::object_status::normal) return;
    if (t.is_catalog) return on_catalog(now, at, event.item.payload);
    trace_.note(t.name, at, now);
    if (t.order.add(now, at, std::move(event.item.payload))) deliver(now, t);
}

void subscriber::on_catalog(instant now, moqt::location at, bytes payload) {
    const auto changes = catalog_.handle_object(at.group, at.object, payload);
    if (!changes) {
        std::fprintf(stderr, "%s\n", describe(changes.error(), "catalog").c_str());
        return;
    }
    if (changes->completed) catalog_complete_ = true;
    if (!tracks_known_ && !catalog_.current()->tracks.empty()) add_tracks(now);
}

void subscriber::add_tracks(instant now) {
    tracks_known_ = true;
    auto* session = run_->session();
    std::vector<std::string> wanted = options_.tracks;
    for (const auto& entry : catalog_.current()->tracks) {
        const auto kind = catalog::kind_of(entry);
        if (kind != catalog::track_kind::video && kind != catalog::track_kind::audio) continue;
        if (!options_.tracks.empty() && std::erase(wanted, entry.name) == 0) continue;
        const auto init = catalog::init_bytes(*catalog_.current(), entry);
        auto made = std::make_unique<track>();
        made->name = entry.name;
        if (init) {
            const auto index = writer_.add_track(slice::copy(run_->pool(), *init));
            if (index)
                made->writer_index = *index;
            else
                std::fprintf(stderr, "%s\n", describe(index.error(), entry.name).c_str());
        }
        if (made->writer_index == SIZE_MAX && out_ != nullptr) {
            std::fprintf(stderr, "track %s has no usable init segment and is left out\n",
                         entry.name.c_str());
            continue;
        }
        tracks_.push_back(std::move(made));
        if (session != nullptr) subscribe(now, *session, *tracks_.back());
    }
    for (const auto& name : wanted)
        std::fprintf(stderr, "the catalog has no track %s\n", name.c_str());
    if (tracks_.size() == 1)
        run_->finish(exit_status::failed, "the catalog has no audio or video to subscribe to");
}

void subscriber::deliver(instant now, track& t, bool drain) {
    while (auto object = t.order.next(now, drain)) {
        if (!first_object_) {
            first_object_ = now;
            if (options_.length.us > 0) stop_ = now + options_.length;
        }
        if (!t.first) t.first = object->at;
        t.last = object->at;
        t.bytes += object->payload.size();
        if (t.writer_index == SIZE_MAX || out_ == nullptr) continue;
        if (const auto done = writer_.handle_chunk(t.writer_index, object->payload); !done)
            std::fprintf(stderr, "%s\n",
                         describe(done.error(), "track " + t.name + ", object " +
                                                    std::to_string(object->at.group) + ":" +
                                                    std::to_string(object->at.object))
                             .c_str());
        write();
    }
}

void subscriber::write() {
    while (const auto piece = writer_.poll_output())
        if (std::fwrite(piece->data(), 1, piece->size(), out_) != piece->size())
            return run_->finish(exit_status::failed, options_.output + ": " + std::strerror(errno));
}

void subscriber::check_end(instant now) {
    if (ended_ || tracks_.size() < 2) return;
    bool failed = false;
    for (const auto& t : tracks_) {
        if (!t->is_catalog && !t->ended) return;
        failed = failed || t->failed;
    }
    ended_ = true;
    for (auto& t : tracks_)
        deliver(now, *t, true);
    summarize();
    run_->finish(failed ? exit_status::failed : exit_status::done);
}

void subscriber::summarize() {
    if (out_ != nullptr) std::fflush(out_);
    auto* to = out_ == stdout ? stderr : stdout;
    const auto join = first_object_ && asked_ ? (*first_object_ - *asked_).us : -1;
    std::uint64_t objects = 0;
    std::uint64_t gaps = 0;
    for (const auto& t : tracks_) {
        if (t->is_catalog) continue;
        objects += t->order.objects();
        gaps += t->order.gaps();
        const auto first = t->first.value_or(moqt::location{});
        const auto last = t->last.value_or(moqt::location{});
        std::fprintf(to,
                     run_->options().json
                         ? "{\"track\":\"%s\",\"groups\":%" PRIu64 ",\"objects\":%" PRIu64
                           ",\"bytes\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"first\":\"%" PRIu64
                           ":%" PRIu64 "\",\"last\":\"%" PRIu64 ":%" PRIu64 "\"}\n"
                         : "%-12s groups %" PRIu64 "  objects %" PRIu64 "  bytes %" PRIu64
                           "  gaps %" PRIu64 "  first %" PRIu64 ":%" PRIu64 "  last %" PRIu64
                           ":%" PRIu64 "\n",
                     t->name.c_str(), t->order.groups(), t->order.objects(), t->bytes,
                     t->order.gaps(), first.group, first.object, last.group, last.object);
    }
    const auto version =
        run_->session() == nullptr ? 0u : moqt::number(run_->session()->rules().id);
    std::fprintf(to,
                 run_->options().json ? "{\"summary\":true,\"draft\":%u,\"objects\":%" PRIu64
                                        ",\"gaps\":%" PRIu64
                                        ",\"join_us\":%lld,\"connections\":%d}\n"
                                      : "draft %u  objects %" PRIu64 "  gaps %" PRIu64
                                        "  join latency %lld us  connections %d\n",
                 version, objects, gaps, static_cast<long long>(join), run_->connections());
    std::fflush(to);
}

void subscriber::lost(instant, const close_info&) {
    watching_ = false;
    for (auto& t : tracks_) {
        t->subscribed = t->fetching = false;
        t->groups.clear();
    }
    if (!run_->options().reconnect && !ended_) summarize();
}

instant subscriber::next_timeout() {
    auto next = std::min(retry_, stop_);
    for (const auto& t : tracks_)
        next = std::min(next, t->order.next_timeout());
    return next;
}

void subscriber::handle_timeout(instant now) {
    if (now >= stop_) return interrupted(now);
    for (auto& t : tracks_)
        deliver(now, *t);
    if (now < retry_) return;
    retry_ = never;
    auto* session = run_->session();
    if (session == nullptr || session->closed()) return;
    for (auto& t : tracks_)
        if (!t->subscribed && !t->ended) subscribe(now, *session, *t);
}

void subscriber::interrupted(instant now) {
    if (ended_) return;
    ended_ = true;
    for (auto& t : tracks_)
        deliver(now, *t, false);
    summarize();
    run_->finish(first_object_ ? exit_status::done : exit_status::failed);
}

} // namespace moqrtc::reference
