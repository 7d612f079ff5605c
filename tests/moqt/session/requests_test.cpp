#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/scenario.hpp>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

/// A request kind, from one of the sides.
struct ask {
    draft version = draft::d18;
    request_kind what = request_kind::subscribe;
    bool by_server = false;
};

std::string ask_name(const ::testing::TestParamInfo<ask>& info) {
    constexpr const char* names[]{"none",
                                  "subscribe",
                                  "publish",
                                  "fetch",
                                  "track_status",
                                  "publish_namespace",
                                  "subscribe_namespace",
                                  "subscribe_tracks"};
    return "draft_" + std::to_string(number(info.param.version)) + "_" +
           names[static_cast<std::size_t>(info.param.what)] +
           (info.param.by_server ? "_by_server" : "_by_client");
}

std::vector<ask> every_ask() {
    std::vector<ask> out;
    for (const auto version : spoken_drafts)
        for (auto what = request_kind::subscribe; what <= request_kind::subscribe_tracks;
             what = static_cast<request_kind>(static_cast<int>(what) + 1))
            for (const bool by_server : {false, true}) {
                if (what == request_kind::subscribe_tracks && !rules_for(version).subscribe_tracks)
                    continue;
                out.push_back({version, what, by_server});
            }
    return out;
}

class requests : public ::testing::TestWithParam<ask> {
protected:
    void SetUp() override {
        pair = std::make_unique<sim_pair<>>(config_of(GetParam().version));
        ASSERT_TRUE(pair->establish());
    }
    void TearDown() override {
        EXPECT_EQ(pair->link().statistics().violations, 0u)
            << pair->link().statistics().last_violation;
        pair->release();
        EXPECT_EQ(pair->client_pool.used(), 0u);
        EXPECT_EQ(pair->server_pool.used(), 0u);
    }
    [[nodiscard]] const wire_rules& rules() const { return rules_for(GetParam().version); }
    [[nodiscard]] session& asker() {
        return GetParam().by_server ? pair->server_session() : pair->client_session();
    }
    [[nodiscard]] session& answerer() {
        return GetParam().by_server ? pair->client_session() : pair->server_session();
    }
    [[nodiscard]] event_log& asker_log() {
        return GetParam().by_server ? pair->server() : pair->client();
    }
    [[nodiscard]] event_log& answerer_log() {
        return GetParam().by_server ? pair->client() : pair->server();
    }
    [[nodiscard]] instant now() const { return pair->now(); }
    void run() { pair->run_for(milliseconds(200)); }

    [[nodiscard]] bool is_subscription() const {
        return GetParam().what == request_kind::subscribe ||
               GetParam().what == request_kind::publish;
    }
    result<request_id> send() {
        const track_namespace space{"live", "a"};
        switch (GetParam().what) {
        case request_kind::subscribe:
            return asker().subscribe(now(), track());
        case request_kind::publish:
            return asker().publish(now(), track(), 3);
        case request_kind::fetch:
            return asker().fetch(now(), track(), {1, 0}, {2, 0});
        case request_kind::track_status:
            return asker().track_status(now(), track());
        case request_kind::publish_namespace:
            return asker().publish_namespace(now(), space);
        case request_kind::subscribe_namespace:
            return asker().subscribe_namespace(now(), space);
        default:
            return asker().subscribe_tracks(now(), space);
        }
    }
    result<void> answer_yes(request_id id) {
        switch (GetParam().what) {
        case request_kind::subscribe:
            return answerer().accept_subscribe(now(), id, 5);
        case request_kind::publish:
            return answerer().accept_publish(now(), id);
        case request_kind::fetch:
            return answerer().accept_fetch(now(), id, {2, 0}, false);
        default:
            return answerer().accept(now(), id);
        }
    }
    /// Sends the request and returns its identifier once it has arrived.
    request_id arrive() {
        const auto id = send();
        EXPECT_TRUE(id.has_value());
        run();
        const auto arrived = answerer_log().take(kind::requested);
        EXPECT_EQ(arrived.id, *id);
        EXPECT_EQ(arrived.request, GetParam().what);
        EXPECT_EQ(*id % 2, GetParam().by_server ? 1u : 0u);
        return *id;
    }
    void expect_open() {
        EXPECT_FALSE(asker().closed()) << text(asker_log().take(kind::closed).message);
        EXPECT_FALSE(answerer().closed()) << text(answerer_log().take(kind::closed).message);
    }
    void expect_no_requests() {
        EXPECT_EQ(asker().request_count(), 0u);
        EXPECT_EQ(answerer().request_count(), 0u);
    }

