// HTTP/3 connections of a server with a client of the test's own: what our programs never do.
#include <asio/post.hpp>

#include <common/certificate.hpp>
#include <common/clock.hpp>
#include <common/quic_endpoint.hpp>
#include <common/webtransport_client.hpp>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <server/http3_connection.hpp>
#include <string>
#include <vector>

namespace moqrtc::reference {
namespace {

/// What a test knows of a MoQT session; outlives it.
struct talk {
    std::unique_ptr<moqt::session> session;
    moqt_link* link = nullptr;
    std::string door;
    bool established = false;
    std::vector<std::string> requests; ///< tracks that the other side asked for
    std::optional<close_info> ended;
};

/// A session of either side, which writes down what happens.
class talk_link final : public moqt_link {
public:
    talk_link(moqt_carrier& carrier, std::shared_ptr<talk> target, buffer_pool& pool,
              moqt::role self)
        : moqt_link{carrier}, talk_{std::move(target)}, pool_{&pool}, self_{self} {
        talk_->link = this;
    }
    ~talk_link() override { talk_->link = nullptr; }

protected:
    moqt::session* open_session(instant now, moqt::draft version) override {
        moqt::session_config config;
        config.self = self_;
        config.version = version;
        config.webtransport = true;
        talk_->door = carrier().webtransport_path().value_or("none");
        talk_->session = std::make_unique<moqt::session>(now, config, *pool_);
        return talk_->session.get();
    }
    void drain(instant) override {
        while (auto e = talk_->session->poll_event()) {
            if (e->what == moqt::event::kind::established) talk_->established = true;
            if (e->what != moqt::event::kind::requested) continue;
            if (const auto m = e->as<moqt::msg::subscribe>())
                talk_->requests.emplace_back(as_text(m->track_name));
        }
    }
    void ended(instant, const close_info& info) override { talk_->ended = info; }

private:
    std::shared_ptr<talk> talk_;
    buffer_pool* pool_;
    moqt::role self_;
};

/// A client that asks for several things on one connection.
class probe final : public webtransport_connection {
public:
    struct answer {
        unsigned status = 0;
        std::map<std::string, std::string> fields;
        std::string body;
        bool over = false;
    };

    probe(quic_connection& connection, buffer_pool& pool,
          const webtransport::connection_config& config)
        : webtransport_connection{connection, pool, config}, talk_pool_{&pool} {}

    std::shared_ptr<talk> open(std::string path, std::vector<std::string_view> offered,
                               std::string_view origin = {}) {
        auto fresh = std::make_shared<talk>();
        const auto stream =
            static_cast<webtransport::session_id>(*transport().open_bidirectional());
        auto& session = add_session(path, [&](moqt_carrier& carrier) {
            return std::make_unique<talk_link>(carrier, fresh, *talk_pool_, moqt::role::client);
        });
        name(session, stream);
        sessions[stream] = &session;
        webtransport::session_request request;
        request.authority = "127.0.0.1:4443";
        request.path = path;
        request.origin = origin;
        request.protocols = offered;
        EXPECT_TRUE(machine().connect(steady_now(), stream, request));
        transport().wake();
        last = stream;
        return fresh;
    }
    answer& get(std::string_view path, std::string_view method = "GET",
                std::vector<webtransport::field> fields = {}) {
        const auto stream = static_cast<webtransport::stream_id>(*transport().open_bidirectional());
        EXPECT_TRUE(
            machine().request(steady_now(), stream, {method, "127.0.0.1:4443", path, fields}));
        transport().wake();
        return answers[stream];
    }

    std::map<webtransport::stream_id, webtransport_session*> sessions;
    std::map<webtransport::stream_id, answer> answers;
    std::map<webtransport::stream_id, std::string> protocols; ///< that the server chose
    webtransport::stream_id last = 0;
    bool left = false; ///< the server takes no more requests

private:
    void started(instant) override {}
    void handle(instant now, const webtransport::event& event) override {
        using kind = webtransport::event::kind;
        auto& at = answers[event.stream];
        switch (event.what) {
        case kind::session_opened: {
            at.status = 200;
            protocols[event.stream] = event.text();
            const auto version = moqt::draft_of(event.text()).value_or(moqt::draft::d16);
            EXPECT_TRUE(sessions[event.stream]->link().begin(now, version));
            break;
        }
        case kind::session_refused:
        case kind::response:
            at.status = event.status;
            for (const auto [key, value] : event.fields)
                at.fields[std::string{key}] = value;
            break;
        case kind::content:
            at.body += event.text();
            break;
        case kind::goaway:
            left = true;
            break;
        case kind::finished:
        case kind::aborted:
            at.over = true;
            break;
        default:
            break;
        }
    }
    void session_over(instant now, webtransport_session& session, const close_info& info) override {
        end(now, session, info);
    }

