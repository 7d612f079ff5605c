#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

class relay_between : public ::testing::TestWithParam<drafts> {
protected:
    /// Whether both drafts have NEW_GROUP_REQUEST.
    [[nodiscard]] static bool asks_for_groups() {
        const auto has = [](draft d) {
            return overlaps(carriers_of(rules_for(d), parameter::new_group_request),
                            carrier::subscribe);
        };
        return has(GetParam().from) && has(GetParam().to);
    }
};

INSTANTIATE_TEST_SUITE_P(drafts, relay_between, ::testing::ValuesIn(pairs_of_drafts()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_between, objects_reach_a_subscriber_as_they_were_sent) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    ASSERT_TRUE(s.accepted(id));
    w.send_groups(p, "video", 5, 6, 3);
    EXPECT_EQ(s.got(id), "5:0=5.0 5:1=5.1 5:2=5.2 6:0=6.0 6:1=6.1 6:2=6.2");
    EXPECT_EQ(s.finished[id], 1);
    EXPECT_EQ(s.resets[id], 0);
    for (const auto& r : s.objects[id])
        EXPECT_EQ(r.item.publisher_priority, default_priority);
}

TEST_P(relay_between, one_subscription_upstream_for_any_number_of_subscribers) {
    world w;
    auto& p = w.publish(GetParam().from);
    std::vector<std::pair<client*, request_id>> all;
    for (int i = 0; i < 12; ++i) {
        auto& s = w.add(GetParam().to);
        all.emplace_back(&s, w.subscribe(s, "video"));
    }
    EXPECT_EQ(p.tracks["video"].subscribed, 1);
    w.send_groups(p, "video", 1, 3, 4);
    for (auto& [s, id] : all)
        EXPECT_EQ(s->got(id), all.front().first->got(all.front().second));
    EXPECT_EQ(all.front().first->objects[all.front().second].size(), 12u);
    EXPECT_EQ(w.node->relay.statistics().objects_in, 12u);
    EXPECT_EQ(w.node->relay.statistics().objects_out, 144u);
}

TEST_P(relay_between, subscribe_before_publish) {
    world w;
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video", rendezvous(GetParam().to));
    EXPECT_FALSE(s.accepted(id));
    w.run(seconds(1));
    auto& p = w.publish(GetParam().from);
    ASSERT_TRUE(s.accepted(id));
    w.send_groups(p, "video", 0, 0, 2);
    EXPECT_EQ(s.got(id), "0:0=0.0 0:1=0.1");
}

TEST_P(relay_between, subscribe_before_push) {
    world w;
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video", rendezvous(GetParam().to));
    auto& p = w.add<publisher>(GetParam().from);
    const auto pushed = p.push({"live"}, "video");
    w.flush(p);
    ASSERT_TRUE(s.accepted(id));
    EXPECT_TRUE(p.session().subscription(pushed)->forward);
    w.send_groups(p, "video", 0, 0, 2);
    EXPECT_EQ(s.got(id), "0:0=0.0 0:1=0.1");
}

TEST_P(relay_between, waiting_ends_with_timeout) {
    world w;
    auto& s = w.add(GetParam().to);
    // Where the draft leaves it to the relay, a client that waits 2 s for an answer gets one.
    const bool says = rendezvous(GetParam().to).rendezvous_timeout.has_value();
    const auto id = w.subscribe(s, "video", rendezvous(GetParam().to, 5000));
    w.run(milliseconds(says ? 4800 : 1300));
    EXPECT_FALSE(s.refused(id));
    w.run(milliseconds(500));
    ASSERT_EQ(s.refused(id), request_error_code::timeout);
    EXPECT_EQ(s.find(event::kind::rejected, id)->retry_after(),
              rules_for(GetParam().to).retry_interval ? milliseconds(100) : seconds(1));
    EXPECT_EQ(w.node->relay.statistics().tracks, 0u);
}