    std::unique_ptr<sim_pair<>> pair;
};

} // namespace

INSTANTIATE_TEST_SUITE_P(all, requests, ::testing::ValuesIn(every_ask()), ask_name);

TEST_P(requests, accepted) {
    const auto id = arrive();
    ASSERT_TRUE(answer_yes(id));
    run();
    const auto accepted = asker_log().take(kind::accepted);
    EXPECT_EQ(accepted.id, id);
    EXPECT_EQ(accepted.request, GetParam().what);
    expect_open();
    if (GetParam().what == request_kind::track_status) expect_no_requests();
}

TEST_P(requests, rejected) {
    const auto id = arrive();
    ASSERT_TRUE(answerer().reject(now(), id, request_error_code::does_not_exist, "no such thing",
                                  seconds(2)));
    run();
    const auto rejected = asker_log().take(kind::rejected);
    EXPECT_EQ(rejected.id, id);
    EXPECT_EQ(rejected.request, GetParam().what);
    // The registries of draft 14 for what publishers ask have no such error.
    const auto what = GetParam().what;
    const bool named = rules().unified_errors ||
                       (what != request_kind::publish && what != request_kind::publish_namespace);
    EXPECT_EQ(rejected.request_error,
              named ? request_error_code::does_not_exist : request_error_code::internal_error);
    const auto message = rejected.as<msg::request_error>();
    ASSERT_TRUE(message);
    EXPECT_EQ(as_text(message->reason), "no such thing");
    EXPECT_EQ(message->retry_interval, rules().retry_interval ? 2001u : 0u);
    expect_open();
    expect_no_requests();
    if (rules().request_streams) {
        EXPECT_EQ(pair->link().open_streams(), 2u);
    } // control streams
}

TEST_P(requests, answered_once_only) {
    const auto id = arrive();
    ASSERT_TRUE(answer_yes(id));
    EXPECT_FALSE(answer_yes(id));
    EXPECT_FALSE(answerer().reject(now(), id, request_error_code::timeout, ""));
    EXPECT_FALSE(answerer().reject(now(), id + 2, request_error_code::timeout, ""));
    run();
    EXPECT_EQ(asker_log().count(kind::accepted), 1u);
    EXPECT_EQ(asker_log().count(kind::rejected), 0u);
    expect_open();
}

TEST_P(requests, only_the_fitting_answer_is_taken) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what != request_kind::subscribe) {
        EXPECT_FALSE(answerer().accept_subscribe(now(), id, 1));
    }
    if (what != request_kind::publish) {
        EXPECT_FALSE(answerer().accept_publish(now(), id));
    }
    if (what != request_kind::fetch) {
        EXPECT_FALSE(answerer().accept_fetch(now(), id, {}, false));
    }
    if (is_subscription() || what == request_kind::fetch) {
        EXPECT_FALSE(answerer().accept(now(), id));
    }
    EXPECT_TRUE(answer_yes(id));
    EXPECT_FALSE(asker().accept(now(), id)) << "the asker cannot answer itself";
    run();
    expect_open();
}

