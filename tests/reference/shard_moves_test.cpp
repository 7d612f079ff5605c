// Clients that change their address, at a shard where tokens count: real sockets, a new one each
// time.
#include <asio/io_context.hpp>

#include <auth/support.hpp>
#include <chrono>
#include <common/certificate.hpp>
#include <common/clock.hpp>
#include <common/moqt_connection.hpp>
#include <common/webtransport_client.hpp>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <server/shard.hpp>
#include <string>

namespace moqrtc::reference {
namespace {

using moqt::track_namespace;

/// What a test knows of its session; outlives it.
struct talk {
    std::unique_ptr<moqt::session> session;
    moqt_link* link = nullptr;
    bool established = false;
    std::map<moqt::request_id, moqt::event::kind> answers;
    std::optional<close_info> ended;
};

class talk_link final : public moqt_link {
public:
    talk_link(moqt_carrier& carrier, std::shared_ptr<talk> target, buffer_pool& pool)
        : moqt_link{carrier}, talk_{std::move(target)}, pool_{&pool} {
        talk_->link = this;
    }
    ~talk_link() override { talk_->link = nullptr; }

protected:
    moqt::session* open_session(instant now, moqt::draft version) override {
        moqt::session_config config;
        config.self = moqt::role::client;
        config.version = version;
        config.webtransport = carrier().webtransport_path().has_value();
        config.authority = "127.0.0.1";
        config.path = "/moq";
        talk_->session = std::make_unique<moqt::session>(now, config, *pool_);
        return talk_->session.get();
    }
    void drain(instant) override {
        using kind = moqt::event::kind;
        while (auto e = talk_->session->poll_event()) {
            if (e->what == kind::established) talk_->established = true;
            if (e->what == kind::accepted || e->what == kind::rejected ||
                e->what == kind::cancelled)
                talk_->answers[e->id] = e->what;
        }
    }
    void ended(instant, const close_info& info) override { talk_->ended = info; }

private:
    std::shared_ptr<talk> talk_;
    buffer_pool* pool_;
};

class shard_moves : public ::testing::TestWithParam<transport_choice> {
protected:
    shard_moves() {
        auto identity = make_certificate({}, std::chrono::system_clock::now());
        EXPECT_TRUE(identity);
        const auto secrets = quic_secrets::random();
        shard::config config;
        config.drafts = {moqt::draft::d18};
        config.doors = std::make_shared<open_doors>(open_doors::config{{"any"}, {}});
        config.used = std::make_shared<used_tokens>(nullptr);
        config.webtransport.dialects = webtransport::dialect_set::all();
        machine = std::make_unique<shard>(std::uint8_t{0}, config, secrets,
                                          [](instant, const auto&, std::string_view) {});
        auto keys = std::make_shared<auth::key_set>();
        EXPECT_TRUE(keys->add(auth::test::crypto(), signer.key, "acme"));
        access.keys = keys;
        access.required = true;
        machine->use_access(std::make_shared<const access_snapshot>(access));
        const auto tls = tls_server::make(*identity, {"moqt-18", std::string{http3_protocol}});
        EXPECT_TRUE(tls);
        EXPECT_FALSE(machine->listen(*socket_address::parse("127.0.0.1", 0), false, *tls));
        machine->start();
        client = std::make_unique<quic_endpoint>(context, quic_config{});
        trust = *tls_client::make({tls_trust::mode::anyone, {}, {}});
    }
    ~shard_moves() override {
        client.reset();
        machine.reset();
    }

