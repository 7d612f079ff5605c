#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

class relay_fetch : public ::testing::TestWithParam<drafts> {
protected:
    /// Whether a fetch stream can leave out what nobody knows.
    [[nodiscard]] static bool says_gaps() {
        return is_range_end(rules_for(GetParam().to), fetch_bits::end_of_unknown_range);
    }
    request_id fetch(client& c, location start, location end, message_params params = {}) {
        const auto id = c.session().fetch(w.net.now(), {{"live"}, "video"}, start, end, params);
        w.flush(c);
        return id.value_or(UINT64_MAX);
    }
    request_id join(client& c, request_id subscription, std::uint64_t back) {
        const auto id = c.join(w.net.now(), subscription, back);
        w.flush(c);
        return id.value_or(UINT64_MAX);
    }
    static location end_of(const client& c, request_id id) {
        const auto* e = c.find(event::kind::accepted, id);
        const auto m = e == nullptr ? fail(errc::not_found, "") : e->as<msg::fetch_ok>();
        return m ? m->end : location{};
    }
    static message_params largest() {
        message_params p;
        p.subscription_filter = subscription_filter{};
        return p;
    }
    world w{};
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_fetch, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_fetch, late_joiner_gets_the_current_group_from_the_cache) {
    auto& p = w.publish(GetParam().from);
    auto& first = w.add(GetParam().to);
    w.subscribe(first, "video");
    w.send_groups(p, "video", 1, 2, 4);
    auto& late = w.add(GetParam().to);
    const auto id = w.subscribe(late, "video", largest());
    const auto joined = join(late, id, 0);
    ASSERT_TRUE(late.accepted(joined));
    EXPECT_EQ(late.got(joined), "2:0=2.0 2:1=2.1 2:2=2.2 2:3=2.3");
    EXPECT_EQ(late.finished[joined], 1);
    if (rules_for(GetParam().to).typed_fetch) {
        EXPECT_EQ(end_of(late, joined), (location{2, 4}));
    }
    w.send(p, "video", {2, 4}, "next");
    EXPECT_EQ(late.got(id), "2:4=next") << "fetch and subscription are contiguous";
    EXPECT_EQ(p.tracks["video"].fetched, 0) << "nothing was fetched upstream";
}

TEST_P(relay_fetch, joining_several_groups_back) {
    auto& p = w.publish(GetParam().from);
    auto& first = w.add(GetParam().to);
    w.subscribe(first, "video");
    w.send_groups(p, "video", 1, 4, 2);
    auto& late = w.add(GetParam().to);
    const auto id = w.subscribe(late, "video", largest());
    const auto joined = join(late, id, 2);
    EXPECT_EQ(late.got(joined), "2:0=2.0 2:1=2.1 3:0=3.0 3:1=3.1 4:0=4.0 4:1=4.1");
    EXPECT_EQ(p.tracks["video"].fetched, 0);
}

TEST_P(relay_fetch, joining_fetch_sent_right_behind_its_subscription) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {3, 0}, "a");
    p.send("video", {3, 1}, "b");
    auto& late = w.add(GetParam().to);
    // Neither has an answer yet, and the relay has no subscription upstream.
    const auto id = *late.session().subscribe(w.net.now(), {{"live"}, "video"}, largest());
    const auto joined = *late.join(w.net.now(), id, 0);
    w.flush(late);
    w.run(milliseconds(200));
    ASSERT_TRUE(late.accepted(id));
    ASSERT_TRUE(late.accepted(joined));
    EXPECT_EQ(late.got(joined), "3:0=a 3:1=b") << "fetched upstream";
    EXPECT_EQ(p.tracks["video"].fetched, 1);
    w.send(p, "video", {3, 2}, "c");
    EXPECT_EQ(late.got(id), "3:2=c");
    EXPECT_TRUE(w.node->relay.statistics().fetches_upstream == 1);
}