TEST_P(requests, cancelled_by_the_asker_before_an_answer) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::publish) {
        ASSERT_TRUE(asker().publish_done(now(), id, publish_done_code::track_ended, ""));
    } else if (!rules().request_streams && what == request_kind::track_status) {
        EXPECT_FALSE(asker().cancel(now(), id)) << "no message for it";
        return;
    } else {
        ASSERT_TRUE(asker().cancel(now(), id));
    }
    run();
    expect_open();
    EXPECT_EQ(asker().request_count(), 0u);
    if (what == request_kind::publish) return; // PUBLISH_DONE tells the subscriber, see below
    EXPECT_EQ(answerer_log().take(kind::cancelled).id, id);
    EXPECT_EQ(answerer().request_count(), 0u);
    EXPECT_FALSE(answer_yes(id));
}

TEST_P(requests, cancelled_by_the_asker_after_yes) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::track_status) GTEST_SKIP() << "over with its answer";
    ASSERT_TRUE(answer_yes(id));
    run();
    if (what == request_kind::publish) {
        ASSERT_TRUE(asker().publish_done(now(), id, publish_done_code::subscription_ended, "over"));
    } else {
        ASSERT_TRUE(asker().cancel(now(), id));
    }
    run();
    expect_open();
    if (what == request_kind::publish) {
        const auto done = answerer_log().take(kind::publish_done);
        EXPECT_EQ(done.id, id);
        EXPECT_EQ(done.publish_done, in_draft(rules(), publish_done_code::subscription_ended)
                                         ? publish_done_code::subscription_ended
                                         : publish_done_code::internal_error);
        EXPECT_EQ(as_text(done.as<msg::publish_done>()->reason), "over");
    } else {
        EXPECT_EQ(answerer_log().take(kind::cancelled).id, id);
    }
    expect_no_requests();
    if (rules().request_streams) {
        EXPECT_EQ(pair->link().open_streams(), 2u);
    }
}

TEST_P(requests, revoked_by_the_answerer_after_yes) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::track_status) GTEST_SKIP() << "over with its answer";
    ASSERT_TRUE(answer_yes(id));
    run();
    if (what == request_kind::subscribe) {
        ASSERT_TRUE(answerer().publish_done(now(), id, publish_done_code::track_ended, "over"));
        run();
        EXPECT_EQ(asker_log().take(kind::publish_done).publish_done,
                  publish_done_code::track_ended);
    } else if (rules().request_streams || what == request_kind::publish ||
               what == request_kind::publish_namespace ||
               (what == request_kind::subscribe_namespace && rules().namespace_streams)) {
        ASSERT_TRUE(answerer().cancel(now(), id));
        run();
        EXPECT_EQ(asker_log().take(kind::cancelled).id, id);
    } else {
        EXPECT_FALSE(answerer().cancel(now(), id)) << "no message for it";
        return;
    }
    expect_open();
    expect_no_requests();
}

TEST_P(requests, cancel_crosses_the_answer) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::track_status && !rules().request_streams) GTEST_SKIP();
    ASSERT_TRUE(answer_yes(id));
    if (what == request_kind::publish) {
        ASSERT_TRUE(asker().publish_done(now(), id, publish_done_code::track_ended, ""));
    } else {
        ASSERT_TRUE(asker().cancel(now(), id));
    }
    run();
    expect_open();
    expect_no_requests();
}

TEST_P(requests, rejection_crosses_the_cancel) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::track_status && !rules().request_streams) GTEST_SKIP();
    ASSERT_TRUE(answerer().reject(now(), id, request_error_code::internal_error, ""));
    if (what == request_kind::publish) {
        ASSERT_TRUE(asker().publish_done(now(), id, publish_done_code::track_ended, ""));
    } else {
        ASSERT_TRUE(asker().cancel(now(), id));
    }
    run();
    expect_open();
    expect_no_requests();
}

