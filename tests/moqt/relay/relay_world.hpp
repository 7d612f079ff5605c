#pragma once

#include "relay_clients.hpp"

#include <moqrtc/testing/sim_network.hpp>

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <vector>

/// Relays and their clients in virtual time.
namespace relay_test {

/// The relay's end of one link.
class relay_end : public moqrtc::testing::endpoint {
public:
    relay_end(moqt::relay& owner, session_key key, std::function<void(session_key)> settle)
        : owner_{&owner}, key_{key}, settle_{std::move(settle)} {}
    moqt::session& session() noexcept override { return owner_->at(key_); }
    void after_input(instant now) override {
        owner_->handle_ready(now, key_);
        settle_(key_);
    }
    instant next_timeout() noexcept override { return hosts ? owner_->next_timeout() : never; }
    void handle_timeout(instant now) override {
        if (!hosts) return;
        owner_->handle_timeout(now);
        settle_({});
    }
    bool hosts = false; ///< carries the relay's timers
    [[nodiscard]] session_key key() const noexcept { return key_; }

private:
    moqt::relay* owner_;
    session_key key_;
    std::function<void(session_key)> settle_;
};

using network = moqrtc::testing::sim_network<moqrtc::testing::endpoint>;

/// A relay in the network; its first link exists only to carry its timers.
class relay_node {
public:
    relay_node(network& net, relay_config config, policy& rules, buffer_pool& pool)
        : net_{&net}, pool_{&pool}, relay{net.now(), config, pool, rules} {
        host_ = std::make_unique<client>(net.now(), draft::d18, pool);
        host_link_ = attach(*host_, draft::d18, {}, {}, true);
    }
    /// Connects a client; returns the link.
    std::uint32_t attach(moqrtc::testing::endpoint& c, draft version,
                         const moqrtc::testing::link_config& link = {}, session_info info = {},
                         bool hosts = false, bool webtransport = false) {
        session_config config;
        config.self = role::server;
        config.version = version;
        config.webtransport = webtransport;
        return add(
            config, std::move(info), hosts,
            [&](moqrtc::testing::endpoint& end) { return net_->connect(link, c, end); }, 1);
    }
    /// Connects this relay to another one, as its client.
    std::uint32_t attach_upstream(relay_node& origin, draft version,
                                  const moqrtc::testing::link_config& link = {}) {
        return attach_relay(origin, version, link, {.label = "upstream", .upstream = true},
                            {.label = "edge"});
    }
    /// Makes two relays siblings; with `upstream` this one asks the other for what only other
    /// servers have.
    std::uint32_t attach_sibling(relay_node& other, bool upstream = false) {
        moqrtc::testing::link_config link;
        link.unidirectional_streams = link.bidirectional_streams = 1'000'000;
        return attach_relay(other, spoken_drafts.front(), link,
                            {.label = "sibling", .upstream = upstream, .sibling = true},
                            {.label = "sibling", .sibling = true});
    }
    /// Lets every session that has something to send send it.
    void settle(session_key own = {}) {
        while (const auto key = relay.poll_ready())
            if (const auto at = ends_.find(*key); at != ends_.end() && *key != own)
                net_->wake({at->second.first, at->second.second});
        if (relay.next_timeout() != told_) {
            told_ = relay.next_timeout();
            net_->wake({host_link_, 1});
        }
    }
    [[nodiscard]] session_key key_of(std::uint32_t link) const {
        for (const auto& [key, at] : ends_)
            if (at.first == link) return key;
        return {};
    }

private:
    std::uint32_t attach_relay(relay_node& other, draft version,
                               const moqrtc::testing::link_config& link, session_info here,
                               session_info there) {
        session_config config;
        config.self = role::client;
        config.version = version;
        config.authority = "origin.example";
        config.path = "/moq";
        session_config server;
        server.self = role::server;
        server.version = version;
        std::uint32_t number = 0;
        const auto key = *relay.add_session(net_->now(), config, std::move(here));
        auto end = std::make_unique<relay_end>(relay, key, [this](session_key k) { settle(k); });
        other.add(
            server, std::move(there), false,
            [&](moqrtc::testing::endpoint& far) { return number = net_->connect(link, *end, far); },
            1);
        ends_[key] = {number, 0};
        keep_.push_back(std::move(end));
        settle();
        return number;
    }
    template <class Connect>
    std::uint32_t add(session_config config, session_info info, bool hosts, Connect&& connect,
                      int side) {
        const auto key = *relay.add_session(net_->now(), std::move(config), std::move(info));
        auto end = std::make_unique<relay_end>(relay, key, [this](session_key k) { settle(k); });
        end->hosts = hosts;
        const auto number = connect(*end);
        ends_[key] = {number, side};
        keep_.push_back(std::move(end));
        return number;
    }

    network* net_;
    buffer_pool* pool_;
    std::unique_ptr<client> host_;
    std::uint32_t host_link_ = 0;
    instant told_ = never;
    std::map<session_key, std::pair<std::uint32_t, int>> ends_{};
    std::vector<std::unique_ptr<relay_end>> keep_{};

public:
    moqt::relay relay;
};

/// One relay and its clients.
class world {
public:
    explicit world(relay_config config = {}) : world{config, open_} {}
    world(relay_config config, policy& rules)
        : node{std::make_unique<relay_node>(net, config, rules, pool)} {}
    ~world() {
        clients.clear();
        edges.clear();
        node.reset();
    }

