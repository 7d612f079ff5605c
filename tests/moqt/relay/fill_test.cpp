#include "relay_world.hpp"

#include <moqrtc/core/hex.hpp>
#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

/// Publishers of every generation, subscribers that fill.
class relay_fills : public ::testing::TestWithParam<drafts> {
protected:
    [[nodiscard]] const wire_rules& to() const { return rules_for(GetParam().to); }
    static message_params of(filter_type type, location start = {}) {
        message_params out;
        out.subscription_filter = {type, start};
        return out;
    }
    /// SUBSCRIBE behind the largest object, with a fill.
    request_id filled(client& c, const message_params& inside,
                      message_params outside = of(filter_type::largest_object)) {
        outside.fill = fill_parameters{inside};
        return w.subscribe(c, "video", outside);
    }
    world w{};
};

std::vector<drafts> filling_pairs() {
    std::vector<drafts> out;
    for (const auto to : spoken_drafts)
        if (rules_for(to).fill)
            for (const auto from : {draft::d16, draft::d18, draft::d19, to})
                out.push_back({from, to});
    return out;
}
INSTANTIATE_TEST_SUITE_P(drafts, relay_fills, ::testing::ValuesIn(filling_pairs()),
                         [](const auto& chosen) { return name_of(chosen.param); });

TEST_P(relay_fills, DECL_20_12_every_object_comes_once_over_both_ways) {
    auto& p = w.publish(GetParam().from);
    auto& first = w.add(GetParam().to);
    w.subscribe(first, "video");
    w.send_groups(p, "video", 1, 3, 3);
    auto& late = w.add(GetParam().to);
    std::string filled_with;
    late.on_event = [&](event& e) {
        if (e.what == event::kind::object && e.fill) filled_with += text(e.item.payload) + " ";
    };
    const auto id = filled(late, of(filter_type::relative_start, {2, 0}));
    ASSERT_TRUE(late.accepted(id));
    EXPECT_EQ(filled_with, "2.0 2.1 2.2 3.0 3.1 3.2 ");
    w.send(p, "video", {3, 3}, "3.3");
    EXPECT_EQ(late.got(id), "2:0=2.0 2:1=2.1 2:2=2.2 3:0=3.0 3:1=3.1 3:2=3.2 3:3=3.3");
    EXPECT_EQ(filled_with.find("3.3"), std::string::npos);
    EXPECT_EQ(p.tracks["video"].fetched, 0) << "the cache had it all";
}

TEST_P(relay_fills, what_the_cache_lacks_is_fetched) {
    auto& p = w.publish(GetParam().from);
    for (std::uint64_t g = 1; g <= 3; ++g)
        for (std::uint64_t o = 0; o < 2; ++o)
            p.send("video", {g, o}, std::to_string(g) + "." + std::to_string(o));
    auto& s = w.add(GetParam().to);
    auto inside = of(filter_type::absolute_start, {2, 0});
    inside.group_order = group_order::descending;
    const auto id = filled(s, inside);
    w.run(milliseconds(200));
    EXPECT_EQ(s.got(id), "3:0=3.0 3:1=3.1 2:0=2.0 2:1=2.1");
    EXPECT_EQ(s.finished[id], 1);
    EXPECT_GE(p.tracks["video"].fetched, 1);
}

TEST_P(relay_fills, an_update_fills_again) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto id = w.subscribe(s, "video", of(filter_type::largest_object));
    w.send_groups(p, "video", 1, 2, 2);
    const auto again = *s.join(w.net.now(), id, 1);
    w.flush(s);
    EXPECT_EQ(s.got(again), "1:0=1.0 1:1=1.1 2:0=2.0 2:1=2.1");
    EXPECT_EQ(s.finished[again], 1);
    EXPECT_EQ(s.got(id), "1:0=1.0 1:1=1.1 2:0=2.0 2:1=2.1") << "the subscription's own";
}

