#include "common/clock.hpp"
#include "media_source.hpp"
#include "subscriber.hpp"

#include <moqrtc/catalog/locate.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <array>
#include <cinttypes>

namespace moqrtc::reference {

namespace {

constexpr duration retry_period = milliseconds(250);

} // namespace

subscriber::subscriber(runner& run, subscribe_options options)
    : run_{&run},
      options_{std::move(options)},
      trace_{options_.trace},
      file_{run.pool()},
      catalog_{run, options_.space},
      inits_{run},
      progress_{!run.options().json} {}

std::string subscriber::open() {
    return options_.output.empty() ? std::string{} : file_.open(options_.output);
}

void subscriber::say(const std::string& text) {
    progress_.end();
    std::fprintf(stderr, "%s\n", text.c_str());
}

void subscriber::established(instant now, moqt::session& session) {
    if (!asked_) {
        asked_ = now;
        // Should nothing ever come, it still ends.
        if (options_.length.us > 0) stop_ = now + options_.wait + options_.length;
    }
    retry_ = never;
    if (!catalog_complete_) subscribe_catalog(now, session);
    inits_.subscribe(now, session);
    for (auto& t : tracks_)
        if (!t->ended) subscribe(now, session, *t);
    // The namespace tells when the publisher goes and comes back, whatever the relay does with the
    // subscriptions meanwhile.
    const auto watch = session.subscribe_namespace(
        now, options_.space, moqt::msg::subscribe_options::namespaces, run_->params());
    watching_ = watch.has_value();
    watch_ = watch.value_or(0);
}

duration subscriber::patience(instant now) const {
    const auto until = *asked_ + options_.wait;
    return first_object_ || run_->options().reconnect ? options_.wait
                                                      : std::max(duration{}, until - now);
}

void subscriber::subscribe_catalog(instant now, moqt::session& session) {
    catalog_subscribed_ = catalog_.subscribe(now, session, patience(now)).has_value();
    if (!catalog_subscribed_) retry_ = now + retry_period;
}

void subscriber::subscribe(instant now, moqt::session& session, track& to) {
    const auto done = to.in.subscribe(now, session, patience(now));
    if (done) return;
    if (done.error().code != errc::bad_state && done.error().code != errc::limit)
        return run_->finish(exit_status::failed, describe(done.error(), "subscribe"));
    retry_ = now + retry_period;
}

bool subscriber::is_refusal(const moqt::event& event) noexcept {
    using code = moqt::request_error_code;
    return event.request_error == code::unauthorized ||
           event.request_error == code::expired_auth_token ||
           event.request_error == code::malformed_auth_token;
}

void subscriber::handle(instant now, moqt::session& session, moqt::event& event) {
    using kind = moqt::event::kind;
    switch (event.what) {
    case kind::requested:
        (void)session.reject(now, event.id, moqt::request_error_code::not_supported,
                             "a subscriber publishes nothing");
        return;
    case kind::update_requested:
        (void)session.accept_update(now, event.update_id);
        return;
    case kind::goaway:
        if (run_->options().reconnect) session.close(now, moqt::close_code::no_error, "going away");
        return;
    default:
        break;
    }
    if (watching_ && event.id == watch_) return on_watch(event);
    if (event.what == kind::rejected && is_refusal(event))
        return run_->finish(exit_status::refused,
                            "refused: " + std::string{to_string(event.request_error)});
    if (const auto what = catalog_.handle(now, session, event);
        what != catalog_feed::progress::foreign)
        return on_catalog(now, session, event, what);
    if (inits_.handle(now, session, event)) return add_tracks(now);
    for (auto& t : tracks_) {
        const auto at = event.item.location;
        const bool is_object =
            event.what == kind::object && event.item.status == moqt::object_status::normal;
        const auto what = t->in.handle(now, session, event);
        if (what == track_receiver::progress::foreign) continue;
        if (is_object) trace_.note(t->name, at, now);
        return on_track(now, event, *t, what);
    }
}

void subscriber::on_watch(const moqt::event& event) {
    using kind = moqt::event::kind;
    const auto name = to_text(options_.space);
    if (event.what == kind::rejected || event.what == kind::cancelled) watching_ = false;
    if (event.what == kind::namespace_added) {
        if (gone_) say("the publisher of " + name + " is there");
        gone_ = false;
    }
    if (event.what == kind::namespace_removed && !ended_) {
        say("the publisher of " + name + " is gone");
        gone_ = true;
    }
}

void subscriber::on_catalog(instant now, moqt::session& session, moqt::event& event,
                            catalog_feed::progress what) {
    read_catalog(now);
    const bool reconnect = run_->options().reconnect;
    switch (what) {
    case catalog_feed::progress::renamed:
        return subscribe_catalog(now, session);
    case catalog_feed::progress::absent:
        catalog_subscribed_ = false;
        if (!reconnect && !tracks_known_ && retry_at(now, event) >= *asked_ + options_.wait)
            return run_->finish(exit_status::failed,
                                to_text(options_.space) + " has no catalog: " +
                                    std::string{to_string(event.request_error)});
        retry_ = retry_at(now, event);
        return;
    case catalog_feed::progress::cut_off:
    case catalog_feed::progress::over:
        catalog_subscribed_ = false;
        if (!tracks_known_ && !reconnect)
            return run_->finish(exit_status::failed, "the catalog track ended without a catalog");
        if (reconnect && !catalog_complete_) retry_ = now + retry_period;
        return;
    default:
        return;
    }
}

void subscriber::read_catalog(instant now) {
    while (const auto update = catalog_.poll(now)) {
        if (!update->changes) {
            say("catalog: " + catalog::explain(update->changes.error(), update->payload));
            continue;
        }
        catalog_complete_ = catalog_.current()->is_complete;
        if (catalog_.current()->tracks.empty()) continue;
        if (!tracks_known_)
            choose_tracks(now);
        else if (!update->changes->empty())
            compare_tracks();
    }
}

void subscriber::on_track(instant now, moqt::event& event, track& t,
                          track_receiver::progress what) {
    deliver(now, t);
    const bool reconnect = run_->options().reconnect;
    switch (what) {
    case track_receiver::progress::rejected:
        if (reconnect || retry_at(now, event) < *asked_ + options_.wait) {
            retry_ = std::min(retry_, retry_at(now, event));
            return;
        }
        return run_->finish(exit_status::failed,
                            to_text(options_.space) + "/" + t.name +
                                " is not there: " + std::string{to_string(event.request_error)});
    case track_receiver::progress::ended:
        if (reconnect && gone_ && !catalog_complete_) { // it ended because nobody publishes it
            retry_ = now + retry_period;
            return;
        }
        t.ended = true;
        return check_end(now);
    case track_receiver::progress::cut_off:
        say("track " + t.name + ": the server ended it with " +
            std::string{to_string(t.in.reason())});
        if (reconnect && t.in.reason() != moqt::publish_done_code::malformed_track) {
            retry_ = now + retry_period;
            return;
        }
        t.ended = t.failed = true;
        return check_end(now);
    default:
        return;
    }
}

void subscriber::deliver(instant now, track& t) {
    while (auto object = t.in.poll(now)) {
        if (!first_object_) {
            first_object_ = now;
            if (options_.length.us > 0) stop_ = now + options_.length;
        }
        if (!t.first) t.first = object->at;
        t.last = object->at;
        t.bytes += object->payload.size();
        bytes_ += object->payload.size();
        ++objects_;
        if (t.file_index != SIZE_MAX && file_.is_open()) store(t, *object);
    }
    progress_.show(now, objects_, bytes_);
}

void subscriber::store(track& t, const ordering::entry& object) {
    const auto complain_of = [&](const error& failure) {
        say(describe(failure, "track " + t.name + ", object " + std::to_string(object.at.group) +
                                  ":" + std::to_string(object.at.object)));
    };
    loc::header media;
    if (t.is_loc) {
        const auto said = [&](const slice& properties) {
            return loc::read_header(moqt::key_value_reader{t.in.rules(), properties.view()});
        };
        const auto of_track = said(t.in.properties());
        const auto of_object = said(object.properties);
        if (!of_track || !of_object) return complain_of((of_track ? of_object : of_track).error());
        media = of_object->within(*of_track);
    }
    const auto done = file_.store(t.file_index, object.at, object.payload, media);
    if (!done) complain_of(done.error());
    if (!file_.trouble().empty()) run_->finish(exit_status::failed, file_.trouble());
}

void subscriber::finish_file() {
    const auto done = file_.finish();
    if (!done) say(describe(done.error(), options_.output));
    say_left_out();
    if (!file_.trouble().empty()) run_->finish(exit_status::failed, file_.trouble());
}

void subscriber::say_left_out() {
    for (const auto index : file_.take_left_out())
        for (auto& t : tracks_)
            if (t->file_index == index)
                say("track " + t->name + " is left out: nothing says what its decoder needs");
}

void subscriber::check_end(instant now) {
    if (ended_ || tracks_.empty()) return;
    bool failed = false;
    for (const auto& t : tracks_) {
        if (!t->ended) return;
        failed = failed || t->failed;
    }
    ended_ = true;
    for (auto& t : tracks_)
        deliver(now, *t);
    summarize();
    run_->finish(failed ? exit_status::failed : exit_status::done);
}

void subscriber::summarize() {
    progress_.end();
    finish_file();
    auto* to = file_.is_standard_output() ? stderr : stdout;
    const auto join = first_object_ && asked_ ? (*first_object_ - *asked_).us : -1;
    std::uint64_t gaps = 0;
    for (const auto& t : tracks_) {
        gaps += t->in.order().gaps();
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
                     t->name.c_str(), t->in.order().groups(), t->in.order().objects(), t->bytes,
                     t->in.order().gaps(), first.group, first.object, last.group, last.object);
    }
    const auto version =
        run_->session() == nullptr ? 0u : moqt::number(run_->session()->rules().id);
    std::fprintf(to,
                 run_->options().json
                     ? "{\"summary\":true,\"draft\":%u,\"objects\":%" PRIu64 ",\"gaps\":%" PRIu64
                       ",\"join_us\":%lld,\"connections\":%d,\"restarts\":%zu,\"outages\":[%s]}\n"
                     : "draft %u  objects %" PRIu64 "  gaps %" PRIu64
                       "  join latency %lld us  connections %d  restarts %zu%s\n",
                 version, objects_, gaps, static_cast<long long>(join), run_->connections(),
                 file_.restarts(), outages().c_str());
    std::fflush(to);
}

