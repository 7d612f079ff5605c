#pragma once

#include "wrong_peers.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <reference/client/track_guard.hpp>
#include <set>
#include <string>
#include <utility>

namespace conformance_test {

/// A publisher or a subscriber: it does what it is for without being asked.
class client_peer : public session_peer {
public:
    client_peer(moqt::draft version, peer_kind what) : session_peer{version}, what_{what} {}

    void expect(stage& owner, side& fresh) override { expected_.emplace(&owner, &fresh); }

protected:
    /// Says where it wants to be: where it was sent, or by default where it was started for.
    virtual void introduce(moqt::session_config& config, const std::string& sent_to) const {
        config.authority = "relay.example";
        config.path = sent_to.empty() ? "/moq" : sent_to;
    }

    moqt::session& session(std::size_t index) override { return *clients_[index].session; }
    void opened(std::size_t index) override {
        moqt::session_config config;
        config.self = moqt::role::client;
        config.version = rules().id;
        config.webtransport = webtransport_;
        if (!webtransport_) introduce(config, std::exchange(sent_to_, {}));
        if (clients_.size() <= index) clients_.resize(index + 1);
        clients_[index].session = std::make_unique<moqt::session>(now_, config, pool_);
        session(index).handle_stream_credit(10'000, 10'000);
        settle(index);
    }
    void settle(std::size_t index) override {
        auto& of = clients_[index];
        if (of.session == nullptr) return;
        while (auto e = of.session->poll_event())
            handle(of, *e);
    }
    void dropped(std::size_t index) override { clients_[index].session.reset(); }
    instant next_timeout() const override {
        auto next = never;
        for (const auto& c : clients_)
            if (c.session != nullptr) next = std::min(next, c.session->next_timeout());
        return next;
    }
    void handle_timeout() override {
        for (std::size_t i = 0; i < clients_.size(); ++i)
            if (clients_[i].session != nullptr && session(i).next_timeout() <= now_) {
                session(i).handle_timeout(now_);
                settle(i);
            }
    }

private:
    struct subgroup {
        moqt::location last{};
        std::uint64_t id = 0;
        bool end_of_group = false;
    };
    struct client {
        std::unique_ptr<moqt::session> session{};
        std::map<moqt::request_id, reference::track_guard> guards{}; ///< by subscription
        std::map<moqt::data_stream, subgroup> streams{};
    };

    void start(client& of) {
        auto& s = *of.session;
        const moqt::track_namespace space{"conf"};
        moqt::message_params shown;
        shown.authorization_tokens = moqt::token_list{token_};
        if (what_ == peer_kind::publisher) {
            (void)s.publish_namespace(now_, space, shown);
            (void)s.publish(now_, {space, "track"}, 5);
            return;
        }
        for (const char* name : {"track", "other"})
            if (const auto id = s.subscribe(now_, {space, name}, shown))
                of.guards.try_emplace(*id, rules());
        (void)s.subscribe_namespace(now_, space);
        if (rules().subscribe_tracks) (void)s.subscribe_tracks(now_, space);
    }
    void handle(client& of, moqt::event& e) {
        using kind = moqt::event::kind;
        auto& s = *of.session;
        switch (e.what) {
        case kind::established:
            return start(of);
        case kind::requested:
            if (what_ == peer_kind::publisher && e.request == moqt::request_kind::subscribe)
                return serve(s, e.id);
            if (what_ == peer_kind::publisher && e.request == moqt::request_kind::fetch)
                return serve_fetch(s, e);
            (void)s.reject(now_, e.id, moqt::request_error_code::does_not_exist, "nothing");
            return;
        case kind::goaway:
            return follow(e);
        case kind::update_requested:
            (void)s.accept_update(now_, e.update_id);
            return;
        case kind::object:
        case kind::stream_finished:
            return observe(of, e);
        default:
            return;
        }
    }
    /// A track of two groups of two objects, the second of which goes on.
    void serve(moqt::session& s, moqt::request_id id) {
        if (!s.accept_subscribe(now_, id, 100 + id)) return;
        for (const std::uint64_t group : {0u, 1u}) {
            moqt::subgroup_start start;
            start.group = group;
            start.first_object = true;
            const auto stream = s.open_subgroup(now_, id, start);
            if (!stream) return;
            for (const std::uint64_t object : {0u, 1u})
                (void)s.write_object(now_, *stream, object, {}, text_);
            if (group == 0) (void)s.finish_stream(now_, *stream);
        }
    }
    void serve_fetch(moqt::session& s, const moqt::event& e) {
        const auto m = e.as<msg::fetch>();
        if (!m || m->type != msg::fetch_type::standalone)
            return (void)s.reject(now_, e.id, moqt::request_error_code::not_supported, "joining");
        if (m->wanted(rules()).start > moqt::location{1, 1})
            return (void)s.reject(now_, e.id, moqt::request_error_code::invalid_range, "later");
        if (!s.accept_fetch(now_, e.id, {1, 2}, false)) return;
        const auto stream = s.open_fetch_stream(now_, e.id);
        if (!stream) return;
        for (const std::uint64_t group : {0u, 1u})
            for (const std::uint64_t object : {0u, 1u}) {
                moqt::object one;
                one.location = {group, object};
                one.payload = text_;
                (void)s.write_fetch_object(now_, *stream, one);
            }
        (void)s.finish_stream(now_, *stream);
    }
    /// Goes where a GOAWAY says, at once.
    void follow(const moqt::event& e) {
        const auto m = e.as<msg::goaway>();
        if (!m || m->new_session_uri.empty() || !expected_) return;
        const auto uri = as_text(m->new_session_uri);
        sent_to_ = uri.substr(uri.find('/', uri.find("//") + 2));
        connect(*expected_->first, *expected_->second);
        expected_.reset();
    }
    /// A malformed track is given up.
    void observe(client& of, const moqt::event& e) {
        const auto guard = of.guards.find(e.id);
        if (guard == of.guards.end()) return;
        bool good = true;
        if (e.what == moqt::event::kind::object) {
            const auto admitted = guard->second.admits(e.item, false);
            if (!admitted)
                return of.session->close(now_, moqt::close_code_for(admitted.error().code), "");
            good = *admitted;
            if (e.stream != moqt::no_stream)
                of.streams[e.stream] = {e.item.location, e.item.subgroup_id, e.item.end_of_group};
        } else if (const auto stream = of.streams.find(e.stream); stream != of.streams.end()) {
            const auto& ended = stream->second;
            good = guard->second.admits_end(ended.last, ended.id, ended.end_of_group);
        }
        if (good) return;
        (void)of.session->cancel(now_, e.id);
        of.guards.erase(guard);
    }

