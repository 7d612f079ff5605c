#include "server/configuration_file.hpp"
#include "server/environment.hpp"
#include "server/options.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

namespace moqrtc::reference {
namespace {

class server_configuration : public testing::Test {
protected:
    server_configuration() {
        for (const auto& row : environment_table())
            ::unsetenv(std::string{row.name}.c_str());
    }
    ~server_configuration() override { std::filesystem::remove(file_); }

    std::expected<server_settings, std::string> read(std::string_view content,
                                                     std::vector<std::string> flags = {}) {
        std::ofstream{file_, std::ios::binary} << content;
        std::vector<const char*> arguments{"moqrtc-server", "--config", file_.c_str()};
        for (const auto& flag : flags)
            arguments.push_back(flag.c_str());
        const auto line = read_command_line(static_cast<int>(arguments.size()), arguments.data());
        if (!line) return std::unexpected(line.error().err);
        return read_settings(*line);
    }

    std::filesystem::path file_ = std::filesystem::temp_directory_path() /
                                  ("server_configuration_" + std::to_string(::getpid()) + ".toml");
};

constexpr std::string_view good = R"(# a comment
listen = "127.0.0.1:5000"
upstream = ["moqt://a:1", "moqt://b:2/door"]
drain = 2.5
allow-plaintext = true
[cache]
bytes = "1GiB"
groups = 3
age = 60
[quic]
congestion = "reno"
)";

TEST_F(server_configuration, every_type_is_read) {
    const auto s = read(good);
    ASSERT_TRUE(s) << s.error();
    EXPECT_EQ(s->listen, "127.0.0.1:5000");
    EXPECT_EQ(s->upstream, (std::vector<std::string>{"moqt://a:1", "moqt://b:2/door"}));
    EXPECT_EQ(s->drain, duration{2'500'000});
    EXPECT_TRUE(s->allow_plaintext);
    EXPECT_EQ(s->relay.cache_bytes, std::size_t{1} << 30);
    EXPECT_EQ(s->relay.cache_groups, 3u);
    EXPECT_EQ(s->relay.cache_age, seconds(60));
    EXPECT_EQ(s->quic.congestion, congestion_control::reno);
}

TEST_F(server_configuration, messages_name_the_key_and_the_line) {
    const std::pair<const char*, const char*> wrong[] = {
        {"\nlisten = 3\n", ":2: listen: takes a string"},
        {"drain = \"3\"\n", ":1: drain: takes a number"},
        {"upstream = 3\n", ":1: upstream: takes an array of strings"},
        {"upstream = [1]\n", ":1: upstream: takes an array of strings"},
        {"no_such = 1\n", ":1: no_such: there is no such setting"},
        {"[cache]\n\nno_such = 1\n", ":3: cache.no_such: there is no such setting"},
        {"[cache]\n[cache.bytes]\na = 1\n", ": cache.bytes: takes"},
        {"threads = -3\n", ":1: threads: '-3' is not a whole number"},
        {"cache = 1\n", ":1: cache: there is no such setting"},
        {"[limits\n", ":1: "},
        {"listen = ", ":1: "},
        {"drain = nan\n", ":1: drain: "},
        {"\n\napi-keys = \"never\"\n", ":3: api-keys: "},
    };
    for (const auto& [content, message] : wrong) {
        const auto s = read(content);
        ASSERT_FALSE(s) << content;
        EXPECT_EQ(s.error().find(file_.string() + ":"), 0u) << s.error();
        EXPECT_NE(s.error().find(message), std::string::npos) << s.error();
    }
}

TEST_F(server_configuration, flags_win_over_environment_and_that_over_the_file) {
    EXPECT_EQ(read(good, {"--listen", "127.0.0.1:6000"})->listen, "127.0.0.1:6000");
    ::setenv("MOQT_PORT", "7000", 1);
    EXPECT_NE(read(good, {"--auth", "off"})->listen.find(":7000"), std::string::npos);
    EXPECT_EQ(read(good, {"--listen", "127.0.0.1:6000"})->listen, "127.0.0.1:6000");
    ::setenv("MOQT_PORT", "x", 1);
    EXPECT_EQ(read(good).error().find("MOQT_PORT: "), 0u);
    ::unsetenv("MOQT_PORT");
    ::setenv("MOQT_ROLE", "client", 1);
    EXPECT_EQ(read(good).error().find("MOQT_ROLE: "), 0u);
    ::unsetenv("MOQT_ROLE");
}

TEST_F(server_configuration, calls_are_set_up_by_the_environment) {
    const auto with = [&](const char* name, const char* value, auto check) {
        ::setenv(name, value, 1);
        const auto s = read("[limits]\npublishers = 7\n");
        ::unsetenv(name);
        check(s);
    };
    const auto taken = [](auto check) {
        return [check](const auto& s) {
            ASSERT_TRUE(s) << s.error();
            check(*s);
        };
    };
    const auto refused = [](const char* message) {
        return [message](const auto& s) {
            ASSERT_FALSE(s);
            EXPECT_EQ(s.error().find(message), 0u) << s.error();
        };
    };
    EXPECT_EQ(read("[limits]\npublishers = 7\n")->admission.publishers, 7u);
    with("MEDIA_MAX_PUBLISHERS", "3", taken([&](const server_settings& s) {
             EXPECT_EQ(s.admission.publishers, 3u) << "it wins over the file";
         }));
    with("MEDIA_MAX_PUBLISHERS", "-3", refused("MEDIA_MAX_PUBLISHERS: "));
    with("MEDIA_MAX_SUBSCRIBERS_PER_ROOM", "12",
         taken([](const server_settings& s) { EXPECT_EQ(s.admission.subscribers_per_room, 12u); }));
    with("MEDIA_MODE", "single_server_sfu",
         taken([](const server_settings& s) { EXPECT_EQ(s.mode, media_mode::single_server_sfu); }));
    with("MEDIA_MODE", "sfu", refused("MEDIA_MODE: "));
    const auto here = file_.parent_path().string();
    with("MEDIA_RECORDINGS_DIR", here.c_str(),
         taken([&](const server_settings& s) { EXPECT_EQ(s.recording_dir, here); }));
    with("MEDIA_RECORDINGS_DIR", "/nowhere/at/all", refused("recording.dir: /nowhere/at/all"));
    with("MEDIA_RECORDINGS_DIR", file_.c_str(), refused("recording.dir: "));
    with("TURN_USERNAME", "me", refused("TURN_USERNAME: turn.urls names no server"));
    ::setenv("TURN_URLS", "turn:a.example:3478,turns:b.example", 1);
    ::setenv("TURN_USERNAME", "me", 1);
    ::setenv("TURN_CREDENTIAL", "open sesame", 1);
    const auto turn = read("", {"--turn.username", "you"});
    ASSERT_TRUE(turn) << turn.error();
    EXPECT_EQ(turn->turn.urls,
              (std::vector<std::string>{"turn:a.example:3478", "turns:b.example"}));
    EXPECT_EQ(turn->turn.username, "you") << "flags win";
    EXPECT_EQ(turn->turn.credential, "open sesame");
    ::setenv("TURN_URLS", "a.example", 1);
    const auto wrong = read("");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().find("TURN_URLS: "), 0u);
    EXPECT_EQ(wrong.error().find("sesame"), std::string::npos);
    for (const char* name : {"TURN_URLS", "TURN_USERNAME", "TURN_CREDENTIAL"})
        ::unsetenv(name);
}