    buffer_pool* talk_pool_;
};

class http3_test : public ::testing::Test {
protected:
    http3_test() {
        host.drafts = {moqt::draft::d18, moqt::draft::d16};
        host.connection.self = webtransport::role::server;
        host.pool = &pool;
        host.decide = [this](const door_request& request) { return doors.decide(request); };
        host.make_link = [this](moqt_carrier& carrier) {
            accepted.push_back(std::make_shared<talk>());
            return std::make_unique<talk_link>(carrier, accepted.back(), pool, moqt::role::server);
        };
        host.answer = [this](const http_request& request, const http_server::reply& reply) {
            http_response out;
            out.body = file;
            out.etag = "\"1\"";
            asked.push_back(request);
            reply(request.path == "/file" ? out : plain_text(404, "nothing"));
        };
        host.post = [this](std::function<void()> work) { asio::post(context, std::move(work)); };
    }
    ~http3_test() override {
        client.reset(); // what they hold of the pool goes before the pool
        server.reset();
    }

    void start() {
        auto identity = make_certificate({}, std::chrono::system_clock::now());
        auto trust = tls_client::make({tls_trust::mode::anyone, {}, {}});
        ASSERT_TRUE(identity && trust);
        auto tls = tls_server::make(*identity, {"h3"});
        ASSERT_TRUE(tls);
        server = std::make_unique<quic_endpoint>(context, config);
        ASSERT_FALSE(server->listen(*socket_address::parse("127.0.0.1", 0), false, *tls,
                                    [this](quic_connection& connection, std::string_view) {
                                        return std::make_unique<http3_connection>(connection, host);
                                    }));
        auto quiet = config;
        quiet.keep_alive = {}; // as browsers are
        client = std::make_unique<quic_endpoint>(context, quiet);
        webtransport::connection_config offer;
        offer.dialects = dialects;
        client->connect({"127.0.0.1", server->local().port(), "", {"h3"}, *trust},
                        [&](quic_connection& connection) {
                            near = &connection;
                            auto made = std::make_unique<probe>(connection, pool, offer);
                            asking = made.get();
                            return made;
                        });
        ASSERT_TRUE(run_until([&] { return near->is_open(); }));
    }
    template <class Condition>
    [[nodiscard]] bool run_until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        while (!condition()) {
            if (std::chrono::steady_clock::now() >= end) return false;
            context.restart();
            context.run_one_for(std::chrono::milliseconds{5});
        }
        return true;
    }
    [[nodiscard]] unsigned status_of(webtransport::stream_id stream) {
        (void)run_until([&] { return asking->answers[stream].status != 0; });
        return asking->answers[stream].status;
    }

