#include "common/clock.hpp"
#include "interop_stage.hpp"
#include "print.hpp"
#include "runner.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace moqrtc::reference {

namespace {

using kind = moqt::event::kind;
using moqt::request_kind;

std::string describe(const moqt::event& answer) {
    if (answer.what == kind::accepted) return "OK";
    if (answer.what == kind::cancelled) return "the request ended";
    if (answer.message.empty()) return "the request's stream ended without an answer";
    std::string out = "REQUEST_ERROR " + std::string{moqt::to_string(answer.request_error)};
    if (const auto m = answer.as<moqt::msg::request_error>(); m && !m->reason.empty())
        out += " (" + std::string{as_text(m->reason)} + ")";
    return out;
}

} // namespace

/// The carrier's side of a party.
class interop_party::link final : public moqt_link {
public:
    link(interop_party& owner, moqt_carrier& carrier) : moqt_link{carrier}, owner_{&owner} {}
    ~link() override {
        if (owner_ != nullptr && owner_->link_ == this) owner_->link_ = nullptr;
    }
    void forget() noexcept { owner_ = nullptr; }
    [[nodiscard]] moqt::session* current() noexcept { return session_.get(); }

protected:
    moqt::session* open_session(instant now, moqt::draft version) override {
        if (owner_ == nullptr) return nullptr;
        const auto& options = owner_->stage_->options();
        moqt::session_config config;
        config.self = moqt::role::client;
        config.version = version;
        config.webtransport = carrier().webtransport_path().has_value();
        config.authority = options.where.authority;
        config.path = options.where.path;
        config.implementation = "moqrtc";
        owner_->version_ = version;
        owner_->name_ = transport().name();
        owner_->transport_ = config.webtransport ? "webtransport" : "quic";
        session_ = std::make_unique<moqt::session>(now, std::move(config), owner_->stage_->pool_);
        return session_.get();
    }
    void drain(instant now) override {
        while (auto e = session_->poll_event()) {
            if (owner_ == nullptr) continue;
            if (owner_->stage_->options().verbose) print_message(*e);
            owner_->handle(now, *session_, *e);
        }
    }
    void ended(instant, const close_info& info) override {
        if (owner_ == nullptr) return;
        owner_->name_ = transport().name();
        owner_->end_ = info;
        owner_->link_ = nullptr;
    }

private:
    interop_party* owner_;
    std::unique_ptr<moqt::session> session_;
};

interop_party::~interop_party() {
    if (link_ != nullptr) link_->forget();
}

moqt::session& interop_party::session() {
    if (link_ == nullptr || link_->current() == nullptr) throw lost();
    return *link_->current();
}

bool interop_party::never_there() const noexcept {
    using cause = close_info::cause;
    if (!end_) return name_.empty();
    return end_->why == cause::unreachable || end_->why == cause::handshake_timeout ||
           end_->why == cause::certificate || end_->why == cause::version ||
           (end_->why == cause::transport && end_->code == no_application_protocol);
}

interop_failure interop_party::lost() const {
    interop_failure out{"the " + role_ + "'s session stays", "it ended"};
    if (end_) out.message = to_text(*end_, version_);
    return out;
}

void interop_party::settle() {
    if (link_ != nullptr) link_->settle(steady_now());
}

void interop_party::close() {
    closing_ = true;
    if (link_ == nullptr) return;
    if (link_->current() != nullptr)
        link_->current()->close(steady_now(), moqt::close_code::no_error, "done");
    settle();
}

void interop_party::handle(instant now, moqt::session& session, moqt::event& event) {
    switch (event.what) {
    case kind::established:
        established_ = true;
        return;
    case kind::requested:
        return on_request(now, session, event);
    case kind::update_requested:
        (void)session.accept_update(now, event.update_id);
        return;
    case kind::object:
        objects_[event.id].push_back({event.item.location,
                                      std::string{as_text(event.item.payload.view())},
                                      event.item.status});
        return;
    case kind::stream_stopped:
        for (const auto& t : tracks_)
            t->stopped(event.stream);
        return;
    case kind::cancelled:
        for (const auto& t : tracks_)
            t->unsubscribed(event.id);
        break;
    case kind::closed:
        return; // the connection's end follows
    default:
        break;
    }
    events_.push_back(std::move(event));
}