TEST_P(relay_fills, MUST_20_214_without_patience_the_rest_has_timed_out) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "old");
    p.send("video", {2, 0}, "new");
    p.serves_fetch = true;
    auto& s = w.add(GetParam().to);
    bool timed_out = false;
    s.on_event = [&](event& e) {
        if (e.what == event::kind::fetch_gap) timed_out = e.fill && e.gap_timed_out;
    };
    auto inside = of(filter_type::absolute_start, {1, 0});
    inside.fill_timeout = 0;
    const auto id = filled(s, inside);
    EXPECT_TRUE(timed_out);
    EXPECT_EQ(s.got(id), "");
    EXPECT_EQ(s.finished[id], 1);
    EXPECT_EQ(p.tracks["video"].fetched, 0);
}

TEST_P(relay_fills, ends_with_its_subscription_or_alone) {
    auto& p = w.publish(GetParam().from);
    p.send("video", {1, 0}, "a");
    p.serves_fetch = false;
    auto& s = w.add(GetParam().to);
    const auto id = filled(s, of(filter_type::relative_start, {1, 0}));
    w.run(milliseconds(100));
    EXPECT_TRUE(s.accepted(id));
    w.send(p, "video", {2, 0}, "b");
    EXPECT_NE(s.got(id).find("2:0=b"), std::string::npos) << "a fill that fails takes nothing else";
    (void)s.session().cancel(w.net.now(), id);
    w.flush(s);
    EXPECT_EQ(s.session().request_count(), 0u);
    EXPECT_FALSE(s.session().closed());
}

TEST_P(relay_fills, a_relative_fetch_finds_the_current_group) {
    auto& p = w.publish(GetParam().from);
    for (std::uint64_t g = 1; g <= 3; ++g)
        p.send("video", {g, 0}, std::to_string(g));
    int statuses = 0;
    const auto others = p.on_event;
    p.on_event = [&](event& e) {
        if (e.what == event::kind::requested && e.request == request_kind::track_status) {
            ++statuses;
            message_params told;
            told.largest_object = p.tracks["video"].largest;
            (void)p.session().accept(p.time, e.id, told);
        }
        others(e);
    };
    auto& s = w.add(GetParam().to);
    // Nobody subscribes: the relay has to ask what the current group is.
    const auto id =
        s.session().fetch(w.net.now(), {{"live"}, "video"}, {filter_type::relative_start, {2, 0}});
    ASSERT_TRUE(id);
    w.flush(s);
    w.run(milliseconds(200));
    EXPECT_EQ(statuses, 1);
    EXPECT_EQ(s.got(*id), "2:0=2 3:0=3");
}

TEST_P(relay_fills, range_filters_hold_for_both_ways) {
    auto& p = w.publish(GetParam().from);
    auto& first = w.add(GetParam().to);
    w.subscribe(first, "video");
    w.send_groups(p, "video", 1, 1, 4);
    auto& s = w.add(GetParam().to);
    const auto value = *hex_decode("000101"); // objects 1 and 2
    const std::array filters{encoded_filter{range_subject::object_id, value}};
    auto outside = of(filter_type::largest_object);
    outside.range_filters = range_filter_list{filters};
    const auto id = filled(s, of(filter_type::relative_start, {1, 0}), outside);
    w.finish(p, "video", 1);
    w.send_groups(p, "video", 2, 2, 4);
    EXPECT_EQ(s.got(id), "1:1=1.1 1:2=1.2 2:1=2.1 2:2=2.2");
}