    void connect() {
        link = std::make_shared<talk>();
        const auto port = std::to_string(machine->local().port());
        const bool web = GetParam() == transport_choice::webtransport;
        const offered_drafts_list drafts{moqt::draft::d18};
        const auto where =
            *parse_locator((web ? "https://127.0.0.1:" : "moqt://127.0.0.1:") + port + "/moq");
        const connect_options to{"127.0.0.1", machine->local().port(), "",
                                 client_protocols(GetParam(), drafts), trust};
        client->connect(to, [&](quic_connection& connection) {
            return make_client_handler(connection, pool, {where, drafts},
                                       [this](moqt_carrier& carrier) {
                                           return std::make_unique<talk_link>(carrier, link, pool);
                                       });
        });
        ASSERT_TRUE(run_until([&] { return link->established; }));
        run_for(std::chrono::milliseconds{50});
    }
    moqt::request_id ask(const std::string& token) {
        const moqt::authorization_token one{.value = as_bytes(token)};
        moqt::message_params params;
        if (!token.empty()) params.authorization_tokens = moqt::token_list{std::span{&one, 1}};
        const auto now = steady_now();
        const track_namespace prefix{"call", "acme", "room", std::to_string(++asked)};
        const auto id = link->session->subscribe_namespace(
            now, prefix, moqt::msg::subscribe_options::namespaces, params);
        EXPECT_TRUE(id);
        link->link->settle(now);
        return id.value_or(UINT64_MAX);
    }
    [[nodiscard]] bool answered(moqt::request_id id, std::chrono::milliseconds limit) {
        return run_until([&] { return link->answers.contains(id); }, limit);
    }
    [[nodiscard]] std::string token() {
        auto by = signer.by();
        const auto now = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch());
        token_id = "t" + std::to_string(++made);
        return auth::mint(auth::test::crypto(), by,
                          auth::call_token{.call_id = "room",
                                           .user_id = "me",
                                           .transports = {auth::transport::moq},
                                           .organisation = "acme",
                                           .token_id = token_id},
                          {now.count()})
            ->token;
    }
    void revoke(const std::string& id) {
        auto list = std::make_shared<auth::revocations>(*access.revoked);
        ASSERT_TRUE(list->add({.of = auth::revocations::what::token, .id = id}));
        access.revoked = list;
        std::promise<void> done;
        machine->post([&] {
            machine->use_access(std::make_shared<const access_snapshot>(access));
            done.set_value();
        });
        done.get_future().get();
    }
    shard_report report() {
        std::promise<shard_report> out;
        machine->post([&] { out.set_value(machine->report(false)); });
        return out.get_future().get();
    }
    std::uint64_t migrations() { return report().quic.migrations; }
    template <class Condition>
    [[nodiscard]] bool run_until(Condition condition,
                                 std::chrono::milliseconds limit = std::chrono::seconds{10}) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() >= end) return false;
            context.restart();
            context.run_one_for(std::chrono::milliseconds{5});
        }
        return true;
    }
    void run_for(std::chrono::milliseconds time) {
        (void)run_until([] { return false; }, time);
    }
    quic_connection& connection() { return link->link->transport(); }

    static constexpr std::chrono::milliseconds soon{5000};
    static constexpr std::chrono::milliseconds long_enough{400};
    auth::test::pair signer = auth::test::make_pair(signature_algorithm::eddsa, "k1");
    access_snapshot access;
    buffer_pool pool;
    asio::io_context context{1};
    std::shared_ptr<const tls_client> trust;
    std::unique_ptr<shard> machine;
    std::unique_ptr<quic_endpoint> client;
    std::shared_ptr<talk> link;
    std::string token_id;
    int asked = 0;
    int made = 0;
};

TEST_P(shard_moves, who_has_shown_nothing_stays_where_he_is) {
    connect();
    ASSERT_TRUE(connection().rebind());
    EXPECT_FALSE(answered(ask(token()), long_enough));
    EXPECT_EQ(migrations(), 0u);
    // Nor with a word.
    connect();
    ASSERT_TRUE(connection().migrate());
    EXPECT_FALSE(answered(ask(token()), long_enough));
    EXPECT_EQ(migrations(), 0u);
}

TEST_P(shard_moves, who_is_known_goes_on_until_that_is_taken_back) {
    std::uint64_t moves = 0;
    std::uint64_t revoked = 0;
    for (const bool on_purpose : {false, true}) { // or as an address that a NAT changed
        connect();
        const auto first = ask(token());
        ASSERT_TRUE(answered(first, soon));
        ASSERT_EQ(link->answers[first], moqt::event::kind::accepted);
        ASSERT_TRUE(on_purpose ? connection().migrate() : connection().rebind());
        ASSERT_TRUE(answered(ask(token()), soon));
        ASSERT_TRUE(run_until([&] { return migrations() == moves + 1; }));
        ++moves;
        // What is revoked ends its requests; behind this door the session itself stays.
        for (int i = 1; i <= made; ++i)
            revoke("t" + std::to_string(i));
        revoked += 2;
        EXPECT_EQ(report().relay.revoked, revoked);
        ASSERT_TRUE(answered(ask({}), soon)) << "from where it is";
        ASSERT_FALSE(link->ended);
        ASSERT_TRUE(connection().rebind());
        EXPECT_FALSE(answered(ask(token()), long_enough));
        EXPECT_EQ(migrations(), moves);
    }
}

INSTANTIATE_TEST_SUITE_P(transports, shard_moves,
                         ::testing::Values(transport_choice::quic, transport_choice::webtransport),
                         [](const auto& chosen) {
                             return chosen.param == transport_choice::quic ? "quic"
                                                                           : "webtransport";
                         });

} // namespace
} // namespace moqrtc::reference
