#include "api_fixture.hpp"

#include <chrono>
#include <optional>
#include <thread>

namespace moqrtc::reference {
namespace {

using outcome = token_ledger::answer;

/// Calls in a directory that outlives the API, as after a crash.
class calls_test : public control_test {
protected:
    calls_test() : control_test{true} {
        std::filesystem::create_directory(data_);
        restart();
    }
    ~calls_test() override {
        api_.reset();
        std::filesystem::remove_all(data_);
    }
    void restart() { start(true, data_); }
    outcome use(const token_use& one) {
        std::promise<outcome> promise;
        auto said = promise.get_future();
        api_->redeem(one, [&](auto it) { promise.set_value(it); });
        return said.get();
    }
    static token_use of(const api_json& call, const std::string& user, const std::string& jti,
                        bool publishes = true, const std::string& transport = "moq") {
        return {.jti = "kid_1/" + jti,
                .transport = transport,
                .expires = wall_time() + 60,
                .org = call["org"],
                .call = call["name"],
                .user = user,
                .publishes = publishes};
    }
    std::filesystem::path data_ =
        std::filesystem::temp_directory_path() / random_id("moqrtc-calls-");
};

TEST(calls, replay_equals_snapshot) {
    using answer = call_coordinator::answer;
    using role = call_coordinator::role;
    call_coordinator::limits bounds;
    bounds.participants = 3;
    bounds.subscribers = 1;
    bounds.longest = 1000;
    call_coordinator live{"c", "o", bounds, 0};
    call_coordinator other = live;
    // The other one is torn down and brought back after every step.
    const auto both = [&](auto step) {
        const auto first = step(live);
        const auto second = step(other);
        other = *call_coordinator::restore(other.snapshot(), bounds);
        EXPECT_EQ(live, other) << live.snapshot();
        EXPECT_EQ(first, second);
        return first;
    };
    const auto admit = [&](const char* user, role who, const char* over, const char* jti,
                           wall_seconds expires, wall_seconds now) {
        return both([&](auto& one) { return one.admit({user, who, over, jti, expires}, now); });
    };
    EXPECT_EQ(admit("a", role::publisher, "moq", "1", 60, 0), answer::admitted);
    EXPECT_EQ(admit("a", role::publisher, "moq", "1", 60, 1), answer::replayed);
    EXPECT_EQ(admit("a", role::publisher, "webrtc", "1", 60, 1), answer::admitted) << "another way";
    EXPECT_EQ(admit("b", role::subscriber, "moq", "2", 60, 60), answer::expired);
    EXPECT_EQ(admit("b", role::subscriber, "moq", "3", 90, 60), answer::admitted);
    EXPECT_EQ(admit("c", role::subscriber, "moq", "4", 90, 60), answer::full) << "subscribers";
    EXPECT_EQ(admit("c", role::publisher, "moq", "5", 90, 60), answer::admitted);
    EXPECT_EQ(admit("d", role::publisher, "moq", "6", 90, 60), answer::full);
    EXPECT_EQ(admit("b", role::subscriber, "webrtc", "7", 90, 61), answer::admitted) << "again";
    const auto epoch = live.epoch();
    both([](auto& one) { return one.take_path(media_path::moq), 0; });
    both([](auto& one) { return one.take_path(media_path::moq), 0; });
    EXPECT_EQ(live.epoch(), epoch + 1);
    EXPECT_TRUE(both([](auto& one) { return one.leave("c"); }));
    EXPECT_FALSE(both([](auto& one) { return one.leave("c"); }));
    EXPECT_EQ(admit("a", role::publisher, "moq", "8", 2000, 1000), answer::ended) << "too long";
    EXPECT_EQ(call_coordinator::restore("{}", bounds), std::nullopt);
    EXPECT_EQ(call_coordinator::restore("[1", bounds), std::nullopt);
}

TEST_F(calls_test, who_is_in_and_what_was_used_survive) {
    const auto made = make("/calls", {{"name", "room"}, {"participants", 2}});
    EXPECT_EQ(made["name"], "room");
    EXPECT_EQ(made["participants"], 2);
    EXPECT_EQ(made["subscribers"], 8);
    const auto path = "/calls/" + made["id"].get<std::string>();
    EXPECT_EQ(use(of(made, "ann", "1")), outcome::fresh);
    EXPECT_EQ(use(of(made, "ann", "1")), outcome::used);
    const auto before = get(path);
    EXPECT_EQ(before["members"]["ann"]["role"], "publisher");
    restart();
    EXPECT_EQ(get(path), before);
    EXPECT_EQ(use(of(made, "ann", "1")), outcome::used);
    const auto known = api_->used();
    ASSERT_EQ(known.size(), 1u);
    EXPECT_EQ(known[0].jti, "kid_1/1");
    EXPECT_EQ(use(of(made, "ann", "1", true, "webrtc")), outcome::fresh) << "another way";
    EXPECT_EQ(use(of(made, "bob", "2")), outcome::fresh);
    EXPECT_EQ(use(of(made, "eve", "3")), outcome::refused) << "the cap survives, too";
    EXPECT_EQ(use(of(made, "eve", "3")), outcome::used) << "and the token is used up";
    make("/calls", {{"name", "room"}}, 409);
}

TEST_F(calls_test, a_call_that_nobody_made_has_the_usual_limits) {
    const auto org = get("/orgs")["orgs"][0]["id"].get<std::string>();
    make("/limits", {{"name", "subscribers_per_call"}, {"value", 1}});
    const api_json call{{"org", org}, {"name", "ad hoc"}};
    EXPECT_EQ(use(of(call, "ann", "1", false)), outcome::fresh);
    EXPECT_EQ(use(of(call, "bob", "2", false)), outcome::refused);
    EXPECT_EQ(use(of(call, "bob", "3", true)), outcome::fresh);
    ASSERT_EQ(get("/calls")["calls"].size(), 1u);
    EXPECT_EQ(get("/calls")["calls"][0]["subscribers"], 1);
    auto late = of(call, "ann", "4");
    late.expires = wall_time() - 1;
    EXPECT_EQ(use(late), outcome::refused);
}

TEST_F(calls_test, tokens_are_made_for_those_who_are_in) {
    const auto made = make("/calls", api_json::object());
    const auto path = "/calls/" + made["id"].get<std::string>();
    const api_json wanted{{"user", "ann"}, {"transport", {"moq"}}, {"ttl", 600}};
    const auto first = make(path + "/tokens", wanted, 200);
    EXPECT_EQ(first["ttl"], 120) << "never longer";
    EXPECT_EQ(first["namespace"],
              "call/" + made["org"].get<std::string>() + "/" + made["id"].get<std::string>());
    const api_json again{
        {"user", "ann"}, {"seat", first["seat"]}, {"transport", {"webrtc", "moq"}}};
    make(path + "/renew", again, 403); // not in yet
    EXPECT_EQ(use(of(made, "ann", "1")), outcome::fresh);
    const auto next = make(path + "/renew", again, 200);
    EXPECT_NE(next["token"], first["token"]);
    EXPECT_FALSE(next.contains("seat"));
    auto stolen = again;
    stolen["user"] = "eve";
    make(path + "/renew", stolen, 401);
    stolen["seat"] = "0";
    make(path + "/renew", stolen, 401);
    make("/calls/ca_none/renew", again, 401);
    for (const auto& wrong : {api_json::array(), api_json{"pigeon"}}) {
        auto bad = wanted;
        bad["transport"] = wrong;
        make(path + "/tokens", bad, 422);
    }
    restart();
    make(path + "/renew", again, 200); // the seat is as good as before
}

TEST_F(calls_test, who_leaves_takes_his_tokens_along) {
    const auto made = make("/calls", api_json::object());
    const auto path = "/calls/" + made["id"].get<std::string>();
    for (const auto* user : {"ann", "bob"})
        EXPECT_EQ(use(of(made, user, user)), outcome::fresh);
    const auto seat =
        make(path + "/tokens", {{"user", "ann"}, {"transport", {"moq"}}}, 200)["seat"];
    EXPECT_EQ(ask("POST", path + "/leave", {{"user", "eve"}}).status, 404u);
    EXPECT_EQ(ask("POST", path + "/leave", {{"user", "ann"}}).status, 204u);
    ASSERT_EQ(doors()->revoked->all().size(), 1u);
    EXPECT_EQ(doors()->revoked->all()[0].id, "ann") << "as its token names itself";
    make(path + "/renew", {{"user", "ann"}, {"seat", seat}, {"transport", {"moq"}}}, 403);
    EXPECT_EQ(get(path)["state"], "live");
    EXPECT_EQ(ask("DELETE", path).status, 204u);
    EXPECT_EQ(ask("DELETE", path).status, 204u) << "said twice";
    EXPECT_EQ(get(path)["state"], "ended");
    EXPECT_EQ(doors()->revoked->all().size(), 2u);
    EXPECT_EQ(use(of(made, "bob", "late")), outcome::refused);
    make(path + "/tokens", {{"user", "bob"}, {"transport", {"moq"}}}, 409);
    restart();
    EXPECT_EQ(get(path)["state"], "ended");
    EXPECT_EQ(use(of(made, "bob", "later")), outcome::refused);
}

TEST_F(calls_test, what_lasts_too_long_ends) {
    const auto made = make("/calls", {{"longest", 1}});
    EXPECT_EQ(use(of(made, "ann", "1")), outcome::fresh);
    const auto path = "/calls/" + made["id"].get<std::string>();
    for (int i = 0; i < 60 && get(path)["state"] == "live"; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(get(path)["state"], "ended");
    EXPECT_EQ(doors()->revoked->all().size(), 1u);
}

} // namespace
} // namespace moqrtc::reference
