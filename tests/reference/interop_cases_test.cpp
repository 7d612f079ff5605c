#include <atomic>
#include <client/interop_cases.hpp>
#include <common/certificate.hpp>
#include <common/clock.hpp>
#include <common/moqt_connection.hpp>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <thread>

namespace moqrtc::reference {
namespace {

using objects = std::vector<interop_object>;

objects sent_objects() {
    objects out;
    for (std::uint64_t group = 0; group < 2; ++group)
        for (std::uint64_t object = 0; object < 3; ++object)
            out.push_back({{group, object}, interop_stage::payload({group, object}, 100)});
    return out;
}

/// What the comparison says, empty when it is content.
std::string complaint(const objects& arrived, moqt::location from = {}) {
    try {
        compare_objects(sent_objects(), arrived, from);
    } catch (const interop_failure& failure) {
        return failure.received;
    }
    return {};
}

TEST(interop_comparison, what_was_sent_is_good_in_any_order_of_groups) {
    EXPECT_EQ(complaint(sent_objects()), "");
    const auto all = sent_objects();
    EXPECT_EQ(complaint({all[3], all[0], all[4], all[1], all[2], all[5]}), "");
    auto with_end = all;
    with_end.push_back({{1, 3}, "", moqt::object_status::end_of_group});
    EXPECT_EQ(complaint(with_end), "");
}

TEST(interop_comparison, everything_else_is_told) {
    auto other = sent_objects();
    other[4].payload[50] ^= 1;
    EXPECT_EQ(complaint(other), "object 1:1 with other bytes");
    auto cut = sent_objects();
    cut[2].payload.pop_back();
    EXPECT_EQ(complaint(cut), "object 0:2 with other bytes");
    auto lost = sent_objects();
    lost.erase(lost.begin() + 1);
    EXPECT_EQ(complaint(lost), "object 0:1 is missing");
    EXPECT_EQ(complaint(lost, {1, 0}), "");
    auto twice = sent_objects();
    twice.push_back(twice[5]);
    EXPECT_EQ(complaint(twice), "object 1:2 came twice");
    auto mixed = sent_objects();
    std::swap(mixed[0], mixed[1]);
    EXPECT_EQ(complaint(mixed), "object 0:0 came behind 0:1");
    auto more = sent_objects();
    more.push_back({{7, 0}, "x"});
    EXPECT_EQ(complaint(more), "object 7:0 that nobody published");
}

enum class manner : std::uint8_t {
    silent, ///< sets up, and never answers a request
    no,     ///< refuses every request
    yes,    ///< agrees to every request, and does nothing of it
    leaves, ///< closes the session at the first request
};

/// What answers requests in a way that no relay should.
class wrong_link final : public moqt_link {
public:
    wrong_link(moqt_carrier& carrier, manner how, buffer_pool& pool)
        : moqt_link{carrier}, how_{how}, pool_{&pool} {}

protected:
    moqt::session* open_session(instant now, moqt::draft version) override {
        moqt::session_config config;
        config.self = moqt::role::server;
        config.version = version;
        session_ = std::make_unique<moqt::session>(now, std::move(config), *pool_);
        return session_.get();
    }
    void drain(instant now) override {
        while (const auto e = session_->poll_event())
            if (e->what == moqt::event::kind::requested) answer(now, *e);
    }
    void ended(instant, const close_info&) override {}

private:
    void answer(instant now, const moqt::event& e) {
        using moqt::request_kind;
        switch (how_) {
        case manner::silent:
            return;
        case manner::leaves:
            return session_->close(now, moqt::close_code::internal_error, "not my day");
        case manner::no:
            (void)session_->reject(now, e.id, moqt::request_error_code::not_supported, "no");
            return;
        case manner::yes:
            break;
        }
        if (e.request == request_kind::subscribe)
            (void)session_->accept_subscribe(now, e.id, 1000 + e.id);
        else if (e.request == request_kind::publish)
            (void)session_->accept_publish(now, e.id);
        else if (e.request == request_kind::fetch)
            (void)session_->accept_fetch(now, e.id, {0, 1}, false);
        else
            (void)session_->accept(now, e.id);
    }

    manner how_;
    buffer_pool* pool_;
    std::unique_ptr<moqt::session> session_;
};

/// A server of one manner on a thread of its own.
class wrong_server {
public:
    explicit wrong_server(manner how) {
        const auto identity = make_certificate({}, std::chrono::system_clock::now());
        endpoint_ = std::make_unique<quic_endpoint>(context_, quic_config{});
        const auto refused =
            endpoint_->listen(*socket_address::parse("127.0.0.1", 0), false,
                              *tls_server::make(*identity, {"moqt-18", "moqt-16"}),
                              [this, how](quic_connection& connection, std::string_view) {
                                  return std::make_unique<moqt_connection>(
                                      connection,
                                      [&](moqt_carrier& carrier) {
                                          return std::make_unique<wrong_link>(carrier, how, pool_);
                                      },
                                      offered_);
                              });
        EXPECT_FALSE(refused) << refused.message();
        port_ = endpoint_->local().port();
        thread_ = std::thread{[this] { context_.run(); }};
    }
    ~wrong_server() {
        context_.stop();
        thread_.join();
        endpoint_.reset();
    }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    offered_drafts_list offered_{moqt::draft::d18, moqt::draft::d16};
    buffer_pool pool_;
    asio::io_context context_{1};
    std::unique_ptr<quic_endpoint> endpoint_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

interop_options options_for(std::uint16_t port) {
    interop_options out;
    out.where = *parse_locator("moqt://127.0.0.1:" + std::to_string(port));
    out.transport = transport_choice::quic;
    out.drafts = {moqt::spoken_drafts.begin(), moqt::spoken_drafts.end()};
    out.trust.how = tls_trust::mode::anyone;
    return out;
}

/// The cases that pass. Those that should get all the time they want, the others none to waste.
std::set<std::string> passing(const interop_options& options, const std::set<std::string>& good) {
    std::set<std::string> out;
    for (const auto& cases : {runner_cases(), data_cases()})
        for (const auto& one : cases) {
            const bool should = good.contains(std::string{one.name});
            interop_stage stage{options, should ? one.limit : milliseconds(200)};
            try {
                one.play(stage);
                out.emplace(one.name);
            } catch (const interop_failure& failure) {
                EXPECT_FALSE(failure.expected.empty()) << one.name;
                EXPECT_FALSE(failure.received.empty()) << one.name;
            } catch (const interop_skip& skip) {
                ADD_FAILURE() << one.name << " skipped: " << skip.reason;
            }
        }
    return out;
}

TEST(interop_cases, each_fails_where_the_relay_does_not_do_it) {
    using name_set = std::set<std::string>;
    const std::map<manner, name_set> good{
        {manner::silent, {"setup-only"}},
        {manner::leaves, {"setup-only"}},
        {manner::no, {"setup-only", "subscribe-error"}},
        {manner::yes,
         {"setup-only", "announce-only", "publish-namespace-done", "announce-subscribe",
          "subscribe-before-announce"}},
    };
    for (const auto& [how, names] : good) {
        const wrong_server server{how};
        EXPECT_EQ(passing(options_for(server.port()), names), names) << static_cast<int>(how);
    }
}

TEST(interop_cases, nobody_there_is_told_apart) {
    interop_options options = options_for(1);
    interop_stage stage{options, seconds(1)};
    try {
        (void)stage.connect("client");
        FAIL() << "there is somebody";
    } catch (const interop_failure& failure) {
        EXPECT_TRUE(failure.unreachable);
    }
}

} // namespace
} // namespace moqrtc::reference