TEST_P(requests, updated) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::track_status) GTEST_SKIP() << "over with its answer";
    ASSERT_TRUE(answer_yes(id));
    run();
    // The subscriber updates a subscription, whoever started it; the requester everything else.
    auto& from = what == request_kind::publish ? answerer() : asker();
    auto& to = what == request_kind::publish ? asker() : answerer();
    auto& from_log = what == request_kind::publish ? answerer_log() : asker_log();
    auto& to_log = what == request_kind::publish ? asker_log() : answerer_log();
    message_params params;
    if (is_subscription() || what == request_kind::fetch) params.subscriber_priority = 9;
    const auto update = from.update(now(), id, params);
    if (!is_subscription() && !rules().update_all_requests) {
        ASSERT_FALSE(update);
        EXPECT_EQ(update.error().code, errc::not_in_draft);
        return;
    }
    ASSERT_TRUE(update);
    run();
    const auto asked = to_log.take(kind::update_requested);
    ASSERT_EQ(asked.what, kind::update_requested);
    EXPECT_EQ(asked.id, id);
    EXPECT_EQ(asked.update_id, *update);
    if (is_subscription()) {
        EXPECT_EQ(to.subscription(id)->subscriber_priority, 9);
    }
    ASSERT_TRUE(to.accept_update(now(), *update));
    run();
    const auto answered = from_log.take(kind::update_accepted);
    EXPECT_EQ(answered.id, id);
    EXPECT_EQ(answered.update_id, *update);
    expect_open();

    const auto second = from.update(now(), id, params);
    const auto third = from.update(now(), id, params);
    ASSERT_TRUE(second && third);
    run();
    EXPECT_EQ(to_log.count(kind::update_requested), 2u);
    ASSERT_TRUE(to.accept_update(now(), *second));
    ASSERT_TRUE(to.accept_update(now(), *third));
    run();
    EXPECT_EQ(from_log.take(kind::update_accepted).update_id, *second);
    EXPECT_EQ(from_log.take(kind::update_accepted).update_id, *third);
    EXPECT_FALSE(to.accept_update(now(), *third));
    expect_open();
}

TEST_P(requests, a_refused_update_ends_what_the_draft_ends) {
    const auto id = arrive();
    const auto what = GetParam().what;
    if (what == request_kind::track_status) GTEST_SKIP() << "over with its answer";
    if (!is_subscription() && !rules().update_all_requests) GTEST_SKIP() << "not in this draft";
    ASSERT_TRUE(answer_yes(id));
    run();
    auto& from = what == request_kind::publish ? answerer() : asker();
    auto& to = what == request_kind::publish ? asker() : answerer();
    auto& from_log = what == request_kind::publish ? answerer_log() : asker_log();
    const auto update = from.update(now(), id, {});
    ASSERT_TRUE(update);
    run();
    ASSERT_TRUE(to.reject_update(now(), *update, request_error_code::not_supported, "no"));
    run();
    if (rules().unified_errors) { // before, an update has no answer
        const auto refused = from_log.take(kind::update_rejected);
        EXPECT_EQ(refused.update_id, *update);
        EXPECT_EQ(refused.request_error, request_error_code::not_supported);
    }
    if (is_subscription()) {
        EXPECT_EQ(from_log.take(kind::publish_done).publish_done,
                  rules().unified_errors ? publish_done_code::update_failed
                                         : publish_done_code::internal_error);
        expect_no_requests();
    } else if (rules().request_streams && what != request_kind::fetch) {
        EXPECT_EQ(from_log.count(kind::cancelled), 1u);
        expect_no_requests();
    }
    expect_open();
}

TEST_P(requests, the_parameters_of_an_ok_arrive) {
    if (GetParam().what != request_kind::subscribe) GTEST_SKIP();
    const auto id = arrive();
    message_params told;
    told.largest_object = location{4, 2};
    told.expires = 3000;
    ASSERT_TRUE(answerer().accept_subscribe(now(), id, 5, told));
    run();
    const auto accepted = asker_log().take(kind::accepted);
    EXPECT_EQ(accepted.ok_params().largest_object, (location{4, 2}));
    EXPECT_EQ(accepted.ok_params().expires, 3000u);
    EXPECT_EQ(asker().subscription(id)->alias, 5u);
    EXPECT_EQ(asker().subscription(id)->largest, (location{4, 2}));
    EXPECT_EQ(answerer().subscription(id)->largest, (location{4, 2}));
}