TEST_P(relay_fetch, what_was_fetched_upstream_serves_the_next_from_the_cache) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {3, 0}, "a");
    p.send("video", {3, 1}, "b");
    auto& one = w.add(GetParam().to);
    const auto a = w.subscribe(one, "video", largest());
    const auto f = join(one, a, 0);
    w.run(milliseconds(200));
    EXPECT_EQ(one.got(f), "3:0=a 3:1=b");
    auto& two = w.add(GetParam().to);
    const auto b = w.subscribe(two, "video", largest());
    const auto g = join(two, b, 0);
    EXPECT_EQ(two.got(g), "3:0=a 3:1=b");
    EXPECT_EQ(p.tracks["video"].fetched, 1);
}

TEST_P(relay_fetch, many_who_join_at_once_cost_one_fetch_upstream) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {3, 0}, "a");
    p.send("video", {3, 1}, "b");
    std::vector<std::pair<client*, request_id>> all;
    for (int i = 0; i < 10; ++i)
        all.emplace_back(&w.add(GetParam().to), 0);
    for (auto& [c, f] : all) {
        const auto id = *c->session().subscribe(w.net.now(), {{"live"}, "video"}, largest());
        f = *c->join(w.net.now(), id, 0);
        w.wake(*c);
    }
    w.run(milliseconds(500));
    for (auto& [c, f] : all)
        EXPECT_EQ(c->got(f), "3:0=a 3:1=b");
    EXPECT_EQ(p.tracks["video"].fetched, 1);
}

TEST_P(relay_fetch, standalone_range_from_the_cache) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send_groups(p, "video", 1, 3, 3);
    auto id = fetch(s, {1, 1}, {2, 2});
    EXPECT_EQ(s.got(id), "1:1=1.1 1:2=1.2 2:0=2.0 2:1=2.1");
    EXPECT_EQ(end_of(s, id), (location{2, 2}));
    id = fetch(s, {2, 0}, {2, 0}); // the whole group
    EXPECT_EQ(s.got(id), "2:0=2.0 2:1=2.1 2:2=2.2");
    id = fetch(s, {3, 2}, {9, 0}); // beyond the largest
    EXPECT_EQ(s.got(id), "3:2=3.2");
    EXPECT_EQ(end_of(s, id), (location{3, 3}));
    EXPECT_EQ(p.tracks["video"].fetched, 0);
}

TEST_P(relay_fetch, descending_order) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send_groups(p, "video", 1, 3, 2);
    message_params params;
    params.group_order = group_order::descending;
    const auto id = fetch(s, {1, 1}, {3, 0}, params);
    EXPECT_EQ(s.got(id), "3:0=3.0 3:1=3.1 2:0=2.0 2:1=2.1 1:1=1.1");
    EXPECT_EQ(p.tracks["video"].fetched, 0);
}

TEST_P(relay_fetch, without_a_subscription_the_publisher_is_asked) {
    auto& p = w.publish(GetParam().from);
    for (std::uint64_t g = 1; g <= 3; ++g)
        for (std::uint64_t o = 0; o < 2; ++o)
            p.send("video", {g, o}, std::to_string(g * 10 + o));
    auto& s = w.add(GetParam().to);
    const auto id = fetch(s, {1, 0}, {7, 0});
    w.run(milliseconds(200));
    ASSERT_TRUE(s.accepted(id));
    EXPECT_EQ(end_of(s, id), (location{3, 2}));
    EXPECT_EQ(s.got(id), "1:0=10 1:1=11 2:0=20 2:1=21 3:0=30 3:1=31");
    EXPECT_EQ(s.finished[id], 1);
}

TEST_P(relay_fetch, descending_from_upstream) {
    auto& p = w.publish(GetParam().from);
    for (std::uint64_t g = 1; g <= 3; ++g)
        p.send("video", {g, 0}, std::to_string(g));
    auto& s = w.add(GetParam().to);
    message_params params;
    params.group_order = group_order::descending;
    const auto id = fetch(s, {1, 0}, {3, 0}, params);
    w.run(milliseconds(200));
    EXPECT_EQ(s.got(id), "3:0=3 2:0=2 1:0=1");
}