    std::optional<std::pair<stage*, side*>> expected_{}; ///< that waits for us to come again
    std::string sent_to_{};
    peer_kind what_;
    buffer_pool pool_{};
    std::array<moqt::authorization_token, 1> token_{
        moqt::authorization_token{moqt::alias_type::use_value, 0, 0, as_bytes("a token")}};
    slice text_ = slice::copy(pool_, as_bytes("an object"));
    std::vector<client> clients_{};
};

/// A client that says in its SETUP that it wants to be elsewhere.
class lost_client : public client_peer {
public:
    using client_peer::client_peer;

protected:
    void introduce(moqt::session_config& config, const std::string&) const override {
        config.authority = "other.example";
        config.path = "/elsewhere";
    }
};

/// A client that has no patience with a SETUP that is unlike the first, with parameters, or with
/// the end of a stream; that wants no
/// subscribers, says unknown messages and parameters twice, and asks those who leave.
class rude_client : public client_peer {
public:
    using client_peer::client_peer;

protected:
    void take(std::size_t index, output& what) override {
        const auto& r = rules();
        if (what.what == output::kind::data) {
            const bool first = started_.insert(index).second;
            if (first && usual_ == 0) usual_ = what.data.size();
            if (is_subscribe(what.data)) return end(index, 0x1, "no subscribers");
            if ((first && what.data.size() != usual_) || what.fin || has_parameters(what.data))
                return end(index, 0x3, "what is that?");
            if (first) say_nonsense(index);
            if (what.data.size() > 1 && what.data[0] == std::byte{0x10}) {
                const auto space = space_of("late");
                at(index).on_stream(r.request_streams ? 404 : 0,
                                    framed(r, msg::subscribe::code(r),
                                           body_of(r, msg::subscribe{2, space.view(), {}, {}})),
                                    false);
            }
        }
        client_peer::take(index, what);
    }

private:
    [[nodiscard]] bool is_subscribe(bytes data) const {
        const auto all = messages_in(rules(), data);
        return !all.empty() && all.front().first == msg::subscribe::code(rules());
    }
    [[nodiscard]] bool has_parameters(bytes data) const {
        for (const auto& [type, body] : messages_in(rules(), data))
            if (type == msg::publish_namespace::code(rules()) && !body.empty() &&
                body.back() != std::byte{0})
                return true;
        return false;
    }
    void say_nonsense(std::size_t index) {
        const auto& r = rules();
        const auto twice = raw{r, body_before_parameters(r, msg::subscribe_ok{700, 1, {}, {}})}
                               .count(2)
                               .number(r.fixed_request_fields ? 0x02 : 0x08, 5)
                               .number(r.fixed_request_fields ? 0x02 : 0x08, 5)
                               .take();
        at(index).on_stream(r.request_streams ? 400 : 0, framed(r, 0x4, twice), false);
        at(index).on_stream(r.request_streams ? 400 : 0, framed(r, 0x3f7, {}), false);
        if (r.request_streams) say_more_nonsense(index);
    }
    /// Types that go back, aliases of tokens with nobody's leave, filters that nobody takes.
    void say_more_nonsense(std::size_t index) {
        const auto& r = rules();
        const auto back = raw{r, body_before_parameters(r, msg::subscribe_ok{701, 1, {}, {}})}
                              .v(2)
                              .v(8)
                              .v(5)
                              .v(UINT64_MAX - 5)
                              .v(5)
                              .take();
        at(index).on_stream(416, framed(r, msg::subscribe_ok::code(r), back), false);
        const auto space = space_of("mine");
        const auto announce = [&](moqt::stream_id stream, moqt::alias_type kind) {
            const std::array token{moqt::authorization_token{kind, 1, 0, as_bytes("x")}};
            msg::publish_namespace m{stream, space.view(), {}};
            m.params.authorization_tokens = moqt::token_list{token};
            at(index).on_stream(stream, framed(r, msg::publish_namespace::code(r), body_of(r, m)),
                                false);
        };
        announce(420, moqt::alias_type::register_alias);
        announce(424, moqt::alias_type::use_alias);
        announce(428, moqt::alias_type::delete_alias);
        if (!r.range_filters) return;
        msg::subscribe m{432, space.view(), as_bytes("t"), {}};
        m.params.range_filters =
            moqt::range_filter_list{std::span{moqt::detail::sampled_ranges}.first(1)};
        at(index).on_stream(432, framed(r, msg::subscribe::code(r), body_of(r, m)), false);
    }

    std::set<std::size_t> started_{};
    std::size_t usual_ = 0;
};

} // namespace conformance_test