void interop_party::on_request(instant now, moqt::session& session, moqt::event& event) {
    using code = moqt::request_error_code;
    const auto refuse = [&](code why, std::string_view text) {
        (void)session.reject(now, event.id, why, text);
    };
    const auto track_of = [](const auto& m) {
        return moqt::full_track_name{moqt::track_namespace{m->track_namespace},
                                     std::string{as_text(m->track_name)}};
    };
    switch (event.request) {
    case request_kind::subscribe: {
        auto* track = find(track_of(event.as<moqt::msg::subscribe>()));
        if (track == nullptr) return refuse(code::does_not_exist, "no such track");
        return track->on_subscribe(now, session, event.id);
    }
    case request_kind::fetch: {
        const auto m = event.as<moqt::msg::fetch>();
        auto* track = m->type == moqt::msg::fetch_type::standalone ? find(track_of(m)) : nullptr;
        if (track == nullptr) return refuse(code::does_not_exist, "no such track");
        return track->on_fetch(now, session, event);
    }
    case request_kind::publish:
        if (!takes_tracks_) return refuse(code::uninterested, "nothing was asked for");
        if (session.accept_publish(now, event.id))
            taken_[event.id] = track_of(event.as<moqt::msg::publish>());
        return;
    case request_kind::publish_namespace:
        // Up to draft 15 this is how namespaces are told of.
        (void)session.accept(now, event.id);
        events_.push_back(std::move(event));
        return;
    case request_kind::subscribe_namespace: {
        const auto m = event.as<moqt::msg::subscribe_namespace>();
        const moqt::track_namespace prefix{m->track_namespace_prefix};
        (void)session.accept(now, event.id);
        for (const auto& space : spaces_)
            if (prefix.is_prefix_of(space))
                (void)session.announce_namespace(now, event.id, space.suffix(prefix.count()));
        return;
    }
    default:
        return refuse(code::not_supported, "not here");
    }
}

interop_track* interop_party::find(const moqt::full_track_name& track) noexcept {
    const auto at =
        std::ranges::find_if(tracks_, [&](const auto& t) { return t->name() == track; });
    return at == tracks_.end() ? nullptr : at->get();
}

std::optional<moqt::event>
interop_party::take(const std::function<bool(const moqt::event&)>& fits) {
    const auto at = std::ranges::find_if(events_, fits);
    if (at == events_.end()) return std::nullopt;
    auto out = std::move(*at);
    events_.erase(at);
    return out;
}

std::optional<moqt::event> interop_party::answer_to(moqt::request_id id) {
    return take([id](const moqt::event& e) {
        return e.id == id &&
               (e.what == kind::accepted || e.what == kind::rejected || e.what == kind::cancelled);
    });
}

moqt::request_id interop_party::sent(const result<moqt::request_id>& id, std::string_view what) {
    if (!id && id.error().code == errc::not_in_draft)
        throw interop_skip{"the draft has no " + std::string{what}};
    if (!id)
        throw interop_failure{std::string{what} + " can be sent", "it cannot",
                              std::string{to_string(id.error().code)} + ": " + id.error().field};
    settle();
    return *id;
}

moqt::event interop_party::accepted(moqt::request_id id, std::string_view what) {
    std::optional<moqt::event> answer;
    const auto wanted = std::string{what};
    stage_->wait(wanted, [&] { return (answer = answer_to(id)).has_value(); });
    if (answer->what != kind::accepted) throw interop_failure{wanted, describe(*answer)};
    return std::move(*answer);
}

void interop_party::publish_namespace(const moqt::track_namespace& space) {
    const auto id = sent(session().publish_namespace(steady_now(), space), "PUBLISH_NAMESPACE");
    spaces_.push_back(space);
    (void)accepted(id, "PUBLISH_NAMESPACE_OK");
}

moqt::request_id interop_party::subscribe(const moqt::full_track_name& track) {
    const auto id = sent(session().subscribe(steady_now(), track), "SUBSCRIBE");
    (void)accepted(id, "SUBSCRIBE_OK");
    return id;
}

moqt::request_id interop_party::discover(const moqt::track_namespace& prefix, bool tracks) {
    using moqt::msg::subscribe_options;
    auto& s = session();
    const auto now = steady_now();
    const auto id = tracks && rules().subscribe_tracks
                        ? sent(s.subscribe_tracks(now, prefix), "SUBSCRIBE_TRACKS")
                        : sent(s.subscribe_namespace(now, prefix,
                                                     tracks ? subscribe_options::publish
                                                            : subscribe_options::namespaces),
                               "SUBSCRIBE_NAMESPACE");
    (void)accepted(id, tracks ? "OK to the request for tracks" : "SUBSCRIBE_NAMESPACE_OK");
    return id;
}