TEST_P(relay_between, who_asks_again_after_each_refusal_meets_a_publisher_that_comes_late) {
    world w;
    auto& s = w.add(GetParam().to);
    auto id = w.subscribe(s, "video", rendezvous(GetParam().to, 1500));
    int refusals = 0;
    for (int i = 0; i < 100 && !s.accepted(id); ++i) {
        if (const auto* no = s.find(event::kind::rejected, id)) {
            ++refusals;
            ASSERT_TRUE(no->retry_after());
            w.run(*no->retry_after());
            id = w.subscribe(s, "video", rendezvous(GetParam().to, 1500));
        }
        w.run(milliseconds(100));
        if (i == 70) w.publish(GetParam().from);
    }
    EXPECT_TRUE(s.accepted(id));
    EXPECT_GE(refusals, 3);
}

TEST_P(relay_between, properties_are_passed_on) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    // Even type 2000 with a number, odd type 2001 with bytes: needs several bytes in either form.
    std::array<std::byte, 64> block{};
    key_value_writer out{rules_for(GetParam().from), block};
    out.put(2000, 1'000'000);
    constexpr std::array blob{std::byte{1}, std::byte{2}, std::byte{3}};
    out.put({2001, 0, blob});
    w.send(p, "video", {1, 0}, "x", 0, slice::copy(w.pool, bytes{block}.first(*out.size())));
    ASSERT_EQ(s.got(id), "1:0=x");
    const auto item = s.objects[id][0].item;
    key_value_reader in{rules_for(GetParam().to), item.properties};
    const auto first = in.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->type, 2000u);
    EXPECT_EQ(first->number, 1'000'000u);
    const auto second = in.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->type, 2001u);
    EXPECT_TRUE(equal(second->data, blob));
    EXPECT_FALSE(in.next());
    EXPECT_TRUE(in.ok());
}

TEST_P(relay_between, properties_that_start_in_mid_stream) {
    world w;
    auto& p = w.publish(GetParam().from);
    p.tracks["video"];
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    const std::array block{std::byte{8}, std::byte{9}};
    w.send(p, "video", {1, 0}, "a", 0, slice::copy(w.pool, block));
    w.send(p, "video", {1, 1}, "b", 0, slice{});
    w.send(p, "video", {1, 2}, "c", 0, slice::copy(w.pool, block));
    EXPECT_EQ(s.got(id), "1:0=a 1:1=b 1:2=c");
    EXPECT_EQ(s.objects[id][1].item.properties.size(), 0u);
    EXPECT_EQ(s.objects[id][2].item.properties.size(), 2u);
}

TEST_P(relay_between, reset_upstream_is_reset_downstream) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "a");
    const auto stream = p.tracks["video"].open.begin()->second;
    (void)p.session().reset_stream(w.net.now(), stream, reset_code::delivery_timeout);
    w.flush(p);
    EXPECT_EQ(s.resets[id], 1);
    EXPECT_EQ(s.finished[id], 0);
    const auto* e = s.find(event::kind::stream_reset, id);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->reset, reset_code::delivery_timeout);
}

TEST_P(relay_between, several_subgroups_keep_apart) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    for (std::uint64_t o = 0; o < 6; ++o)
        w.send(p, "video", {1, o}, std::to_string(o), o % 2);
    w.finish(p, "video", 1);
    ASSERT_EQ(s.objects[id].size(), 6u);
    for (const auto& r : s.objects[id])
        EXPECT_EQ(r.item.subgroup_id, r.item.location.object % 2);
    EXPECT_EQ(s.finished[id], 2);
}

TEST_P(relay_between, publisher_ends_the_track) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "a");
    w.finish(p, "video", 1);
    (void)p.session().publish_done(w.net.now(), p.tracks["video"].subscriptions[0],
                                   publish_done_code::track_ended, "bye");
    w.flush(p);
    EXPECT_EQ(s.done(id), publish_done_code::track_ended);
    EXPECT_EQ(s.got(id), "1:0=a");
    EXPECT_EQ(s.finished[id], 1);
}

