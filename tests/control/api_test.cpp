#include "api_fixture.hpp"

#include <fstream>
#include <set>

namespace moqrtc::reference {
namespace {

TEST_F(control_test, a_stream_key_is_told_once) {
    const auto made = make("/live_inputs", {{"name", "studio"}, {"kind", "rtmp"}});
    const auto id = made["id"].get<std::string>();
    const auto key = made["stream_key"].get<std::string>();
    EXPECT_TRUE(id.starts_with("lv_"));
    EXPECT_EQ(made["namespace"], "stream/" + made["org"].get<std::string>() + "/" + id);
    EXPECT_EQ(doors()->namespace_of(id), made["namespace"].get<std::string>());
    EXPECT_EQ(doors()->inputs.at(id).kind, input_kind::rtmp);
    for (const auto* path : {"/live_inputs", "/live_inputs/"}) {
        const auto text = ask("GET", path[12] == 0 ? path : path + id).body;
        EXPECT_EQ(text.find(key), text.npos);
        EXPECT_EQ(text.find("digest"), text.npos);
        EXPECT_NE(text.find(id), text.npos);
    }
    EXPECT_TRUE(opens(id, key, 0));
    EXPECT_FALSE(opens(id, key + "x", 0));

    const auto fresh = make("/live_inputs/" + id + "/rotate", {{"grace", 60}}, 200);
    const auto until = doors()->inputs.at(id).key.previous_until.seconds;
    EXPECT_TRUE(opens(id, fresh["stream_key"], until));
    EXPECT_TRUE(opens(id, key, until - 1));
    EXPECT_FALSE(opens(id, key, until));
    const auto last = make("/live_inputs/" + id + "/rotate", nullptr, 200);
    EXPECT_FALSE(opens(id, fresh["stream_key"], 0));
    EXPECT_TRUE(opens(id, last["stream_key"], 0));
    EXPECT_EQ(ask("PATCH", "/live_inputs/" + id, {{"enabled", false}}).status, 200u);
    EXPECT_FALSE(opens(id, last["stream_key"], 0));
    EXPECT_EQ(ask("DELETE", "/live_inputs/" + id).status, 204u);
    EXPECT_EQ(doors()->namespace_of(id), std::nullopt);
    EXPECT_EQ(ask("DELETE", "/live_inputs/" + id).status, 404u);
}

TEST_F(control_test, mistakes_are_named) {
    const std::tuple<const char*, const char*, api_json, unsigned, const char*> wrong[] = {
        {"POST", "/live_inputs", {{"kind", "tape"}}, 422, "kind"},
        {"POST", "/live_inputs", {{"name", 7}}, 422, "name"},
        {"POST", "/live_inputs", {{"name", std::string(201, 'a')}}, 422, "name"},
        {"POST", "/live_inputs", {{"name", "a\nb"}}, 422, "name"},
        {"POST", "/live_inputs", {{"digest", "00"}}, 422, "digest"},
        {"POST", "/live_inputs", {{"nonsense", 1}}, 422, "nonsense"},
        {"POST", "/live_inputs", "{", 400, ""},
        {"POST", "/live_inputs", "[]", 400, ""},
        {"POST", "/live_inputs", std::string(64, '['), 400, ""},
        {"POST", "/api_keys", {{"name", "a"}}, 422, "scopes"},
        {"POST", "/api_keys", {{"name", "a"}, {"scopes", api_json::array()}}, 422, "scopes"},
        {"POST", "/api_keys", {{"name", "a"}, {"scopes", {"root"}}}, 422, "scopes"},
        {"POST", "/webhooks", {{"url", "ftp://a/b"}}, 422, "url"},
        {"POST", "/commands", {{"device", "dv_none"}, {"kind", "reboot"}}, 422, "device"},
        {"POST", "/limits", {{"name", "streams"}, {"value", -1}}, 422, "value"},
        {"POST", "/limits", {{"name", "streams"}, {"value", 1.5}}, 422, "value"},
        {"GET", "/live_inputs?limit=0", nullptr, 422, "limit"},
        {"GET", "/live_inputs?after=x", nullptr, 422, "after"},
        {"GET", "/nothing", nullptr, 404, ""},
        {"GET", "/live_inputs/lv_none", nullptr, 404, ""},
        {"PUT", "/live_inputs", nullptr, 405, ""},
        {"POST", "/kill/everything", nullptr, 404, ""},
        {"DELETE", "/sessions/0.1.2", nullptr, 404, ""},
    };
    for (const auto& [method, path, body, status, named] : wrong) {
        const auto answer = ask(method, path, body);
        EXPECT_EQ(answer.status, status) << path << body << answer.body;
        EXPECT_EQ(answer.content_type, "application/problem+json");
        const auto problem = api_json::parse(answer.body);
        EXPECT_EQ(problem["status"], status);
        EXPECT_EQ(problem.value("field", ""), named) << answer.body;
    }
    EXPECT_EQ(ask("PUT", "/live_inputs").allow, "POST, GET");
    EXPECT_EQ(get("/live_inputs")["live_inputs"].size(), 0u);
}

TEST_F(control_test, lists_come_in_pages) {
    for (int i = 0; i < 5; ++i)
        make("/assets", {{"name", std::to_string(i)}, {"live_input", i < 3 ? "lv_a" : "lv_b"}});
    std::string seen;
    std::string next = "0";
    for (int pages = 0; pages < 3; ++pages) {
        const auto page = get("/assets?limit=2&after=" + next);
        for (const auto& one : page["assets"])
            seen += one["name"].get<std::string>();
        EXPECT_EQ(page["next"].is_null(), pages == 2);
        if (pages < 2) next = page["next"].get<std::string>();
    }
    EXPECT_EQ(seen, "01234");
    EXPECT_EQ(get("/assets?live_input=lv_b")["assets"].size(), 2u);
    const auto one = get("/assets")["assets"][0];
    EXPECT_EQ(doors()->namespace_of(one["playback_id"].get<std::string>()),
              doors()->namespace_of(one["id"].get<std::string>()));
}

TEST_F(control_test, asked_again_nothing_new_is_made) {
    once_ = "abc";
    const auto first = make("/live_inputs", {{"name", "a"}});
    const auto again = make("/live_inputs", {{"name", "a"}}, 200);
    EXPECT_EQ(first["id"], again["id"]);
    EXPECT_FALSE(again.contains("stream_key"));
    EXPECT_EQ(get("/live_inputs")["live_inputs"].size(), 1u);
    make("/assets", {{"name", "another operation"}});
    // Keys are made in a transaction of their own, which is part of this one.
    const auto key = make("/keys", api_json::object());
    EXPECT_EQ(make("/keys", api_json::object(), 200)["id"], key["id"]);
    // What is refused is not remembered.
    once_ = "def";
    make("/limits", {{"name", "streams"}, {"value", -1}}, 422);
    make("/limits", {{"name", "streams"}, {"value", 1}});
    make("/limits", {{"name", "streams"}, {"value", 1}}, 200);
}

TEST_F(control_test, commands_only_go_on) {
    const auto device = make("/devices", {{"name", "camera"}, {"account", "a1"}});
    const auto command =
        make("/commands", {{"device", device["id"]}, {"kind", "reboot"}, {"payload", {{"in", 5}}}});
    EXPECT_EQ(command["state"], "queued");
    const auto path = "/commands/" + command["id"].get<std::string>() + "/state";
    const auto put = [&](const char* state) {
        return ask("PUT", path, {{"state", state}, {"result", {{"was", state}}}}).status;
    };
    EXPECT_EQ(put("sent"), 200u);
    EXPECT_EQ(put("sent"), 200u) << "said twice";
    EXPECT_EQ(put("queued"), 422u);
    EXPECT_EQ(put("done"), 200u);
    EXPECT_EQ(put("acked"), 409u);
    EXPECT_EQ(put("failed"), 409u);
    EXPECT_EQ(get("/commands?state=done")["commands"][0]["result"]["was"], "done");
    // The device goes, and with it what it was to do.
    EXPECT_EQ(ask("DELETE", "/devices/" + device["id"].get<std::string>()).status, 204u);
    EXPECT_EQ(get("/commands")["commands"].size(), 0u);
}

TEST_F(control_test, a_used_token_is_used) {
    const auto use = [&](const char* jti, const char* transport) {
        std::promise<token_ledger::answer> promise;
        auto answer = promise.get_future();
        api_->redeem({.jti = jti, .transport = transport, .expires = wall_time() + 60},
                     [&](auto it) { promise.set_value(it); });
        return answer.get();
    };
    EXPECT_EQ(use("a", "moq"), token_ledger::answer::fresh);
    EXPECT_EQ(use("a", "moq"), token_ledger::answer::used);
    EXPECT_EQ(use("a", "webrtc"), token_ledger::answer::fresh);
    EXPECT_EQ(use("b", "moq"), token_ledger::answer::fresh);
}

TEST_F(control_test, streams_have_a_life_and_an_older_path) {
    const auto made = make("/streams", {{"name", "match"}});
    const auto id = made["id"].get<std::string>();
    EXPECT_EQ(made["namespace"], "stream/" + made["org"].get<std::string>() + "/" + id);
    const auto answer = ask("GET", "/streams/" + id);
    EXPECT_EQ(api_json::parse(answer.body)["state"], "live");
    EXPECT_EQ(make("/streams/" + id + "/end", nullptr, 200)["state"], "ended");
    EXPECT_EQ(get("/streams")["streams"].size(), 1u);
    EXPECT_EQ(ask("DELETE", "/streams/" + id).status, 204u);
    make("/limits", {{"name", "streams"}, {"value", 1}});
    make("/streams", api_json::object());
    make("/streams", api_json::object(), 429);
    make("/limits", {{"name", "streams"}, {"value", 2}}, 409); // there is one of that name
}

TEST_F(control_test, a_path_is_shut_and_opened) {
    EXPECT_EQ(ask("POST", "/kill/hls").status, 200u);
    EXPECT_TRUE(doors()->is_killed(media_path::hls));
    EXPECT_FALSE(doors()->is_killed(media_path::moq));
    EXPECT_EQ(get("/info")["kill"]["hls"], true);
    EXPECT_EQ(ask("DELETE", "/kill/hls").status, 200u);
    EXPECT_FALSE(doors()->is_killed(media_path::hls));
}

TEST_F(control_test, features_are_known_by_name) {
    EXPECT_EQ(get("/features"), (api_json{{"moq", true}, {"webhooks", true}, {"sfu", false}}));
    EXPECT_EQ(ask("PUT", "/features/sfu", {{"enabled", true}}).status, 200u);
    EXPECT_EQ(ask("PUT", "/features/teleport", {{"enabled", true}}).status, 404u);
    EXPECT_TRUE(doors()->has_feature("sfu"));
    EXPECT_FALSE(doors()->has_feature("teleport"));
    EXPECT_EQ(get("/info")["features"]["sfu"], true);
}

TEST_F(control_test, links_are_signed_by_keys_that_the_doors_know) {
    const auto input = make("/live_inputs", {{"name", "a"}})["id"].get<std::string>();
    for (const auto& [wanted, got] : {std::pair{1, 30}, {604800, 86400}, {60, 60}})
        EXPECT_EQ(make("/live_inputs/" + input + "/playback", {{"ttl", wanted}}, 200)["ttl"], got);
    const auto link = make("/playback", {{"id", input}}, 200);
    EXPECT_EQ(link["ttl"], 3600);
    EXPECT_NE(link["url"].get<std::string>().find("/playback/" + input + "?tok=ey"),
              std::string::npos);
    ASSERT_EQ(doors()->keys->size(), 1u);
    const auto first = get("/keys")["keys"][0]["id"].get<std::string>();
    EXPECT_EQ(get("/jwks")["keys"][0]["kid"], first);
    EXPECT_FALSE(get("/jwks")["keys"][0].contains("d"));
    make("/keys", {{"algorithm", "RS256"}});
    EXPECT_EQ(doors()->keys->size(), 2u);
    EXPECT_EQ(get("/keys/" + first)["state"], "retired");
    EXPECT_EQ(ask("DELETE", "/keys/" + first).status, 204u);
    EXPECT_EQ(doors()->keys->size(), 1u);
    EXPECT_TRUE(doors()->keys->named(first).empty());
    make("/revocations", {{"kind", "subject"}, {"value", "ann"}});
    EXPECT_EQ(doors()->revoked->all().size(), 1u);
}

TEST_F(control_test, pages_of_other_hosts_change_nothing) {
    origin_ = "https://elsewhere.example";
    EXPECT_EQ(ask("POST", "/live_inputs", api_json::object()).status, 403u);
    origin_ = "http://localhost:1234";
    EXPECT_EQ(ask("POST", "/live_inputs", api_json::object()).status, 201u);
}

TEST_F(control_test, description_has_every_route) {
    const auto text = api_json::parse(ask("GET", "/api/openapi.json").body);
    EXPECT_EQ(text["openapi"], "3.1.0");
    std::size_t operations = 0;
    std::set<std::string> names;
    for (const auto& [path, methods] : text["paths"].items())
        for (const auto& [method, one] : methods.items()) {
            ++operations;
            EXPECT_TRUE(names.insert(one["operationId"]).second) << path << method;
        }
    EXPECT_EQ(operations, all_routes().size()) << "two routes at one path and method";
}

class keyed_test : public control_test {
protected:
    keyed_test() : control_test{false} {}
};

TEST_F(keyed_test, keys_open_what_their_scopes_say) {
    EXPECT_EQ(ask("GET", "/info").status, 200u);
    EXPECT_EQ(ask("GET", "/jwks").status, 200u);
    const auto nobody = ask("GET", "/live_inputs");
    EXPECT_EQ(nobody.status, 401u);
    EXPECT_FALSE(nobody.authenticate.empty());
    EXPECT_EQ(ask("GET", "/live_inputs", nullptr, "mk_wrong").status, 401u);
}

TEST_F(kept_test, every_route_asks_for_its_scope) {
    struct server : control_test {
        explicit server(const std::filesystem::path& data) { start(false, data); }
        void TestBody() override {}
        using control_test::ask;
        using control_test::doors;
        using control_test::peer_;
    } here{data_};
    std::string admin;
    std::getline(std::ifstream{data_ / "admin-key"}, admin);
    const auto made = [&](const char* path, const api_json& body, unsigned status = 201) {
        const auto answer = here.ask("POST", path, body, admin);
        EXPECT_EQ(answer.status, status) << answer.body;
        return api_json::parse(answer.body);
    };
    const auto key_for = [&](const std::string& scope) {
        return made("/api_keys", {{"name", "k"}, {"scopes", {scope}}});
    };
    const auto input = made("/live_inputs", {{"name", "n"}})["id"];
    const auto media = made("/playback", {{"id", input}}, 200)["token"].get<std::string>();
    const auto taken_back = key_for("admin");
    EXPECT_EQ(here.ask("DELETE", "/api_keys/" + taken_back["id"].get<std::string>(), nullptr, admin)
                  .status,
              204u);
    struct row {
        const char* what;
        std::string key;
        unsigned status;
    };
    int number = 0;
    for (const auto& one : all_routes()) {
        if (one.scope.empty()) continue;
        const auto other = one.scope == "kill:read" ? "calls:read" : "kill:read";
        const row rows[] = {
            {"no key", "", 401},
            {"a wrong key", "mk_wrong", 401},
            {"a token of media", media, 401},
            {"a key that was taken back", taken_back["key"], 401},
            {"a key for something else", key_for(other)["key"], 403},
        };
        const auto path =
            one.path.substr(0, one.path.find('{')) +
            (one.path.find('{') == one.path.npos ? "" : "none") +
            (one.path.find('}') == one.path.npos ? "" : one.path.substr(one.path.find('}') + 1));
        const auto before = here.doors()->version;
        for (const auto& r : rows) {
            // Who guesses is locked out; here each comes from elsewhere.
            here.peer_ = "192.0.2." + std::to_string(++number);
            const auto answer = here.ask(one.method, path, nullptr, r.key);
            EXPECT_EQ(answer.status, r.status) << one.method << path << " with " << r.what;
            EXPECT_EQ(answer.authenticate.empty(), r.status != 401);
        }
        EXPECT_EQ(here.doors()->version, before) << "nothing has happened: " << path;
        const auto good = here.ask(one.method, path, nullptr, key_for(one.scope)["key"]);
        EXPECT_TRUE(good.status != 401 && good.status != 403) << one.method << path << good.body;
    }
    EXPECT_GT(number, 5 * 50);
}

TEST_F(kept_test, a_newer_schema_is_left_alone) {
    {
        const auto api = open();
    }
    {
        database file{data_ / "control.db"};
        file.run("PRAGMA user_version = 99");
    }
    const auto made = control_api::open({data_, true, false, "1"}, {});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().find("newer version"), std::string::npos) << made.error();
    std::ofstream{data_ / "pepper"} << "half a pepper";
    EXPECT_FALSE(control_api::open({data_, true, false, "1"}, {}));
}

TEST(access, sessions_have_names) {
    EXPECT_EQ(session_name::parse("1.22.333")->text(), "1.22.333");
    for (const auto* wrong :
         {"", "1", "1.2", "1.2.", "1.2.3.4", "a.b.c", "1..2", "-1.2.3", "1.2.3 "})
        EXPECT_FALSE(session_name::parse(wrong)) << wrong;
}

TEST(access, an_accounts_own_limit_wins) {
    access_snapshot all;
    all.limits = {{"o", "", "streams", 5}, {"o", "a", "streams", 2}, {"p", "", "streams", 9}};
    EXPECT_EQ(all.limit("o", "a", "streams"), 2u);
    EXPECT_EQ(all.limit("o", "b", "streams"), 5u);
    EXPECT_EQ(all.limit("o", "b", "sessions"), std::nullopt);
}

} // namespace
} // namespace moqrtc::reference