TEST_P(relay_fills, two_subscriptions_of_a_session_have_an_alias_each) {
    auto& p = w.publish(GetParam().from);
    auto& s = w.add(GetParam().to);
    const auto all = w.subscribe(s, "video");
    message_params part;
    part.subscription_filter = {filter_type::object_range, {1, 1}, 1, 2};
    const auto some = w.subscribe(s, "video", part);
    ASSERT_TRUE(s.accepted(all) && s.accepted(some));
    EXPECT_NE(s.session().subscription(all)->alias, s.session().subscription(some)->alias);
    w.send_groups(p, "video", 1, 2, 4);
    EXPECT_EQ(s.got(all), "1:0=1.0 1:1=1.1 1:2=1.2 1:3=1.3 2:0=2.0 2:1=2.1 2:2=2.2 2:3=2.3");
    EXPECT_EQ(s.got(some), "1:1=1.1 1:2=1.2");
    EXPECT_EQ(s.resets[some], 1) << "MUST-20-183: the subgroup has more than the range";
    EXPECT_EQ(s.done(some), std::nullopt) << "DECL-20-13: it stays";
    EXPECT_EQ(p.tracks["video"].subscribed, 1) << "upstream there is one";
}

TEST_P(relay_fills, no_properties_where_none_are_wanted) {
    auto& p = w.publish(GetParam().from);
    std::vector<std::byte> properties(16);
    key_value_writer writer{p.session().rules(), properties};
    writer.put(property::max_cache_duration, 60000);
    properties.resize(*writer.size());
    p.tracks["video"].properties = properties;
    auto& s = w.add(GetParam().to);
    message_params plain;
    plain.include_properties = false;
    const auto none = w.subscribe(s, "video", plain);
    const auto whole = w.subscribe(s, "video");
    const auto told = [&](request_id id) {
        return s.find(event::kind::accepted, id)->as<msg::subscribe_ok>()->properties.size();
    };
    EXPECT_EQ(told(none), 0u);
    EXPECT_NE(told(whole), 0u);
}

TEST_P(relay_fills, tracks_that_are_offered_keep_what_was_asked) {
    auto& s = w.add(GetParam().to);
    const auto ranges = *hex_decode("000101");   // objects 1 and 2
    const auto tracks = *hex_decode("00040001"); // MAX_CACHE_DURATION 0 or 1
    const std::array filters{encoded_filter{range_subject::object_id, ranges},
                             encoded_filter{range_subject::track_property, tracks}};
    auto inside = of(filter_type::relative_start, {1, 0});
    message_params params = of(filter_type::largest_object);
    params.subscriber_priority = std::uint8_t{7};
    params.range_filters = range_filter_list{filters};
    params.fill = fill_parameters{inside};
    ASSERT_TRUE(s.session().subscribe_tracks(w.net.now(), {"live"}, params));
    w.flush(s);
    auto& p = w.add<publisher>(GetParam().from);
    for (std::uint64_t o = 0; o < 4; ++o)
        p.send("video", {1, o}, std::to_string(o));
    std::vector<std::byte> properties(16);
    key_value_writer writer{p.session().rules(), properties};
    writer.put(property::max_cache_duration, 1);
    properties.resize(*writer.size());
    if (p.session().rules().track_properties) p.tracks["video"].properties = properties;
    p.push({"live"}, "video");
    p.push({"live"}, "other"); // without the property
    w.flush(p);
    w.run(milliseconds(200));
    std::vector<event> offered;
    for (auto& e : s.events)
        if (e.what == event::kind::requested) offered.push_back(e);
    ASSERT_EQ(offered.size(), 1u);
    const auto m = offered[0].as<msg::publish>();
    EXPECT_EQ(as_text(m->track_name), "video");
    EXPECT_EQ(m->params.subscriber_priority, 7);
    ASSERT_TRUE(m->params.subscription_filter);
    EXPECT_EQ(m->params.subscription_filter->type, filter_type::largest_object);
    EXPECT_EQ(s.got(offered[0].id), "1:1=1 1:2=2") << "the fill";
    ASSERT_TRUE(s.session().accept_publish(w.net.now(), offered[0].id));
    w.flush(s);
    for (std::uint64_t o = 0; o < 4; ++o)
        w.send(p, "video", {2, o}, "n" + std::to_string(o));
    EXPECT_EQ(s.got(offered[0].id), "1:1=1 1:2=2 2:1=n1 2:2=n2");
}