TEST_P(relay_fetch, a_gap_in_the_cache_is_fetched_and_no_more) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "a"); // before anybody subscribed
    auto& s = w.add(GetParam().to);
    const auto sub = w.subscribe(s, "video");
    w.send(p, "video", {1, 1}, "b");
    w.send(p, "video", {1, 2}, "c");
    EXPECT_EQ(s.got(sub), "1:1=b 1:2=c");
    const auto id = fetch(s, {1, 0}, {1, 3});
    w.run(milliseconds(200));
    EXPECT_EQ(s.got(id), "1:0=a 1:1=b 1:2=c");
    ASSERT_EQ(p.tracks["video"].fetch_starts.size(), 1u);
    EXPECT_EQ(w.node->relay.statistics().objects_in, 3u) << "only what was missing";
}

TEST_P(relay_fetch, what_nobody_can_tell_is_marked_unknown) {
    auto& p = w.publish(GetParam().from);
    p.serves_fetch = false;
    p.send("video", {1, 0}, "a");
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 1}, "b");
    const auto id = fetch(s, {1, 0}, {1, 2});
    w.run(milliseconds(200));
    if (!says_gaps()) {
        EXPECT_EQ(s.refused(id), request_error_code::unknown_status_in_range);
        EXPECT_FALSE(s.accepted(id));
        return;
    }
    EXPECT_EQ(s.got(id), "1:1=b");
    ASSERT_EQ(s.count(event::kind::fetch_gap), 1u);
    const auto* gap = s.find(event::kind::fetch_gap, id);
    ASSERT_NE(gap, nullptr);
    EXPECT_TRUE(gap->gap_unknown);
    EXPECT_EQ(gap->item.location, (location{1, 0}));
    EXPECT_EQ(s.finished[id], 1);
}

// A publisher that serves no FETCH, and whose subscription brings what was asked for meanwhile.
TEST_P(relay_fetch, what_came_while_upstream_was_asked_is_not_unknown) {
    if (!says_gaps()) GTEST_SKIP() << "the fetch is reset";
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {2, 0}, "b");
    p.answers = false;
    const auto id = fetch(s, {1, 0}, {2, 1});
    EXPECT_EQ(s.got(id), "");
    w.send(p, "video", {1, 0}, "a");
    for (const auto& e : p.events)
        if (e.what == event::kind::requested && e.request == request_kind::fetch) {
            ASSERT_TRUE(p.session().reject(w.net.now(), e.id, request_error_code::not_supported,
                                           "no history"));
        }
    w.flush(p);
    w.run(milliseconds(200));
    EXPECT_EQ(s.got(id), "1:0=a 2:0=b");
    ASSERT_EQ(s.count(event::kind::fetch_gap), 1u) << "the rest of group 1";
    EXPECT_EQ(s.find(event::kind::fetch_gap, id)->item.location.group, 1u);
    EXPECT_EQ(s.finished[id], 1);
}

TEST_P(relay_fetch, what_is_cached_comes_ahead_of_what_nobody_can_tell) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "a");
    w.send(p, "video", {1, 2}, "c");
    p.serves_fetch = false;
    const auto id = fetch(s, {1, 0}, {1, 3});
    w.run(milliseconds(200));
    EXPECT_EQ(s.accepted(id), says_gaps());
    EXPECT_EQ(s.got(id), says_gaps() ? "1:0=a 1:2=c" : "1:0=a");
    EXPECT_EQ(s.finished[id], says_gaps() ? 1 : 0);
    EXPECT_EQ(w.node->relay.at(w.node->key_of(w.links[&s])).request_count(), 1u);
    // What is wholly known has its answer at once.
    const auto again = fetch(s, {1, 0}, {1, 1});
    EXPECT_TRUE(s.accepted(again));
    EXPECT_EQ(s.got(again), "1:0=a");
}

