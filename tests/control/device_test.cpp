#include "api_fixture.hpp"

#include <chrono>
#include <thread>
#include <vector>

namespace moqrtc::reference {
namespace {

/// Two devices, and the token of one. Whoever sends no key may do everything.
class device_test : public control_test {
protected:
    device_test() : mine_(device("mine")), theirs_(device("theirs")), token_(token_of(mine_)) {}

    api_json device(const char* name) {
        return make("/devices", {{"name", name}, {"account", "inside"}});
    }
    std::string token_of(const api_json& device, int ttl = 60) {
        const api_json body{{"device", device["id"]}, {"key", device["key"]}, {"ttl", ttl}};
        return make("/devices/token", body, 200)["token"];
    }
    http_response as_device(std::string method, std::string path, const api_json& body = nullptr) {
        return ask(std::move(method), std::move(path), body, token_);
    }
    std::string made(const char* path, const api_json& body) { return make(path, body)["id"]; }

    api_json mine_;
    api_json theirs_;
    std::string token_;
};

TEST_F(device_test, own_streams_and_no_others) {
    const auto answer = as_device("POST", "/streams", {{"name", "door camera"}});
    ASSERT_EQ(answer.status, 201u) << answer.body;
    const auto own = api_json::parse(answer.body);
    EXPECT_EQ(own["device"], mine_["id"]) << "whoever says nothing means himself";
    const auto path = "/streams/" + own["id"].get<std::string>();
    const auto other = "/streams/" + made("/streams", {{"device", theirs_["id"]}});
    const auto nobodys = "/streams/" + made("/streams", api_json::object());

    EXPECT_EQ(as_device("POST", "/streams", {{"device", mine_["id"]}}).status, 201u);
    EXPECT_EQ(as_device("POST", "/streams", {{"device", theirs_["id"]}}).status, 403u);
    EXPECT_EQ(as_device("GET", path).status, 200u);
    for (const auto& not_mine : {other, nobodys})
        for (const auto& [method, more] :
             {std::pair{"GET", ""}, {"POST", "/end"}, {"GET", "/health"}, {"DELETE", ""}})
            EXPECT_EQ(as_device(method, not_mine + more).status, 403u)
                << method << not_mine << more;
    EXPECT_EQ(api_json::parse(ask("GET", other).body)["state"], "live") << "it was left alone";
    EXPECT_EQ(as_device("GET", "/streams/st_none").status, 404u);
    // The older path is the same door.
    // (`ask` puts nothing before a path that begins with it.)
    EXPECT_EQ(ask("POST", "/api/v1" + other + "/end", nullptr, token_).status, 403u);

    const auto listed = api_json::parse(as_device("GET", "/streams").body)["streams"];
    ASSERT_EQ(listed.size(), 2u);
    for (const auto& one : listed)
        EXPECT_EQ(one["device"], mine_["id"]);
    EXPECT_EQ(as_device("GET", "/streams?device=" + theirs_["id"].get<std::string>()).status, 403u);
    EXPECT_EQ(as_device("POST", path + "/end").status, 200u);
    EXPECT_EQ(as_device("DELETE", path).status, 204u);
}

TEST_F(device_test, own_commands_pairs_and_record) {
    const auto own = made("/commands", {{"device", mine_["id"]}, {"kind", "reboot"}});
    const auto other = made("/commands", {{"device", theirs_["id"]}, {"kind", "reboot"}});
    const auto pair = made("/pairs", {{"device", mine_["id"]}, {"viewer", "v"}});
    const auto foreign = made("/pairs", {{"device", theirs_["id"]}, {"viewer", "v"}});
    EXPECT_EQ(as_device("PUT", "/commands/" + own + "/state", {{"state", "acked"}}).status, 200u);
    EXPECT_EQ(as_device("PUT", "/commands/" + other + "/state", {{"state", "done"}}).status, 403u);
    EXPECT_EQ(as_device("GET", "/commands/" + other).status, 403u);
    EXPECT_EQ(api_json::parse(as_device("GET", "/commands").body)["commands"].size(), 1u);
    EXPECT_EQ(as_device("GET", "/pairs/" + pair).status, 200u);
    EXPECT_EQ(as_device("GET", "/pairs/" + foreign).status, 403u);
    EXPECT_EQ(api_json::parse(as_device("GET", "/pairs").body)["pairs"][0]["id"], pair);
    EXPECT_EQ(as_device("GET", "/devices/" + mine_["id"].get<std::string>()).status, 200u);
    EXPECT_EQ(as_device("GET", "/devices/" + theirs_["id"].get<std::string>()).status, 403u);
}

/// Every operation there is, in the order of the table.
TEST_F(device_test, the_rest_is_not_for_devices) {
    std::size_t refused = 0;
    for (const auto& one : all_routes()) {
        if (one.devices || one.scope.empty()) continue;
        auto path = one.path;
        for (auto open = path.find('{'); open != path.npos; open = path.find('{'))
            path.replace(open, path.find('}') - open + 1, "none");
        EXPECT_EQ(as_device(one.method, path, api_json::object()).status, 403u)
            << one.method << path;
        ++refused;
    }
    EXPECT_GT(refused, 40u);
}

TEST_F(device_test, a_token_is_good_as_long_as_its_device) {
    EXPECT_EQ(as_device("GET", "/streams").status, 200u);
    const auto short_one = token_of(mine_, 1);
    EXPECT_EQ(ask("GET", "/streams", nullptr, short_one).status, 200u);
    auto forged = token_;
    forged[forged.size() / 2] = forged[forged.size() / 2] == 'A' ? 'B' : 'A';
    EXPECT_EQ(ask("GET", "/streams", nullptr, forged).status, 401u);
    EXPECT_EQ(ask("GET", "/streams", nullptr, "a.b.c").status, 401u);
    const auto input = made("/live_inputs", {{"name", "a"}});
    const auto watch = make("/playback", {{"id", input}}, 200)["token"].get<std::string>();
    EXPECT_EQ(ask("GET", "/streams", nullptr, watch).status, 401u) << "of another profile";

    const auto path = "/devices/" + mine_["id"].get<std::string>();
    EXPECT_EQ(ask("PATCH", path, {{"enabled", false}}).status, 200u);
    EXPECT_EQ(as_device("GET", "/streams").status, 401u);
    EXPECT_EQ(ask("PATCH", path, {{"enabled", true}}).status, 200u);
    EXPECT_EQ(as_device("GET", "/streams").status, 200u);
    std::this_thread::sleep_for(std::chrono::milliseconds{1100});
    const auto late = ask("GET", "/streams", nullptr, short_one);
    EXPECT_EQ(late.status, 401u);
    EXPECT_NE(late.body.find("expired"), late.body.npos) << late.body;
    make("/revocations", {{"kind", "subject"}, {"value", mine_["id"]}});
    EXPECT_EQ(as_device("GET", "/streams").status, 401u);
    EXPECT_EQ(ask("DELETE", path).status, 204u);
    EXPECT_EQ(as_device("GET", "/streams").status, 401u);
}

TEST_F(device_test, events_of_a_device_are_its_own) {
    const auto listen = [&](const std::string& key) {
        auto heard = std::make_shared<std::vector<std::string>>();
        auto answer = ask("GET", "/events", nullptr, key);
        EXPECT_TRUE(answer.events);
        answer.events([heard](const std::string& text) { return heard->push_back(text), true; });
        return heard;
    };
    const auto own = listen(token_);
    const auto all = listen("");
    made("/commands", {{"device", theirs_["id"]}, {"kind", "reboot"}});
    made("/commands", {{"device", mine_["id"]}, {"kind", "reboot"}});
    ASSERT_EQ(own->size(), 1u);
    EXPECT_NE(own->front().find(mine_["id"].get<std::string>()), std::string::npos);
    EXPECT_EQ(all->size(), 2u);
}

TEST(registry, stale_streams_end) {
    database store{{}};
    store.run("INSERT INTO orgs (id, name, created) VALUES ('o', 'o', 0)");
    for (const auto* state : {"live", "ended"})
        store.run(
            "INSERT INTO streams (id, org, name, space, device, mode, state, started, created) "
            "VALUES (?1, 'o', '', 'live/' || ?1, 'dv', 'auto', ?1, 0, 0)",
            std::string_view{state});
    stream_registry all;
    all.load(store, 100);
    ASSERT_EQ(all.size(), 1u) << "what has ended stays so";
    EXPECT_EQ(all.device_of("live/live"), "dv");
    EXPECT_EQ(all.device_of("live/ended"), "");
    constexpr auto patience = stream_registry::patience;
    EXPECT_TRUE(all.stale(100 + patience).empty());
    EXPECT_EQ(all.stale(101 + patience), std::vector<std::string>{"live"});
    all.look({"live/live", "other"}, 50 + patience);
    EXPECT_TRUE(all.find("live")->published);
    EXPECT_TRUE(all.stale(1000 * patience).empty()) << "it is published";
    all.look({}, 60 + patience);
    EXPECT_TRUE(all.stale(50 + 2 * patience).empty());
    EXPECT_EQ(all.stale(51 + 2 * patience).size(), 1u);
    // Somebody else takes the namespace over; the first one's end leaves it to him.
    all.add("next", {"o", "live/live", "dv2", false, 200});
    all.remove("live");
    EXPECT_EQ(all.device_of("live/live"), "dv2");
    all.remove("next");
    EXPECT_EQ(all.device_of("live/live"), "");
}

TEST(access, listeners_may_ask_for_what_is_now) {
    access_directory all;
    std::vector<std::uint64_t> seen;
    all.watch([&](const auto& given) {
        EXPECT_EQ(all.current()->version, given->version);
        seen.push_back(given->version);
    });
    all.publish({});
    all.publish({});
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{0, 1, 2}));
}

} // namespace
} // namespace moqrtc::reference