std::vector<interop_object> interop_party::fetch(const moqt::full_track_name& track,
                                                 moqt::location start, moqt::location end) {
    const auto id = sent(session().fetch(steady_now(), track, start, end), "FETCH");
    (void)accepted(id, "FETCH_OK");
    std::optional<moqt::event> over;
    stage_->wait("the end of the fetch stream", [&] {
        return (over = take([id](const moqt::event& e) {
                    return e.id == id &&
                           (e.what == kind::stream_finished || e.what == kind::stream_reset);
                }))
            .has_value();
    });
    if (over->what == kind::stream_reset)
        throw interop_failure{"the end of the fetch stream",
                              "RESET_STREAM " + std::string{moqt::to_string(over->reset)}};
    return objects_[id];
}

void interop_party::cancel(moqt::request_id id) {
    (void)session().cancel(steady_now(), id);
    settle();
}

interop_track& interop_party::offer(const moqt::full_track_name& track) {
    tracks_.push_back(std::make_unique<interop_track>(track, tracks_.size() + 1));
    return *tracks_.back();
}

void interop_party::push(interop_track& track) {
    const auto id = sent(session().publish(steady_now(), track.name(), track.alias()), "PUBLISH");
    (void)accepted(id, "PUBLISH_OK");
    track.subscribed(id);
}

interop_stage::interop_stage(const interop_options& options, duration limit)
    : options_{options},
      limit_{limit},
      deadline_{steady_now() + limit},
      work_{asio::make_work_guard(context_)} {
    std::random_device source;
    space_ = moqt::track_namespace{"moq-test", "interop", std::to_string(source())};
    auto tls = tls_client::make(options.trust);
    if (!tls) throw interop_failure{"TLS can be used", "it cannot", tls.error(), true};
    tls_ = *tls;
    quic_config config;
    config.qlog_directory = options.qlog_directory;
    endpoint_ = std::make_unique<quic_endpoint>(context_, config);
}

interop_stage::~interop_stage() {
    endpoint_.reset(); // what the connections hold of the pool goes before the pool
    parties_.clear();
}

bool interop_stage::run(instant until, const std::function<bool()>& done) {
    while (!done()) {
        const auto now = steady_now();
        if (now >= until) return false;
        (void)context_.run_one_for(to_chrono(until - now));
    }
    return true;
}

bool interop_stage::someone_left() const noexcept {
    return std::ranges::any_of(parties_, [](const auto& p) { return p->ended() && !p->closing_; });
}

void interop_stage::fail_of_whoever_left(std::string_view expected) const {
    for (const auto& p : parties_) {
        if (!p->ended() || p->closing_) continue;
        auto failure = p->lost();
        failure.expected = expected;
        throw failure;
    }
}

void interop_stage::wait(std::string_view what, const std::function<bool()>& done) {
    // What came before a connection was lost counts.
    if (!run(deadline_, [&] { return done() || someone_left(); }))
        throw interop_failure{std::string{what}, "timeout",
                              "not within " + std::to_string(limit_.ms()) + " ms"};
    if (!done()) fail_of_whoever_left(what);
}

void interop_stage::pass(duration span) {
    if (run(steady_now() + span, [&] { return someone_left(); }))
        fail_of_whoever_left("the sessions stay");
}

interop_party& interop_stage::connect(std::string role) {
    parties_.push_back(std::make_unique<interop_party>(*this, std::move(role)));
    auto& party = *parties_.back();
    connect_options to;
    to.host = options_.where.host;
    to.port = options_.where.port;
    to.tls = tls_;
    to.protocols = client_protocols(options_.transport, options_.drafts);
    endpoint_->connect(to, [&](quic_connection& connection) {
        return make_client_handler(
            connection, pool_, {options_.where, options_.drafts}, [&party](moqt_carrier& carrier) {
                auto made = std::make_unique<interop_party::link>(party, carrier);
                party.link_ = made.get();
                return made;
            });
    });
    try {
        wait("SETUP from the peer", [&] { return party.established(); });
    } catch (interop_failure& failure) {
        failure.unreachable = party.never_there();
        throw;
    }
    return party;
}

void interop_stage::leave() {
    for (const auto& p : parties_)
        p->close();
    (void)run(steady_now() + milliseconds(500), [&] {
        return std::ranges::all_of(parties_, [](const auto& p) { return p->ended(); });
    });
}

std::string interop_stage::payload(moqt::location at, std::size_t size) {
    std::string out(size, '\0');
    std::uint64_t state = at.group * 0x9e3779b97f4a7c15 + at.object * 0xbf58476d1ce4e5b9 + size;
    for (auto& c : out) {
        state = state * 6364136223846793005 + 1442695040888963407;
        c = static_cast<char>(state >> 56);
    }
    return out;
}

} // namespace moqrtc::reference