TEST_P(relay_between, unsubscribed_upstream_after_the_last_subscriber) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    (void)s.session().cancel(w.net.now(), id);
    w.flush(s);
    EXPECT_EQ(p.count(event::kind::cancelled), 0u);
    w.run(seconds(2));
    EXPECT_EQ(p.count(event::kind::cancelled), 1u);
    // Somebody new: subscribed again.
    const auto again = w.subscribe(s, "video");
    EXPECT_TRUE(s.accepted(again));
    EXPECT_EQ(p.tracks["video"].subscribed, 2);
}

TEST_P(relay_between, a_subscriber_within_the_linger_is_served_at_once) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& a = w.add(GetParam().to);
    const auto first = w.subscribe(a, "video");
    (void)a.session().cancel(w.net.now(), first);
    w.flush(a);
    auto& b = w.add(GetParam().to);
    const auto second = w.subscribe(b, "video");
    w.run(seconds(3));
    EXPECT_EQ(p.tracks["video"].subscribed, 1);
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(b.got(second), "1:0=a");
}

TEST_P(relay_between, forward_0_gets_nothing_until_it_changes) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    message_params quiet;
    quiet.forward = false;
    const auto id = w.subscribe(s, "video", quiet);
    ASSERT_TRUE(s.accepted(id));
    ASSERT_EQ(p.update_params.size(), 1u) << "Forward State 0 goes upstream";
    EXPECT_EQ(p.update_params[0].forward, false);
    message_params loud;
    loud.forward = true;
    (void)s.session().update(w.net.now(), id, loud);
    w.flush(s);
    ASSERT_EQ(p.update_params.size(), 2u);
    EXPECT_EQ(p.update_params[1].forward, true);
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "1:0=a");
    (void)s.session().update(w.net.now(), id, quiet);
    w.flush(s);
    w.send(p, "video", {2, 0}, "b");
    EXPECT_EQ(s.got(id), "1:0=a");
}

TEST_P(relay_between, an_empty_payload_and_statuses_pass) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    w.send(p, "video", {1, 0}, "");
    p.send("video", {1, 1}, "", 0, {}, object_status::end_of_group);
    w.flush(p);
    EXPECT_EQ(s.got(id), "1:0= 1:1=!");
    EXPECT_EQ(s.objects[id][1].item.status, object_status::end_of_group);
}

TEST_P(relay_between, datagrams_are_passed_on) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    object o;
    o.location = {3, 4};
    o.forwarding = forwarding_preference::datagram;
    o.payload = slice::copy(w.pool, as_bytes("dg"));
    (void)p.session().send_datagram(w.net.now(), p.tracks["video"].subscriptions.at(0), o);
    w.flush(p);
    EXPECT_EQ(s.got(id), "3:4=dg");
    EXPECT_EQ(s.objects[id].at(0).item.forwarding, forwarding_preference::datagram);
}

TEST_P(relay_between, new_group_request_reaches_the_publisher_once) {
    if (!asks_for_groups()) GTEST_SKIP() << "not in this draft";
    world w;
    auto& p = w.publish(GetParam().from);
    std::array<std::byte, 8> block{};
    key_value_writer out{rules_for(GetParam().from), block};
    out.put(property::dynamic_groups, 1);
    p.tracks["video"].properties.assign(block.begin(),
                                        block.begin() + static_cast<long>(*out.size()));
    auto& a = w.add(GetParam().to);
    auto& b = w.add(GetParam().to);
    const auto first = w.subscribe(a, "video");
    const auto second = w.subscribe(b, "video");
    w.send(p, "video", {7, 0}, "x");
    message_params ask;
    ask.new_group_request = 8;
    (void)a.session().update(w.net.now(), first, ask);
    w.flush(a);
    (void)b.session().update(w.net.now(), second, ask);
    w.flush(b);
    ask.new_group_request = 5; // not above the largest
    (void)b.session().update(w.net.now(), second, ask);
    w.flush(b);
    ASSERT_EQ(p.update_params.size(), 1u);
    EXPECT_EQ(p.update_params[0].new_group_request, 8u);
    // The largest group rises: the request is not outstanding any more.
    w.send(p, "video", {8, 0}, "x");
    ask.new_group_request = 0;
    (void)b.session().update(w.net.now(), second, ask);
    w.flush(b);
    EXPECT_EQ(p.update_params.size(), 2u);
}