    asio::io_context context{1};
    buffer_pool pool;
    open_doors doors{{{"same"}, {}}};
    // Draft 02 lets several sessions share a connection without limits of their own.
    webtransport::dialect_set dialects =
        webtransport::dialect_set::only(webtransport::dialect::draft_02);
    quic_config config;
    std::string file = "small";
    std::vector<http_request> asked;
    std::vector<std::shared_ptr<talk>> accepted;
    http3_host host;
    std::unique_ptr<quic_endpoint> server;
    std::unique_ptr<quic_endpoint> client;
    quic_connection* near = nullptr;
    probe* asking = nullptr;
};

moqt::full_track_name track(std::string_view name) {
    moqt::full_track_name out;
    out.space.append(as_bytes(std::string_view{"space"}));
    out.name = name;
    return out;
}

TEST_F(http3_test, several_sessions_share_a_connection) {
    start();
    const std::vector<std::shared_ptr<talk>> here{
        asking->open("/moq", {"moqt-16", "moqt-18"}),
        asking->open("/publish/a?token=x", {"moqt-16"}),
        asking->open("/playback/b", {"moqt-99", "moqt-18"}),
    };
    ASSERT_TRUE(run_until([&] {
        return std::ranges::all_of(here, [](const auto& one) { return one->established; }) &&
               accepted.size() == 3 &&
               std::ranges::all_of(accepted, [](const auto& one) { return one->established; });
    }));
    EXPECT_EQ(accepted[0]->door, "/moq");
    EXPECT_EQ(accepted[1]->door, "/publish/a");
    EXPECT_EQ(accepted[2]->door, "/playback/b");
    EXPECT_EQ(accepted[0]->session->rules().id, moqt::draft::d18);
    EXPECT_EQ(accepted[1]->session->rules().id, moqt::draft::d16);
    EXPECT_EQ(accepted[2]->session->rules().id, moqt::draft::d18);

    // A request of each arrives in its own session.
    for (std::size_t i = 0; i < here.size(); ++i) {
        ASSERT_TRUE(here[i]->session->subscribe(steady_now(), track(std::string(i + 1, 't'))));
        here[i]->link->settle(steady_now());
    }
    ASSERT_TRUE(run_until([&] {
        return std::ranges::all_of(accepted,
                                   [](const auto& one) { return !one->requests.empty(); });
    }));
    for (std::size_t i = 0; i < here.size(); ++i)
        EXPECT_EQ(accepted[i]->requests, std::vector{std::string(i + 1, 't')});

    // One ends, with its code and reason; the others go on.
    here[1]->session->close(steady_now(), moqt::close_code::unauthorized, "go");
    here[1]->link->settle(steady_now());
    ASSERT_TRUE(run_until([&] { return accepted[1]->ended && here[1]->ended; }));
    EXPECT_EQ(accepted[1]->ended->why, close_info::cause::application);
    EXPECT_EQ(accepted[1]->ended->code, 0x2u);
    EXPECT_EQ(accepted[1]->ended->reason, "go");
    EXPECT_TRUE(accepted[1]->ended->by_peer);
    EXPECT_FALSE(here[1]->ended->by_peer);
    ASSERT_TRUE(here[2]->session->subscribe(steady_now(), track("later")));
    here[2]->link->settle(steady_now());
    ASSERT_TRUE(run_until([&] { return accepted[2]->requests.size() == 2; }));

    // The end of the connection ends them all.
    near->close(0x100, "");
    ASSERT_TRUE(run_until([&] { return accepted[0]->ended && accepted[2]->ended; }));
    EXPECT_EQ(accepted[0]->ended->why, close_info::cause::application);
    EXPECT_EQ(accepted[0]->ended->code, 0u);
    EXPECT_EQ(here[0]->ended->by_peer, false);
}

TEST_F(http3_test, a_session_that_the_server_ends) {
    start();
    const auto here = asking->open("/moq", {"moqt-18"});
    ASSERT_TRUE(run_until([&] { return here->established && accepted.size() == 1; }));
    accepted[0]->session->close(steady_now(), moqt::close_code::internal_error, "over");
    accepted[0]->link->settle(steady_now());
    ASSERT_TRUE(run_until([&] { return here->ended.has_value(); }));
    EXPECT_EQ(here->ended->reason, "over");
    EXPECT_TRUE(here->ended->by_peer);
    // The connection is still good for another one.
    const auto next = asking->open("/moq", {"moqt-18"});
    EXPECT_TRUE(run_until([&] { return next->established; }));
}

TEST_F(http3_test, silence_does_not_end_a_session) {
    config.idle_timeout = seconds(1);
    start();
    const auto here = asking->open("/moq", {"moqt-18"});
    ASSERT_TRUE(run_until([&] { return here->established; }));
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{2500};
    ASSERT_TRUE(run_until([&] { return here->ended || std::chrono::steady_clock::now() > end; }));
    EXPECT_FALSE(here->ended) << here->ended->reason;
}

TEST_F(http3_test, a_server_that_leaves_lets_sessions_go_on) {
    start();
    const auto here = asking->open("/moq", {"moqt-18"});
    ASSERT_TRUE(run_until([&] { return here->established; }));
    ASSERT_EQ(host.open.size(), 1u);
    (*host.open.begin())->leave(steady_now());
    ASSERT_TRUE(run_until([&] { return asking->left; }));
    ASSERT_TRUE(here->session->subscribe(steady_now(), track("t")));
    here->link->settle(steady_now());
    EXPECT_TRUE(run_until([&] { return accepted[0]->requests.size() == 1; }));
}

TEST_F(http3_test, what_is_refused_has_no_session) {
    start();
    const std::vector<std::string_view> drafts{"moqt-18"};
    (void)asking->open("/nothing", drafts);
    EXPECT_EQ(status_of(asking->last), 404u);
    (void)asking->open("/moq", drafts, "https://evil.example");
    EXPECT_EQ(status_of(asking->last), 403u);
    (void)asking->open("/moq", {"moqt-99", "other"});
    EXPECT_EQ(status_of(asking->last), 400u);
    (void)asking->open("/moq", {});
    EXPECT_EQ(status_of(asking->last), 400u);
    host.decide = [](const door_request& request) {
        EXPECT_EQ(request.query, "token=bad");
        EXPECT_EQ(request.fields->value("wt-available-protocols"), "\"moqt-18\"");
        return door_answer{401, "no"};
    };
    (void)asking->open("/moq?token=bad", drafts);
    EXPECT_EQ(status_of(asking->last), 401u);
    EXPECT_TRUE(accepted.empty());
    EXPECT_EQ(host.statistics.sessions_refused, 5u);
    EXPECT_EQ(host.statistics.sessions_total, 0u);
}

TEST_F(http3_test, a_client_that_offers_no_draft) {
    host.fallback = moqt::draft::d16;
    start();
    const auto here = asking->open("/moq", {}, "http://localhost:8080");
    ASSERT_TRUE(run_until([&] { return here->established; }));
    EXPECT_EQ(asking->protocols[asking->last], "");
    EXPECT_EQ(accepted[0]->session->rules().id, moqt::draft::d16);
    // What is offered and not known is refused all the same.
    (void)asking->open("/moq", {"moqt-99"});
    EXPECT_EQ(status_of(asking->last), 400u);
}

// Draft 14 has no name over WebTransport; clients of others use the one that it has in ALPN.
TEST_F(http3_test, the_name_that_draft_14_has_in_alpn) {
    host.drafts = {moqt::draft::d18, moqt::draft::d14};
    start();
    const auto here = asking->open("/moq", {"moq-00"});
    ASSERT_TRUE(run_until([&] { return here->established; }));
    EXPECT_EQ(asking->protocols[asking->last], "moq-00");
    EXPECT_EQ(accepted[0]->session->rules().id, moqt::draft::d14);
}

TEST_F(http3_test, every_dialect) {
    for (const auto dialect : webtransport::all_dialects) {
        dialects = webtransport::dialect_set::only(dialect);
        start();
        const auto here = asking->open("/moq", {"moqt-18"});
        EXPECT_TRUE(run_until([&] { return here->established; })) << to_string(dialect);
        client.reset();
        server.reset();
    }
}

TEST_F(http3_test, plain_requests) {
    file.assign(300'000, 'x');
    file[200'000] = 'y';
    start();
    auto& got = asking->get("/file?query");
    auto& head = asking->get("/file", "HEAD");
    auto& known = asking->get("/file", "GET", {{"if-none-match", "\"1\""}});
    auto& missing = asking->get("/none");
    auto& posted = asking->get("/file", "POST");
    ASSERT_TRUE(run_until(
        [&] { return got.over && head.over && known.over && missing.over && posted.over; }));
    EXPECT_EQ(got.status, 200u);
    EXPECT_EQ(got.fields["content-length"], "300000");
    EXPECT_EQ(got.fields["etag"], "\"1\"");
    EXPECT_TRUE(got.body == file);
    EXPECT_EQ(head.status, 200u);
    EXPECT_EQ(head.fields["content-length"], "300000");
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(known.status, 304u);
    EXPECT_EQ(known.body, "");
    EXPECT_EQ(missing.status, 404u);
    EXPECT_EQ(missing.body, "nothing\n");
    EXPECT_EQ(posted.status, 405u);
    EXPECT_EQ(posted.fields["allow"], "GET, HEAD");
    EXPECT_EQ(asked.front().path, "/file");
    EXPECT_EQ(asked.front().query, "query");
    EXPECT_EQ(asked.front().host, "127.0.0.1:4443");
    EXPECT_EQ(host.statistics.requests, 5u);
}

TEST_F(http3_test, requests_beside_sessions_and_abandoned_ones) {
    file.assign(3'000'000, 'x');
    start();
    const auto here = asking->open("/moq", {"moqt-18"});
    auto& got = asking->get("/file");
    auto& again = asking->get("/file");
    ASSERT_TRUE(run_until([&] { return here->established; }));
    ASSERT_TRUE(run_until([&] { return got.over && again.over; }));
    EXPECT_EQ(got.body.size(), file.size());
    (void)asking->get("/file");
    near->close(0x100, "");
    ASSERT_TRUE(run_until([&] { return accepted[0]->ended.has_value(); }));
    ASSERT_TRUE(run_until([&] { return server->connections() == 0; }));
    EXPECT_TRUE(run_until([&] { return client->connections() == 0; }));
    accepted.clear();
    here->session.reset();
    EXPECT_EQ(pool.used(), 0u);
}

} // namespace
} // namespace moqrtc::reference