TEST_F(server_configuration, a_runner_s_container_has_defaults_of_its_own) {
    ::setenv("MOQT_ROLE", "relay", 1);
    ::setenv("MOQT_MLOG_DIR", "/somewhere", 1);
    const auto bare = read("");
    ASSERT_TRUE(bare) << bare.error();
    EXPECT_NE(bare->listen.find(":4443"), std::string::npos);
    EXPECT_EQ(bare->listen.find("127.0.0.1"), std::string::npos);
    EXPECT_EQ(bare->auth, auth_mode::off);
    EXPECT_EQ(bare->qlog_dir, "/somewhere");
    EXPECT_EQ(bare->quic.qlog_directory, "/somewhere");
    // What was asked for stays: the role never opens what a file has closed.
    const auto closed = read("auth = \"required\"\n");
    ASSERT_TRUE(closed) << closed.error();
    EXPECT_EQ(closed->auth, auth_mode::required);
    EXPECT_EQ(read("listen = \"127.0.0.1:7000\"\n")->listen, "127.0.0.1:7000");
    ::unsetenv("MOQT_MLOG_DIR");
    ::unsetenv("MOQT_ROLE");
}

TEST_F(server_configuration, flags) {
    const auto s = read("", {"--upstream", "moqt://a", "--upstream", "moqt://b", "--drafts",
                             "16,18", "--insecure-upstream", "--cache.replay=false", "--cache.age",
                             "1.5", "--limits.memory", "1GiB"});
    ASSERT_TRUE(s) << s.error();
    EXPECT_EQ(s->upstream.size(), 2u);
    EXPECT_EQ(s->drafts, (std::vector<std::string>{"16", "18"}));
    EXPECT_TRUE(s->insecure_upstream);
    EXPECT_FALSE(s->relay.replay);
    EXPECT_EQ(s->relay.cache_age, duration{1'500'000});
    EXPECT_EQ(s->memory, std::size_t{1} << 30);
    EXPECT_EQ(read("", {"--drain", "x"}).error().find("--drain: "), 0u);
    EXPECT_FALSE(read("", {"--no-such"}));
    EXPECT_FALSE(read("", {"--drain"}));
    EXPECT_FALSE(read("", {"stray"}));
}

TEST_F(server_configuration, files_cut_at_every_byte_and_noise_end_in_a_message) {
    const auto survives = [&](std::string_view text) {
        const auto s = read(text);
        EXPECT_TRUE(s || !s.error().empty());
    };
    for (std::size_t size = 0; size < good.size(); ++size)
        survives(good.substr(0, size));
    std::mt19937 dice{7};
    for (int i = 0; i < 200; ++i) {
        std::string text{good};
        for (int k = 0; k < 5; ++k)
            text[dice() % text.size()] = static_cast<char>(dice());
        survives(text);
    }
    EXPECT_FALSE(read(std::string(100'000, '[')));
    EXPECT_FALSE(read("upstream = " + std::string(100'000, '[')));
}

TEST_F(server_configuration, a_missing_file_is_named) {
    std::filesystem::remove(file_);
    const char* arguments[] = {"moqrtc-server", "--config", file_.c_str()};
    const auto s = read_settings(*read_command_line(3, arguments));
    ASSERT_FALSE(s);
    EXPECT_NE(s.error().find(file_.string()), std::string::npos);
}

TEST_F(server_configuration, help_and_version_end_early) {
    for (const char* flag : {"--help", "--version"}) {
        const char* arguments[] = {"moqrtc-server", flag};
        const auto line = read_command_line(2, arguments);
        ASSERT_FALSE(line);
        EXPECT_EQ(line.error().status, 0);
        EXPECT_FALSE(line.error().out.empty());
    }
}

} // namespace
} // namespace moqrtc::reference