TEST_P(relay_between, new_group_request_in_the_first_subscribe_goes_upstream) {
    if (!asks_for_groups()) GTEST_SKIP() << "not in this draft";
    world w;
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    message_params ask;
    ask.new_group_request = 0;
    const auto id = w.subscribe(s, "video", ask);
    EXPECT_TRUE(s.accepted(id));
    EXPECT_EQ(p.last_subscribe.new_group_request, 0u);
}

TEST_P(relay_between, refusal_by_the_publisher_reaches_the_subscriber) {
    world w;
    auto& p = w.publish(GetParam().from);
    p.refuse_with = request_error_code::unauthorized;
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    EXPECT_EQ(s.refused(id), request_error_code::unauthorized);
}

TEST_P(relay_between, a_broken_publisher_harms_nobody_else) {
    world w;
    auto& p = w.publish(GetParam().from);
    auto& bad = w.publish(GetParam().from, {"bad"});
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video");
    const auto other = w.subscribe(s, "video", {}, {"bad"});
    w.send(bad, "video", {1, 0}, "x");
    // An invalid message ends the session of its sender, and only that.
    bad.session().close(w.net.now(), close_code::protocol_violation, "test");
    w.flush(bad);
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(s.got(id), "1:0=a");
    EXPECT_EQ(s.got(other), "1:0=x");
    EXPECT_FALSE(s.session().closed());
    EXPECT_EQ(s.resets[other], 1);
}

TEST_P(relay_between, track_status_is_answered_or_passed_on) {
    world w;
    auto& p = w.publish(GetParam().from);
    p.on_event = [&p, &w](event& e) {
        if (e.what == event::kind::requested && e.request == request_kind::track_status) {
            message_params params;
            params.largest_object = location{4, 2};
            (void)p.session().accept(w.net.now(), e.id, params);
        } else {
            p.answer(e);
        }
    };
    auto& s = w.add(GetParam().to);
    const auto asked = s.session().track_status(w.net.now(), {{"live"}, "video"});
    w.flush(s);
    ASSERT_TRUE(s.accepted(*asked));
    EXPECT_EQ(s.find(event::kind::accepted, *asked)->ok_params().largest_object, (location{4, 2}));
    const auto id = w.subscribe(s, "video");
    ASSERT_TRUE(s.accepted(id));
    w.send(p, "video", {9, 9}, "x");
    const auto again = s.session().track_status(w.net.now(), {{"live"}, "video"});
    w.flush(s);
    ASSERT_TRUE(s.accepted(*again));
    EXPECT_EQ(s.find(event::kind::accepted, *again)->ok_params().largest_object, (location{9, 9}));
    const auto none = s.session().track_status(w.net.now(), {{"nowhere"}, "video"});
    w.flush(s);
    EXPECT_EQ(s.refused(*none), request_error_code::does_not_exist);
}

TEST_P(relay_between, self_subscription_is_served) {
    world w;
    auto& p = w.publish(GetParam().from);
    const auto id = p.session().subscribe(w.net.now(), {{"live"}, "video"});
    w.flush(p);
    ASSERT_TRUE(p.accepted(*id));
    w.send(p, "video", {1, 0}, "a");
    EXPECT_EQ(p.got(*id), "1:0=a");
}