    template <class Client = client>
    Client& add(draft version, moqrtc::testing::link_config link = {}) {
        link.unidirectional_streams = std::max<std::uint64_t>(link.unidirectional_streams, 10000);
        link.bidirectional_streams = std::max<std::uint64_t>(link.bidirectional_streams, 10000);
        auto fresh = std::make_unique<Client>(net.now(), version, pool);
        auto& c = *fresh;
        clients.push_back(std::move(fresh));
        links[&c] = node->attach(c, version, link);
        c.time = net.now();
        run(milliseconds(50));
        return c;
    }
    publisher& publish(draft version, const track_namespace& space = {"live"}) {
        auto& p = add<publisher>(version);
        (void)p.session().publish_namespace(net.now(), space);
        flush(p);
        return p;
    }
    /// Lets what a client was told to do happen.
    void flush(client& c) {
        net.wake({links[&c], 0});
        run(milliseconds(60));
    }
    void wake(client& c) { net.wake({links[&c], 0}); }
    void run(duration span) {
        net.run_for(span);
        for (auto& c : clients)
            c->time = net.now();
    }
    request_id subscribe(client& c, const std::string& name, message_params params = {},
                         const track_namespace& space = {"live"}) {
        const auto id = c.session().subscribe(net.now(), {space, name}, params);
        flush(c);
        return id.value_or(UINT64_MAX);
    }
    void send(publisher& p, const std::string& name, location where, std::string_view payload,
              std::uint64_t subgroup = 0, slice properties = {}) {
        p.time = net.now();
        p.send(name, where, payload, subgroup, std::move(properties));
        flush(p);
    }
    void finish(publisher& p, const std::string& name, std::uint64_t group) {
        p.time = net.now();
        p.finish(name, group);
        flush(p);
    }
    /// Groups `first` to `last` with `objects` objects each, finished but the last.
    void send_groups(publisher& p, const std::string& name, std::uint64_t first, std::uint64_t last,
                     std::uint64_t objects) {
        for (auto g = first; g <= last; ++g) {
            for (std::uint64_t o = 0; o < objects; ++o)
                send(p, name, {g, o}, std::to_string(g) + "." + std::to_string(o));
            if (g != last) finish(p, name, g);
        }
    }
    /// The session of a client is over without a word, as after kill -9.
    void kill(client& c) {
        const auto key = node->key_of(links[&c]);
        node->relay.at(key).handle_transport_closed(net.now(), 0, "lost", false);
        node->relay.handle_ready(net.now(), key);
        node->settle();
        run(milliseconds(1));
    }

    static inline allow_all open_{};
    buffer_pool pool{};
    network net{};
    std::unique_ptr<relay_node> node;
    std::vector<std::unique_ptr<relay_node>> edges{};
    std::vector<std::unique_ptr<client>> clients{};
    std::map<client*, std::uint32_t> links{};
};

inline message_params rendezvous(draft d, std::uint64_t ms = 10000) {
    message_params p;
    if (overlaps(carriers_of(rules_for(d), parameter::rendezvous_timeout), carrier::subscribe))
        p.rendezvous_timeout = ms;
    return p;
}

/// Every pair of drafts of publisher and subscriber.
struct drafts {
    draft from;
    draft to;
};
/// Each draft with itself, and with the oldest and the newest one: what a pair does depends on how
/// far its sides are apart.
inline std::vector<drafts> pairs_of_drafts() {
    std::vector<drafts> out;
    const auto newest = spoken_drafts.front();
    const auto oldest = spoken_drafts.back();
    for (const auto d : spoken_drafts) {
        out.push_back({d, d});
        if (d != newest) out.push_back({d, newest});
        if (d != oldest) out.push_back({d, oldest});
    }
    for (const auto d : {draft::d18, draft::d20}) {
        out.push_back({draft::d16, d});
        out.push_back({d, d == draft::d18 ? draft::d20 : draft::d18});
    }
    std::sort(out.begin(), out.end(), [](const drafts& a, const drafts& b) {
        return std::pair{a.from, a.to} < std::pair{b.from, b.to};
    });
    out.erase(std::unique(out.begin(), out.end(),
                          [](const drafts& a, const drafts& b) {
                              return a.from == b.from && a.to == b.to;
                          }),
              out.end());
    return out;
}
inline std::vector<drafts> equal_drafts() {
    std::vector<drafts> out;
    for (const auto d : spoken_drafts)
        out.push_back({d, d});
    return out;
}
inline std::string name_of(const drafts& d) {
    return "d" + std::to_string(number(d.from)) + "_to_d" + std::to_string(number(d.to));
}

/// What tests of tracks that are pushed share.
class offers : public ::testing::TestWithParam<drafts> {
protected:
    world w{};
    /// Asks for offers of tracks in the draft's own way.
    request_id want_tracks(client& c, const track_namespace& prefix, message_params params = {}) {
        const auto id =
            c.session().rules().subscribe_tracks
                ? c.session().subscribe_tracks(w.net.now(), prefix, params)
                : c.session().subscribe_namespace(w.net.now(), prefix,
                                                  c.session().rules().subscribe_options
                                                      ? msg::subscribe_options::publish
                                                      : msg::subscribe_options::namespaces,
                                                  params);
        w.flush(c);
        return id.value_or(UINT64_MAX);
    }
    static void take_everything(client& c, world& w) {
        c.on_event = [&c, &w](event& e) {
            if (e.what == event::kind::requested && e.request == request_kind::publish)
                (void)c.session().accept_publish(w.net.now(), e.id);
        };
    }
    static request_id offered(const client& c, std::size_t which = 0) {
        for (const auto& e : c.events)
            if (e.what == event::kind::requested && e.request == request_kind::publish &&
                which-- == 0)
                return e.id;
        return UINT64_MAX;
    }
};

} // namespace relay_test
