#include "auth/support.hpp"
#include "moqt/relay/relay_world.hpp"
#include "server/admission_gate.hpp"
#include "server/newcomers.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

/// What the whole server takes on, on however many threads: who is refused, with which code, and
/// that nothing is left of him.
namespace {

using namespace relay_test;
using namespace moqrtc::reference;

constexpr auth::unix_time wall_start{1'700'000'000};

socket_address from(const char* host) {
    return *socket_address::parse(host, 1234);
}

/// Shards of one server in virtual time, one relay each, and what they share.
class server_of_shards {
public:
    explicit server_of_shards(const admission_limits& limits, bool required = false)
        : ledger{std::make_shared<admission_ledger>(limits)} {
        auto keys = std::make_shared<auth::key_set>();
        EXPECT_TRUE(keys->add(auth::test::crypto(), signer.key, "acme"));
        state.keys = keys;
        state.required = required;
        for (int i = 0; i < 2; ++i) {
            auto& one = *shards.emplace_back(std::make_unique<shard>());
            token_doors::config config;
            config.wall = [this] {
                return wall_start + shards.front()->w->net.now().us / 1'000'000;
            };
            one.doors = std::make_unique<token_doors>(std::move(config));
            one.gate = std::make_unique<admission_gate>(*one.doors, ledger);
            one.w = std::make_unique<world>(relay_config{}, *one.gate);
            one.w->run(milliseconds(100)); // the client that carries the relay's timers is in
        }
        publish();
    }
    ~server_of_shards() {
        for (auto& one : shards) {
            one->w.reset();
            one->gate.reset();
        }
        const auto left = ledger->count();
        EXPECT_EQ(left.publishers, 0u);
        EXPECT_EQ(left.subscribers, 0u);
        EXPECT_EQ(left.streams, 0u);
    }
    void publish() {
        for (auto& one : shards)
            one->doors->use(std::make_shared<const access_snapshot>(state));
    }
    struct shard {
        std::unique_ptr<token_doors> doors;
        std::unique_ptr<admission_gate> gate;
        std::unique_ptr<world> w;
    };
    [[nodiscard]] world& at(std::size_t i) { return *shards[i]->w; }
    /// A token for `call/acme/<room>`.
    [[nodiscard]] std::string token(const std::string& room = "room") {
        auto made = auth::mint(auth::test::crypto(), signer.by(),
                               auth::playback_token{.organisation = "acme",
                                                    .resource = room,
                                                    .subject = {},
                                                    .token_id = "t" + std::to_string(++count_)},
                               wall_start, 3600);
        EXPECT_TRUE(made);
        return made ? made->token : std::string{};
    }
    [[nodiscard]] std::uint64_t hits(server_limit which) const {
        return ledger->count().hits[static_cast<std::size_t>(which)];
    }

    std::shared_ptr<admission_ledger> ledger;
    access_snapshot state;
    auth::test::pair signer = auth::test::make_pair(signature_algorithm::eddsa, "k1");
    std::vector<std::unique_ptr<shard>> shards;

private:
    int count_ = 0;
};

/// As the draft has it on the wire.
request_error_code load(draft version, request_kind kind) {
    const auto& rules = rules_for(version);
    const auto registry = registry_of(kind);
    return error_of(rules, error_number(rules, request_error_code::excessive_load, registry),
                    registry);
}

class admission_of_server : public ::testing::TestWithParam<draft> {};

} // namespace

TEST_P(admission_of_server, a_namespace_has_so_many_subscribers_on_all_threads_together) {
    admission_limits limits;
    limits.subscribers_per_room = 2;
    server_of_shards s{limits};
    auto& first = s.at(0).add(GetParam());
    auto& second = s.at(1).add(GetParam());
    auto& third = s.at(1).add(GetParam());
    (void)s.at(0).publish(GetParam());
    (void)s.at(1).publish(GetParam());
    EXPECT_TRUE(first.accepted(s.at(0).subscribe(first, "video")));
    EXPECT_TRUE(first.accepted(s.at(0).subscribe(first, "audio"))) << "the same subscriber";
    EXPECT_TRUE(second.accepted(s.at(1).subscribe(second, "video")));
    EXPECT_EQ(s.ledger->count().subscribers, 2u);
    const auto tracks = s.at(1).node->relay.statistics().tracks;
    const auto refused = s.at(1).subscribe(third, "other");
    EXPECT_EQ(third.refused(refused), load(GetParam(), request_kind::subscribe));
    EXPECT_EQ(s.at(1).node->relay.statistics().tracks, tracks) << "nothing is left of it";
    EXPECT_EQ(s.hits(server_limit::subscribers_per_room), 1u);
    EXPECT_FALSE(third.session().closed());
    s.at(0).kill(first);
    s.at(0).run(milliseconds(100));
    EXPECT_TRUE(third.accepted(s.at(1).subscribe(third, "video"))) << "there is room now";
    EXPECT_EQ(s.ledger->count().largest_room, 2u);
}

TEST_P(admission_of_server, publishers_and_streams_are_counted_by_namespace) {
    admission_limits limits;
    limits.publishers = 3;
    limits.streams = 2;
    server_of_shards s{limits};
    auto& a = s.at(0).add<publisher>(GetParam());
    const auto announce = [&](std::size_t shard, client& c, const track_namespace& space) {
        const auto id = *c.session().publish_namespace(s.at(shard).net.now(), space);
        s.at(shard).flush(c);
        return id;
    };
    const auto one = announce(0, a, {"live"});
    EXPECT_TRUE(a.accepted(one));
    // What lies under a namespace of one's own is no other stream.
    a.push({"live", "cam"}, "video");
    s.at(0).flush(a);
    EXPECT_EQ(s.ledger->count().publishers, 1u);
    auto& b = s.at(1).add<publisher>(GetParam());
    EXPECT_TRUE(b.accepted(announce(1, b, {"live"}))) << "the same stream on another thread";
    EXPECT_EQ(s.ledger->count().streams, 1u);
    EXPECT_TRUE(b.accepted(announce(1, b, {"second"})));
    auto& c = s.at(1).add<publisher>(GetParam());
    EXPECT_EQ(c.refused(announce(1, c, {"live"})),
              load(GetParam(), request_kind::publish_namespace));
    EXPECT_EQ(s.hits(server_limit::publishers), 1u);
    s.at(0).kill(a);
    s.at(0).run(milliseconds(100));
    EXPECT_EQ(c.refused(announce(1, c, {"third"})),
              load(GetParam(), request_kind::publish_namespace));
    EXPECT_EQ(s.hits(server_limit::streams), 1u);
    EXPECT_TRUE(c.accepted(announce(1, c, {"second"})));
    EXPECT_EQ(s.at(1).node->relay.statistics().refused, 2u);
}

TEST_P(admission_of_server, requests_of_an_address_come_at_a_rate) {
    admission_limits limits;
    limits.address_request_rate = 1; // ten at once
    server_of_shards s{limits};
    (void)s.at(0).publish(GetParam());
    auto& c = s.at(0).add(GetParam());
    auto pass = *s.ledger->enter(from("192.0.2.1"), s.at(0).net.now());
    for (const auto& one : s.at(0).node->relay.sessions())
        s.shards[0]->gate->bind(one.key, pass.address());
    int accepted = 0;
    std::optional<request_error_code> refused;
    for (int i = 0; i < 12; ++i) {
        const auto id = s.at(0).subscribe(c, "track" + std::to_string(i));
        accepted += c.accepted(id) ? 1 : 0;
        if (const auto code = c.refused(id)) refused = code;
    }
    EXPECT_EQ(accepted, 10);
    EXPECT_EQ(refused, load(GetParam(), request_kind::subscribe));
    EXPECT_EQ(s.hits(server_limit::address_request_rate), 2u);
    s.at(0).run(seconds(2));
    EXPECT_TRUE(c.accepted(s.at(0).subscribe(c, "later")));
}

TEST_P(admission_of_server, who_shows_nothing_in_time_goes) {
    admission_limits limits;
    limits.unauthorized_time = seconds(2);
    server_of_shards s{limits, true};
    auto& w = s.at(0);
    auto& silent = w.add(GetParam());
    auto& polite = w.add(GetParam());
    const auto made = s.token();
    const authorization_token token{.value = as_bytes(made)};
    message_params params;
    params.authorization_tokens = token_list{std::span{&token, 1}};
    w.run(seconds(1));
    const track_namespace space{"stream", "acme", "room"};
    const auto id = polite.session().subscribe(w.net.now(), {space, "video"}, params);
    ASSERT_TRUE(id);
    w.flush(polite);
    w.run(seconds(2));
    EXPECT_TRUE(silent.session().closed());
    const auto* over = silent.find(event::kind::closed, 0);
    ASSERT_NE(over, nullptr);
    EXPECT_EQ(over->close, close_code::unauthorized);
    EXPECT_EQ(as_text(over->message), no_credential_in_time);
    EXPECT_FALSE(polite.session().closed());
    EXPECT_GE(w.node->relay.statistics().hits(relay_limit::silence), 1u);
}

TEST_P(admission_of_server, an_account_has_what_was_set_for_it) {
    admission_limits limits;
    limits.account_subscribers = 2;
    server_of_shards s{limits, true};
    const auto watch = [&](std::size_t shard, const std::string& room) {
        auto& c = s.at(shard).add(GetParam());
        const auto made = s.token(room);
        const authorization_token token{.value = as_bytes(made)};
        message_params params;
        params.authorization_tokens = token_list{std::span{&token, 1}};
        if (GetParam() >= draft::d18) params.rendezvous_timeout = 60'000;
        const auto id = s.at(shard).subscribe(c, "video", params, {"stream", "acme", room});
        return std::pair{&c, id};
    };
    (void)watch(0, "a");
    (void)watch(1, "b");
    EXPECT_EQ(s.ledger->count().largest_account_subscribers, 2u);
    const auto [third, id] = watch(1, "c");
    EXPECT_EQ(third->refused(id), load(GetParam(), request_kind::subscribe));
    EXPECT_EQ(s.hits(server_limit::account_subscribers), 1u);
    // The organisation may have more; a bit rate that it uses up already lets nobody in.
    s.state.limits.push_back({"acme", {}, "subscribers", 100});
    s.publish();
    (void)watch(1, "d");
    EXPECT_EQ(s.hits(server_limit::account_subscribers), 1u);
    s.state.limits.push_back({"acme", {}, "bitrate", 1'000'000});
    s.publish();
    s.at(1).run(seconds(2));
    const auto account = s.ledger->account("acme", s.at(1).net.now());
    s.ledger->meter(*account, 0, s.at(1).net.now());
    s.at(1).run(seconds(1));
    s.ledger->meter(*account, 1'000'000, s.at(1).net.now());
    EXPECT_NEAR(static_cast<double>(s.ledger->count().largest_account_bitrate), 8e6, 1e6);
    const auto [last, refused] = watch(1, "e");
    EXPECT_EQ(last->refused(refused), load(GetParam(), request_kind::subscribe));
    EXPECT_EQ(s.hits(server_limit::account_bitrate), 1u);
}

INSTANTIATE_TEST_SUITE_P(drafts, admission_of_server,
                         ::testing::Values(draft::d14, draft::d16, draft::d18, draft::d20),
                         [](const auto& chosen) {
                             return "d" + std::to_string(moqt::number(chosen.param));
                         });

TEST(admission_ledger, addresses) {
    admission_limits limits;
    limits.sessions = 5;
    limits.sessions_per_address = 2;
    limits.address_session_rate = 1; // ten at once
    admission_ledger ledger{limits};
    const auto now = instant{} + seconds(100);
    std::vector<admission_ledger::session_pass> in;
    const auto enter = [&](const char* host) -> std::optional<server_limit> {
        auto got = ledger.enter(from(host), now);
        if (!got) return got.error();
        in.push_back(std::move(*got));
        return std::nullopt;
    };
    EXPECT_EQ(enter("192.0.2.1"), std::nullopt);
    EXPECT_EQ(enter("192.0.2.1"), std::nullopt);
    EXPECT_EQ(enter("192.0.2.1"), server_limit::sessions_per_address);
    EXPECT_EQ(enter("2001:db8::1"), std::nullopt);
    EXPECT_EQ(enter("2001:db8::ffff:1"), std::nullopt);
    EXPECT_EQ(enter("2001:db8::2"), server_limit::sessions_per_address) << "one /64";
    EXPECT_EQ(enter("::ffff:192.0.2.1"), server_limit::sessions_per_address) << "the same address";
    EXPECT_EQ(enter("2001:db8:0:1::1"), std::nullopt);
    EXPECT_EQ(enter("192.0.2.2"), server_limit::sessions);
    EXPECT_EQ(ledger.count().sessions, 5u);
    in.clear();
    EXPECT_EQ(ledger.count().sessions, 0u);
    for (int i = 0; i < 6; ++i) // four of its ten are gone
        EXPECT_TRUE(ledger.enter(from("192.0.2.1"), now));
    EXPECT_EQ(enter("192.0.2.1"), server_limit::address_session_rate);
    EXPECT_EQ(enter("192.0.2.3"), std::nullopt) << "nobody else pays for that";
    in.clear();
    // Addresses that nobody comes from any more are forgotten.
    const auto later = now + seconds(100);
    for (int i = 0; i < 5000; ++i)
        (void)ledger.enter(
            from(("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str()),
            later + seconds(i * 100));
    EXPECT_LE(ledger.count().addresses, 2048u);
}

TEST(admission_ledger, threads_together_have_what_one_may_have) {
    admission_limits limits;
    limits.publishers = 1000;
    limits.account_publishers = 1'000'000;
    limits.streams = 1'000'000;
    admission_ledger ledger{limits};
    const auto now = instant{} + seconds(1);
    const auto account = ledger.account("acme", now);
    std::atomic<int> seats = 0;
    std::atomic<int> asked = 0;
    shared_rate rate;
    std::vector<std::thread> all;
    for (int t = 0; t < 4; ++t)
        all.emplace_back([&, t] {
            std::vector<admission_ledger::seat> held;
            for (int i = 0; i < 1000; ++i) {
                auto got = ledger.sit(seat_kind::publisher, std::to_string(t * 1000 + i), account,
                                      ledger.standard_bounds(), now);
                if (got) held.push_back(std::move(*got));
                asked += rate.pass(now, 100, 1000) ? 1 : 0;
            }
            seats += static_cast<int>(held.size());
        });
    for (auto& one : all)
        one.join();
    EXPECT_EQ(seats, 1000);
    EXPECT_EQ(asked, 1000);
    EXPECT_EQ(ledger.count().hits[static_cast<std::size_t>(server_limit::publishers)], 3000u);
    EXPECT_EQ(account->publishers, 1000u);
}

TEST(shared_rate, passes_so_many_in_a_second) {
    shared_rate rate;
    instant now{};
    int passed = 0;
    for (int ms = 0; ms < 10'000; ++ms, now = now + milliseconds(1))
        passed += rate.pass(now, 100, 10) ? 1 : 0;
    EXPECT_NEAR(passed, 1000 + 10, 2);
    EXPECT_FALSE(rate.is_idle(now));
    now = now + seconds(1);
    EXPECT_TRUE(rate.is_idle(now));
    passed = 0;
    for (int i = 0; i < 100; ++i)
        passed += rate.pass(now, 100, 10) ? 1 : 0;
    EXPECT_EQ(passed, 10) << "after a pause some at once";
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(rate.pass(now, 0, 10)) << "no limit";
}

namespace {

struct visitor {
    bool* settled;
    int* sent_away;
    [[nodiscard]] bool is_settled() const { return *settled; }
    void send_away() const {
        ++*sent_away;
        *settled = true; // it is closed
    }
};

} // namespace

TEST(newcomers, the_silent_and_the_oldest_of_too_many_go) {
    std::atomic<std::size_t> all = 0;
    bool settled[8] = {};
    int sent[8] = {};
    instant now{};
    {
        newcomers<visitor> here{{3, seconds(10)}, all};
        newcomers<visitor> there{{3, seconds(10)}, all};
        const auto add = [&](auto& to, int i) { to.add(now, {&settled[i], &sent[i]}); };
        add(here, 0);
        now = now + seconds(5);
        add(here, 1);
        settled[1] = true;
        add(there, 2);
        now = now + seconds(5);
        here.sweep(now);
        EXPECT_EQ(sent[0], 1) << "ten seconds";
        EXPECT_EQ(sent[1], 0) << "it has shown something";
        EXPECT_EQ(sent[2], 0);
        EXPECT_EQ(here.counted().too_late, 1u);
        EXPECT_EQ(all.load(), 1u);
        add(here, 3);
        add(here, 4);
        EXPECT_EQ(all.load(), 3u);
        add(here, 5);
        EXPECT_EQ(sent[3], 1) << "the oldest on this thread makes room";
        EXPECT_EQ(sent[4] + sent[5] + sent[2], 0);
        EXPECT_EQ(here.counted().crowded_out, 1u);
        EXPECT_EQ(all.load(), 3u);
        settled[4] = settled[5] = true;
        here.sweep(now);
        EXPECT_EQ(here.size(), 0u);
        add(here, 6);
        EXPECT_EQ(sent[6], 0) << "those that are settled take no room";
    }
    EXPECT_EQ(all.load(), 0u);
}