/// The members of a JSON array, or words.
std::string subscriber::outages() const {
    std::string out;
    for (const auto& o : run_->outages()) {
        std::array<char, 160> text{};
        std::snprintf(
            text.data(), text.size(),
            run_->options().json ? "%s{\"why\":\"%s\",\"noticed_us\":%lld,\"lasted_us\":%lld}"
                                 : "%s\noutage: %s, noticed after %lld us, back after %lld us",
            !out.empty() && run_->options().json ? "," : "", std::string{to_string(o.why)}.c_str(),
            static_cast<long long>(o.noticed.us), static_cast<long long>(o.lasted.us));
        out += text.data();
    }
    return out;
}

void subscriber::lost(instant, const close_info&) {
    watching_ = catalog_subscribed_ = false;
    catalog_.lost();
    inits_.lost();
    for (auto& t : tracks_)
        t->in.lost();
    if (!run_->options().reconnect && !ended_) summarize();
}

instant subscriber::next_timeout() {
    auto next =
        std::min({retry_, stop_, progress_.next(), catalog_.next_timeout(), file_.next_timeout()});
    if (!tracks_chosen_) next = std::min(next, inits_.next_timeout());
    for (const auto& t : tracks_)
        next = std::min(next, t->in.next_timeout());
    return next;
}

void subscriber::handle_timeout(instant now) {
    if (now >= stop_) return interrupted(now);
    read_catalog(now);
    file_.handle_timeout(now);
    say_left_out();
    for (auto& t : tracks_)
        deliver(now, *t);
    progress_.show(now, objects_, bytes_);
    auto* session = run_->session();
    const bool usable = session != nullptr && session->established() && !session->closed();
    if (usable && !tracks_chosen_) inits_.subscribe(now, *session);
    add_tracks(now);
    if (now < retry_) return;
    retry_ = never;
    if (!usable) return;
    if (!catalog_subscribed_ && !catalog_complete_) subscribe_catalog(now, *session);
    for (auto& t : tracks_)
        if (!t->in.subscribed() && !t->ended) subscribe(now, *session, *t);
}

void subscriber::interrupted(instant now) {
    if (ended_) return;
    ended_ = true;
    for (auto& t : tracks_)
        deliver(now, *t);
    summarize();
    run_->finish(first_object_ ? exit_status::done : exit_status::failed);
}

} // namespace moqrtc::reference