TEST_P(relay_fetch, of_nothing) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "a");
    w.send(p, "video", {1, 5}, "b");
    for (int round = 0; round < 2; ++round) { // from upstream, then from the cache
        const auto id = fetch(s, {1, 1}, {1, 5});
        w.run(milliseconds(200));
        EXPECT_EQ(s.got(id), "");
        if (rules_for(GetParam().to).no_objects) {
            EXPECT_EQ(s.refused(id), request_error_code::no_objects);
        } else {
            EXPECT_TRUE(s.accepted(id));
            EXPECT_EQ(s.finished[id], 1);
        }
    }
    EXPECT_EQ(p.tracks["video"].fetched, 1);
}

TEST_P(relay_fetch, a_silent_publisher_costs_the_fill_timeout) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "a");
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 1}, "b");
    p.answers = false;
    const auto id = fetch(s, {1, 0}, {1, 2});
    w.run(seconds(2));
    EXPECT_EQ(s.finished[id], 0);
    EXPECT_FALSE(s.refused(id));
    w.run(seconds(5));
    if (!says_gaps()) {
        EXPECT_EQ(s.refused(id), request_error_code::unknown_status_in_range);
        EXPECT_FALSE(s.accepted(id));
        return;
    }
    EXPECT_EQ(s.finished[id], 1);
    EXPECT_EQ(s.got(id), "1:1=b");
    EXPECT_EQ(s.count(event::kind::fetch_gap), 1u);
}

TEST_P(relay_fetch, a_range_after_the_largest_object_is_invalid) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    auto id = fetch(s, {1, 0}, {2, 0});
    EXPECT_EQ(s.refused(id), request_error_code::invalid_range) << "nothing published";
    w.send(p, "video", {1, 1}, "b");
    id = fetch(s, {1, 2}, {2, 0});
    EXPECT_EQ(s.refused(id), request_error_code::invalid_range);
    const auto none = s.session().fetch(w.net.now(), {{"nowhere"}, "video"}, {0, 0}, {1, 0});
    w.flush(s);
    EXPECT_EQ(s.refused(*none), request_error_code::does_not_exist);
}

TEST_P(relay_fetch, a_big_fetch_is_paced_by_its_stream) {
    relay_config config;
    config.fetch_window = 64 << 10;
    world big{config};
    auto& p = big.publish(GetParam().from);
    auto& first = big.add(GetParam().to);
    big.subscribe(first, "video");
    const std::string payload(20000, 'x');
    for (std::uint64_t o = 0; o < 100; ++o)
        big.send(p, "video", {1, o}, payload);
    moqrtc::testing::link_config slow;
    slow.to_client.rate = 500'000;
    slow.to_client.congestion_window = 30'000;
    auto& late = big.add(GetParam().to, slow);
    const auto id = big.subscribe(late, "video", largest());
    const auto joined = *late.join(big.net.now(), id, 0);
    big.flush(late);
    big.run(seconds(1));
    std::size_t most = 0;
    for (const auto& s : big.node->relay.sessions())
        most = std::max(most, s.unsent_bytes);
    EXPECT_LT(most, 128u << 10) << "the rest waits in the cache, not in the session";
    big.run(seconds(8));
    EXPECT_EQ(late.objects[joined].size(), 100u);
    EXPECT_EQ(late.finished[joined], 1);
}

TEST_P(relay_fetch, cancelled_while_upstream_is_asked) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "a");
    p.answers = false;
    auto& s = w.add(GetParam().to);
    const auto id = *s.session().fetch(w.net.now(), {{"live"}, "video"}, {1, 0}, {1, 0});
    w.flush(s);
    ASSERT_EQ(p.count(event::kind::requested), 1u);
    (void)s.session().cancel(w.net.now(), id);
    w.flush(s);
    EXPECT_EQ(p.count(event::kind::cancelled), 1u) << "nobody else needs it";
    EXPECT_EQ(w.node->relay.statistics().tracks, 0u);
}

// Rows of the conformance list -----------------------------------------------------------------

TEST_P(relay_fetch, MUST_16_165_MUST_18_201_unknown_objects_pause_the_fetch) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 1}, "missing");
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 2}, "c");
    p.answers = false;
    const auto id = fetch(s, {1, 1}, {1, 3});
    EXPECT_EQ(s.got(id), "") << "not even what is cached behind the gap";
    p.answers = true;
    for (const auto& e : p.events)
        if (e.what == event::kind::requested && e.request == request_kind::fetch)
            p.serve(e.id, p.tracks["video"], *e.as<msg::fetch>());
    w.flush(p);
    EXPECT_EQ(s.got(id), "1:1=missing 1:2=c");
}

TEST_P(relay_fetch, MUST_16_162_MUST_18_198_fetch_ok_waits_for_the_end) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 1}, "a");
    p.answers = false;
    auto& s = w.add(GetParam().to);
    const auto id = fetch(s, {1, 0}, {1, 0});
    w.run(seconds(1));
    EXPECT_FALSE(s.accepted(id));
    for (const auto& e : p.events)
        if (e.what == event::kind::requested && e.request == request_kind::fetch)
            p.serve(e.id, p.tracks["video"], *e.as<msg::fetch>());
    w.flush(p);
    EXPECT_TRUE(s.accepted(id));
    EXPECT_EQ(s.got(id), "1:1=a");
}

TEST_P(relay_fetch, MUST_18_202_fill_timeout_0_never_waits) {
    if (!overlaps(carriers_of(rules_for(GetParam().to), parameter::fill_timeout), carrier::fetch))
        GTEST_SKIP() << "no FILL_TIMEOUT";
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "a");
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 1}, "b");
    message_params params;
    params.fill_timeout = 0;
    const auto id = fetch(s, {1, 0}, {1, 2}, params);
    EXPECT_EQ(s.got(id), "1:1=b");
    EXPECT_EQ(s.count(event::kind::fetch_gap), 1u);
    EXPECT_EQ(p.tracks["video"].fetched, 0);
}

TEST_P(relay_fetch, MUST_16_156_MUST_18_192_max_cache_duration_expires_objects) {
    auto& p = w.publish(GetParam().from);
    std::array<std::byte, 8> block{};
    key_value_writer out{rules_for(GetParam().from), block};
    out.put(property::max_cache_duration, 500);
    p.tracks["video"].properties.assign(block.begin(),
                                        block.begin() + static_cast<long>(*out.size()));
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "a");
    auto id = fetch(s, {1, 0}, {1, 1});
    EXPECT_EQ(s.got(id), "1:0=a");
    EXPECT_EQ(p.tracks["video"].fetched, 0);
    w.run(seconds(1));
    id = fetch(s, {1, 0}, {1, 1});
    w.run(milliseconds(100));
    EXPECT_EQ(s.got(id), "1:0=a");
    EXPECT_EQ(p.tracks["video"].fetched, 1) << "asked upstream again";
}

TEST_P(relay_fetch, MUST_16_158_MUST_18_194_the_cache_keeps_all_fields) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    w.subscribe(s, "video");
    const std::array block{std::byte{8}, std::byte{9}};
    w.send(p, "video", {1, 4}, "x", 3, slice::copy(w.pool, block));
    const auto id = fetch(s, {1, 4}, {1, 5});
    ASSERT_EQ(s.objects[id].size(), 1u);
    const auto& item = s.objects[id][0].item;
    EXPECT_EQ(item.subgroup_id, 3u);
    EXPECT_EQ(item.publisher_priority, default_priority);
    EXPECT_TRUE(equal(item.properties, block));
    EXPECT_EQ(text(item.payload), "x");
}
