#include <moqrtc/core/hex.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <moqt/session/must_support.hpp>

namespace moqrtc::moqt {
namespace {

/// The drafts that have what this file is about: range filters from 19 on, fills from 20 on.
std::vector<draft> filtering_drafts() {
    std::vector<draft> out;
    for (const auto d : spoken_drafts)
        if (rules_for(d).range_filters) out.push_back(d);
    return out;
}
std::vector<draft> filling_drafts() {
    std::vector<draft> out;
    for (const auto d : spoken_drafts)
        if (rules_for(d).fill) out.push_back(d);
    return out;
}

class fills : public must {
protected:
    using bytes_vector = std::vector<std::byte>;

    /// The peer subscribes with a fill; returns the request, which waits for its answer.
    request_id ask_fill(const message_params& inside, message_params outside = {}) {
        meet();
        outside.fill = fill_parameters{inside};
        const auto id = peer().next_request();
        streams[id] = ask(subscribe(id, track(), outside));
        EXPECT_EQ(events(kind::requested), 1u);
        return id;
    }
    void accept(request_id id, std::optional<location> largest) {
        message_params told;
        told.largest_object = largest;
        ASSERT_TRUE(session().accept_subscribe(now(), id, 7, told));
        peer().pump();
    }
    static message_params range(filter_type type, location start = {}, std::uint64_t end_group = 0,
                                std::uint64_t end_object = 0) {
        message_params out;
        out.subscription_filter = {type, start, end_group, end_object};
        return out;
    }
    object item(location where, std::string_view content) {
        object out;
        out.location = where;
        out.payload = text(lone->pool, content);
        return out;
    }
    data_stream serve(request_id id, const fill_request& what) {
        const auto stream = session().open_fill_stream(now(), id, what);
        EXPECT_TRUE(stream);
        return *stream;
    }
    const raw_peer::received& sent(data_stream stream) {
        peer().pump();
        return peer().streams[stream];
    }
};
INSTANTIATE_TEST_SUITE_P(drafts, fills, ::testing::ValuesIn(filling_drafts()), draft_name);

TEST_P(fills, DECL_20_01_06_07_one_stream_with_the_request_of_the_subscribe) {
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}));
    EXPECT_FALSE(session().next_fill(id)) << "not before Largest Object is known";
    accept(id, location{5, 3});
    const auto fill = session().next_fill(id);
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->id, id);
    EXPECT_EQ(fill->range, (location_span{{5, 0}, {5, 3}}));
    EXPECT_FALSE(session().next_fill(id));
    const auto stream = serve(id, *fill);
    ASSERT_TRUE(session().write_fetch_object(now(), stream, item({5, 0}, "x")));
    ASSERT_TRUE(session().write_fetch_gap(now(), stream, {5, 3}, range_end::timed_out));
    ASSERT_TRUE(session().finish_stream(now(), stream));
    EXPECT_EQ(hex_encode(sent(stream).data), "05001c0500800178820c0503");
    EXPECT_TRUE(sent(stream).fin);
    EXPECT_NE(session().subscription(id), nullptr);
}

TEST_P(fills, DECL_20_02_04_an_update_asks_for_another_one) {
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}));
    accept(id, location{5, 3});
    const auto first = serve(id, *session().next_fill(id));
    message_params params;
    const auto inside = range(filter_type::absolute_start, {2, 0});
    params.fill = fill_parameters{inside};
    const auto update = peer().next_request();
    peer().send_message(streams[id], msg::request_update{update, id, params});
    message_params told;
    told.largest_object = location{6, 0};
    ASSERT_TRUE(session().accept_update(now(), update, told));
    const auto second = session().next_fill(id);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->id, update);
    EXPECT_EQ(second->range, (location_span{{2, 0}, {6, 0}}));
    EXPECT_EQ(hex_encode(sent(serve(id, *second)).data).substr(0, 2), "05");
    EXPECT_FALSE(sent(first).reset) << "the earlier one goes on";
    // Without FILL_PARAMETERS nothing is filled, whatever went before.
    const auto plain = peer().next_request();
    peer().send_message(streams[id], msg::request_update{plain, id, {}});
    ASSERT_TRUE(session().accept_update(now(), plain, told));
    EXPECT_FALSE(session().next_fill(id));
}

TEST_P(fills, DECL_20_03_none_while_forward_is_0_nor_when_it_becomes_1) {
    message_params paused;
    paused.forward = false;
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}), paused);
    accept(id, location{5, 3});
    EXPECT_FALSE(session().next_fill(id));
    message_params on;
    on.forward = true;
    const auto update = peer().next_request();
    peer().send_message(streams[id], msg::request_update{update, id, on});
    ASSERT_TRUE(session().accept_update(now(), update));
    EXPECT_FALSE(session().next_fill(id));
}

TEST_P(fills, DECL_20_05_none_where_there_is_nothing) {
    for (const auto& [inside, largest] :
         std::vector<std::pair<message_params, std::optional<location>>>{
             {range(filter_type::relative_start, {1, 0}), std::nullopt},
             {range(filter_type::absolute_start, {6, 0}), location{5, 3}},
             {range(filter_type::largest_object), location{5, 3}},
             {range(filter_type::next_group_start), location{5, 3}},
             {range(filter_type::object_range, {5, 2}, 5, 1), location{5, 3}}}) {
        const auto id = ask_fill(inside);
        accept(id, largest);
        EXPECT_FALSE(session().next_fill(id));
        expect_open();
    }
}

TEST_P(fills, DECL_20_10_what_is_not_inside_is_as_in_the_subscription) {
    auto outside = range(filter_type::absolute_range, {2, 0}, 3);
    outside.group_order = group_order::descending;
    outside.subscriber_priority = priority{9};
    auto id = ask_fill({}, outside);
    accept(id, location{5, 3});
    auto fill = session().next_fill(id);
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->range, (location_span{{2, 0}, {3, UINT64_MAX}}));
    EXPECT_EQ(fill->order, group_order::descending);
    EXPECT_EQ(fill->subscriber_priority, 9);
    auto inside = range(filter_type::everything); // the whole track, not the subscription's range
    inside.group_order = group_order::ascending;
    inside.subscriber_priority = priority{1};
    inside.fill_timeout = 250;
    id = ask_fill(inside, outside);
    accept(id, location{5, 3});
    fill = session().next_fill(id);
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->range, (location_span{{0, 0}, {5, 3}}));
    EXPECT_EQ(fill->order, group_order::ascending);
    EXPECT_EQ(fill->subscriber_priority, 1);
    EXPECT_EQ(fill->timeout, 250u);
    EXPECT_EQ(session().subscription(id)->subscriber_priority, 9);
}

TEST_P(fills, DECL_20_09_a_stopped_fill_leaves_the_subscription) {
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}));
    accept(id, location{5, 3});
    const auto stream = serve(id, *session().next_fill(id));
    peer().pump();
    peer().stop(stream, to_wire(rules(), reset_code::cancelled));
    const auto stopped = lone->take(kind::stream_stopped);
    EXPECT_TRUE(stopped.fill);
    EXPECT_EQ(stopped.update_id, id);
    EXPECT_TRUE(sent(stream).reset);
    EXPECT_TRUE(session().open_subgroup(now(), id, {.group = 6}));
}

TEST_P(fills, MUST_20_172_end_with_a_cancelled_subscription) {
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}));
    accept(id, location{5, 3});
    const auto stream = serve(id, *session().next_fill(id));
    peer().pump();
    peer().stop(streams[id], to_wire(rules(), reset_code::cancelled));
    EXPECT_TRUE(sent(stream).reset);
    EXPECT_EQ(session().request_count(), 0u);
}

TEST_P(fills, MUST_20_173_one_that_cannot_be_served_has_its_header) {
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}));
    accept(id, location{5, 3});
    ASSERT_TRUE(
        session().fail_fill(now(), id, *session().next_fill(id), reset_code::internal_error));
    peer().pump();
    const auto at = std::find_if(peer().streams.begin(), peer().streams.end(),
                                 [](const auto& s) { return s.second.reset.has_value(); });
    ASSERT_NE(at, peer().streams.end());
    EXPECT_EQ(hex_encode(at->second.data), "0500");
    EXPECT_EQ(at->second.reset, to_wire(rules(), reset_code::internal_error));
    EXPECT_NE(session().subscription(id), nullptr) << "DECL-20-08: the subscription goes on";
}

TEST_P(fills, MUST_20_153_155_publish_done_waits_for_them_and_counts_them) {
    const auto id = ask_fill(range(filter_type::relative_start, {1, 0}));
    accept(id, location{5, 3});
    const auto fill = serve(id, *session().next_fill(id));
    const auto subgroup_stream = session().open_subgroup(now(), id, {.group = 6});
    ASSERT_TRUE(subgroup_stream);
    ASSERT_TRUE(session().publish_done(now(), id, publish_done_code::track_ended, "over"));
    EXPECT_TRUE(sent(*subgroup_stream).fin);
    EXPECT_FALSE(sent(fill).fin) << "only its writer knows when it is complete";
    EXPECT_EQ(peer().count<msg::publish_done>(streams[id]), 0u);
    ASSERT_TRUE(session().finish_stream(now(), fill));
    peer().pump();
    std::vector<std::byte> kept;
    const auto done = peer().last<msg::publish_done>(streams[id], kept);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->stream_count, 2u);
}

TEST_P(fills, a_subscriber_gets_it_before_the_answer) {
    meet(role::client);
    const auto inside = range(filter_type::relative_start, {1, 0});
    message_params params = range(filter_type::largest_object);
    params.fill = fill_parameters{inside};
    const auto id = session().subscribe(now(), track(), params);
    ASSERT_TRUE(id);
    peer().pump();
    std::vector<std::byte> kept;
    const auto asked = peer().last<msg::subscribe>(stream_of(*id), kept);
    ASSERT_TRUE(asked && asked->params.fill.has_value());
    EXPECT_EQ(asked->params.fill.inside().group_order, group_order::ascending)
        << "said, since the track's own order comes with the answer";
    const auto stream = peer().open_unidirectional();
    peer().send(stream, *hex_decode("05001c0500800178820c0503"), true);
    const auto object = lone->take(kind::object);
    EXPECT_TRUE(object.fill);
    EXPECT_EQ(object.id, *id);
    EXPECT_EQ(object.update_id, *id);
    EXPECT_EQ(object.item.location, (location{5, 0}));
    const auto gap = lone->take(kind::fetch_gap);
    EXPECT_TRUE(gap.fill && gap.gap_timed_out && gap.gap_unknown);
    EXPECT_TRUE(lone->take(kind::stream_finished).fill);
    // One stream is all there is of it; nobody asked for request 40.
    for (const auto* header : {"0500", "0528"}) {
        const auto other = peer().open_unidirectional();
        peer().send(other, *hex_decode(header));
        EXPECT_TRUE(peer().streams[other].stopped) << header;
    }
    expect_open();
    peer().send_message(stream_of(*id), msg::subscribe_ok{*id, 3, {}, {}});
    EXPECT_EQ(lone->take(kind::accepted).id, *id);
}

TEST_P(fills, a_subscriber_ends_one_alone) {
    meet(role::client);
    const auto id = subscribing(track(), 3);
    const message_params inside;
    message_params params;
    params.fill = fill_parameters{inside};
    const auto update = session().update(now(), id, params);
    ASSERT_TRUE(update);
    const auto stream = peer().open_unidirectional();
    std::vector<std::byte> head{std::byte{5}};
    const auto rid = varint(*update);
    head.insert(head.end(), rid.begin(), rid.end());
    peer().send(stream, head);
    ASSERT_TRUE(session().cancel_fill(now(), id, *update));
    peer().pump();
    EXPECT_TRUE(peer().streams[stream].stopped);
    EXPECT_NE(session().subscription(id), nullptr);
    EXPECT_FALSE(session().cancel_fill(now(), id, *update));
}

TEST_P(fills, MUST_20_174_a_state_is_told_with_the_largest_object) {
    const auto id = ask_fill({});
    accept(id, location{5, 3});
    message_params params;
    params.forward = false;
    ASSERT_TRUE(session().notify_state(now(), id, params));
    peer().pump();
    std::vector<std::byte> kept;
    const auto told = peer().last<msg::publish_state_notify>(streams[id], kept);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->params.largest_object, (location{5, 3}));
    EXPECT_EQ(told->params.forward, false);
    params.subscriber_priority = priority{1};
    EXPECT_FALSE(session().notify_state(now(), id, params)) << "MUST-20-175";
}

TEST_P(fills, DECL_20_17_a_state_wants_no_answer) {
    meet(role::client);
    const auto id = subscribing(track(), 3);
    message_params params;
    params.largest_object = location{7, 9};
    params.forward = false;
    peer().send_message(stream_of(id), msg::publish_state_notify{params});
    const auto told = lone->take(kind::state_notified);
    EXPECT_EQ(told.id, id);
    EXPECT_EQ(told.as<msg::publish_state_notify>()->params.largest_object, (location{7, 9}));
    EXPECT_FALSE(session().subscription(id)->forward);
    EXPECT_EQ(peer().messages(stream_of(id)).size(), 1u) << "SUBSCRIBE and nothing else";
}

TEST_P(fills, MUST_20_055_056_states_where_they_do_not_belong_close) {
    meet();
    auto stream = ask(fetch_of(peer().next_request(), track()));
    peer().send_message(stream, msg::publish_state_notify{});
    expect_closed(close_code::protocol_violation);
    meet();
    const auto id = subscribed(track());
    peer().send_message(streams[id], msg::publish_state_notify{}); // from the subscriber
    expect_closed(close_code::protocol_violation);
    meet(role::client);
    const auto waiting = session().subscribe(now(), track());
    peer().pump();
    peer().send_message(stream_of(*waiting), msg::publish_state_notify{});
    expect_closed(close_code::protocol_violation);
}

TEST_P(fills, settings_of_a_publish_follow_its_answer) {
    meet();
    const auto id = peer().next_request();
    const auto stream = ask(publish(id, track(), 3));
    message_params wanted;
    wanted.expires = 1000;
    wanted.subscriber_priority = priority{5};
    wanted.forward = true; // as the publisher has it
    ASSERT_TRUE(session().accept_publish(now(), id, wanted));
    peer().pump();
    const auto said = peer().messages(stream);
    ASSERT_EQ(said.size(), 2u);
    const auto ok = parse<msg::request_ok>(rules(), said[0].body);
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->params.expires, 1000u);
    EXPECT_FALSE(ok->params.subscriber_priority);
    const auto update = parse<msg::request_update>(rules(), said[1].body);
    ASSERT_TRUE(update);
    EXPECT_EQ(update->params.subscriber_priority, 5);
    EXPECT_FALSE(update->params.forward || update->params.expires);
}

TEST_P(fills, DECL_20_13_14_a_filter_is_resolved_once) {
    meet();
    const auto id = peer().next_request();
    streams[id] = ask(subscribe(id, track(), range(filter_type::relative_start, {9, 0})));
    accept(id, location{5, 3});
    EXPECT_EQ(session().subscription(id)->first_wanted, location{}) << "there are only six groups";
    const auto next = peer().next_request();
    streams[next] = ask(subscribe(next, track(), range(filter_type::largest_object)));
    message_params told;
    told.largest_object = location{5, 3};
    ASSERT_TRUE(session().accept_subscribe(now(), next, 8, told));
    const auto update = peer().next_request();
    peer().send_message(streams[next], msg::request_update{update, next, {}});
    told.largest_object = location{8, 0};
    ASSERT_TRUE(session().accept_update(now(), update, told));
    EXPECT_EQ(session().subscription(next)->first_wanted, (location{5, 4}));
    const auto part = range(filter_type::object_range, {5, 1}, 5, 2);
    const auto past = peer().next_request();
    streams[past] = ask(subscribe(past, track(), part));
    ASSERT_TRUE(session().accept_subscribe(now(), past, 9, told));
    const auto stream = session().open_subgroup(now(), past, {.group = 5});
    ASSERT_TRUE(stream);
    EXPECT_FALSE(session().write_object(now(), *stream, 0, {}, {}));
    EXPECT_TRUE(session().write_object(now(), *stream, 2, {}, {}));
    EXPECT_FALSE(session().write_object(now(), *stream, 3, {}, {})) << "behind its end";
    const auto off = peer().next_request();
    peer().send_message(streams[past],
                        msg::request_update{off, past, range(filter_type::everything)});
    EXPECT_FALSE(session().subscription(past)->filter) << "no filter takes one away";
}

class filtering : public fills {};
INSTANTIATE_TEST_SUITE_P(drafts, filtering, ::testing::ValuesIn(filtering_drafts()), draft_name);

TEST_P(filtering, MUST_20_031_updates_without_an_answer_are_bounded) {
    session_config config;
    config.max_request_updates = 2;
    meet(role::server, config);
    const auto id = subscribed(track());
    for (int i = 0; i < 2; ++i)
        peer().send_message(streams[id], msg::request_update{peer().next_request(), id, {}});
    expect_open();
    const auto first = lone->take(kind::update_requested).update_id;
    ASSERT_TRUE(session().accept_update(now(), first));
    peer().send_message(streams[id], msg::request_update{peer().next_request(), id, {}});
    expect_open();
    peer().send_message(streams[id], msg::request_update{peer().next_request(), id, {}});
    expect_closed(close_code::too_many_request_updates);
}

TEST_P(filtering, MUST_20_135_136_what_the_peer_did_not_allow_is_not_sent) {
    setup_options options;
    options.max_request_updates = 1;
    meet_setup(role::client, options);
    const auto id = subscribing(track(), 3);
    const std::array ranges{encoded_filter{range_subject::object_id, {}}};
    message_params params;
    params.range_filters = range_filter_list{ranges};
    EXPECT_EQ(session().update(now(), id, params).error().code, errc::unsupported);
    EXPECT_EQ(session().subscribe(now(), track("b"), params).error().code, errc::unsupported);
    const auto first = session().update(now(), id, {});
    ASSERT_TRUE(first);
    EXPECT_EQ(session().update(now(), id, {}).error().code, errc::limit);
    peer().send_message(stream_of(id), msg::request_ok{*first, {}, {}});
    EXPECT_TRUE(session().update(now(), id, {}));
    options.max_filter_ranges = 4;
    meet_setup(role::client, options);
    EXPECT_TRUE(session().subscribe(now(), track("b"), params));
}

TEST_P(filtering, MUST_20_089_to_094_range_filters_that_are_wrong_refuse_the_request) {
    session_config config;
    config.max_filter_ranges = 2;
    const std::array<std::vector<encoded_filter>, 8> wrong{{
        {{range_subject::subgroup, {}}, {range_subject::subgroup, {}}}, // replaced below
        {{range_subject::object_id, {}}},
        {{range_subject::object_id, {}}},
        {{range_subject::publisher_priority, {}}},
        {{range_subject::object_property, {}}},
        {{range_subject::subgroup, {}}},
        {{range_subject::object_id, {}}},
        {{range_subject::object_property, {}}},
    }};
    const std::array<const char*, 8> values{
        "000102",                 // the same set twice: 090
        "00ffffffffffffffffff01", // start and length pass 2^64-1: 089
        "00010101010101",         // three ranges: 091
        "008100",                 // 256: 092
        "00030102",               // an odd property: 093
        "000180",                 // cut off
        "0080",                   // likewise
        "",                       // taken away where there is none: nothing wrong
    };
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        SCOPED_TRACE(values[i]);
        meet(role::server, config);
        const auto value = *hex_decode(values[i]);
        auto filters = wrong[i];
        for (auto& f : filters)
            f.value = value;
        message_params params;
        params.range_filters = range_filter_list{filters};
        const auto id = peer().next_request();
        const auto stream = ask(subscribe(id, track(), params));
        if (i + 1 == wrong.size()) {
            EXPECT_EQ(events(kind::requested), 1u);
        } else {
            expect_rejected(stream, request_error_code::invalid_filter);
        }
    }
    config.max_filter_ranges = 0; // none are allowed at all
    meet(role::server, config);
    const auto value = *hex_decode("0001");
    const std::array one{encoded_filter{range_subject::track_property, value}};
    message_params params;
    params.range_filters = range_filter_list{one};
    const track_namespace prefix{"a"};
    expect_rejected(ask(msg::subscribe_tracks{peer().next_request(), prefix.view(), params}),
                    request_error_code::invalid_filter); // 094: the property is odd
}

TEST_P(filtering, MUST_20_149_only_objects_in_range_are_sent) {
    meet();
    const auto value = *hex_decode("000302"); // objects 3 to 5
    const std::array filters{encoded_filter{range_subject::object_id, value}};
    message_params params;
    params.range_filters = range_filter_list{filters};
    const auto id = subscribed(track(), params);
    const auto stream = session().open_subgroup(now(), id, {.group = 1});
    ASSERT_TRUE(stream);
    EXPECT_EQ(session().write_object(now(), *stream, 2, {}, {}).error().code, errc::bad_state);
    EXPECT_TRUE(session().write_object(now(), *stream, 3, {}, {}));
    EXPECT_FALSE(session().write_object(now(), *stream, 6, {}, {}));
    EXPECT_FALSE(session().send_datagram(now(), id, datagram_object(lone->pool, {1, 9}, "x")));
    ASSERT_NE(session().filters(id), nullptr);
    // An update takes the filter away; a wrong one ends the subscription.
    const std::array none{encoded_filter{range_subject::object_id, {}}};
    params.range_filters = range_filter_list{none};
    const auto update = peer().next_request();
    peer().send_message(streams[id], msg::request_update{update, id, params});
    EXPECT_EQ(session().filters(id), nullptr);
    ASSERT_TRUE(session().accept_update(now(), update));
    EXPECT_TRUE(session().write_object(now(), *stream, 6, {}, {}));
    const auto bad = *hex_decode("0080");
    const std::array broken{encoded_filter{range_subject::object_id, bad}};
    params.range_filters = range_filter_list{broken};
    peer().send_message(streams[id], msg::request_update{peer().next_request(), id, params});
    expect_rejected(streams[id], request_error_code::invalid_filter);
    EXPECT_EQ(peer().count<msg::publish_done>(streams[id]), 1u) << "MUST-20-095";
}

TEST_P(filtering, MUST_20_146_a_refusal_waits_for_the_answers_before_it) {
    meet();
    const auto id = subscribed(track());
    const auto first = peer().next_request();
    peer().send_message(streams[id], msg::request_update{first, id, {}});
    const auto bad = *hex_decode("0080");
    const std::array broken{encoded_filter{range_subject::object_id, bad}};
    message_params params;
    params.range_filters = range_filter_list{broken};
    peer().send_message(streams[id], msg::request_update{peer().next_request(), id, params});
    expect_open();
    EXPECT_EQ(peer().count<msg::request_error>(streams[id]), 0u);
    ASSERT_TRUE(session().accept_update(now(), first));
    peer().pump();
    EXPECT_EQ(peer().count<msg::request_ok>(streams[id]), 1u);
    expect_rejected(streams[id], request_error_code::invalid_filter);
}

TEST_P(filtering, MUST_20_148_several_subscriptions_to_a_track) {
    meet();
    const auto first = subscribed(track());
    const auto second = subscribed(track()); // under another alias
    for (const auto id : {first, second}) {
        const auto stream = session().open_subgroup(now(), id, {.group = 1});
        ASSERT_TRUE(stream);
        EXPECT_TRUE(session().write_object(now(), *stream, 0, {}, {}));
    }
    peer().stop(streams[first], to_wire(rules(), reset_code::cancelled));
    EXPECT_EQ(session().subscription(first), nullptr);
    EXPECT_TRUE(session().open_subgroup(now(), second, {.group = 2}));
    // Both ways at once are two subscriptions as well.
    (void)ask(publish(peer().next_request(), track(), 4));
    EXPECT_EQ(events(kind::requested), 1u);
    expect_open();
}

TEST_P(filtering, subscriptions_that_share_an_alias_take_turns) {
    meet(role::client);
    const auto early = session().subscribe(now(), track());
    const auto late = session().subscribe(now(), track());
    ASSERT_TRUE(early && late);
    peer().pump();
    for (const auto id : {*early, *late})
        peer().send_message(stream_of(id), msg::subscribe_ok{id, 3, {}, {}});
    for (int i = 0; i < 2; ++i)
        peer().send(peer().open_unidirectional(), subgroup(3, 1, 1), true);
    EXPECT_EQ(lone->take(kind::object).id, *early);
    EXPECT_EQ(lone->take(kind::object).id, *late);
    ASSERT_TRUE(session().cancel(now(), *early));
    peer().send(peer().open_unidirectional(), subgroup(3, 2, 1), true);
    EXPECT_EQ(lone->take(kind::object).id, *late) << "the alias is still its own";
}

TEST_P(filtering, a_fin_of_the_requester_ends_no_discovery) {
    meet();
    const track_namespace prefix{"a"};
    const auto id = peer().next_request();
    const auto stream =
        ask(msg::subscribe_namespace{.request_id = id, .track_namespace_prefix = prefix.view()});
    ASSERT_TRUE(session().accept(now(), id));
    peer().send(stream, {}, true);
    EXPECT_EQ(events(kind::cancelled), 0u);
    EXPECT_EQ(session().request_count(), 1u);
    peer().stop(stream, to_wire(rules(), reset_code::cancelled));
    EXPECT_EQ(session().request_count(), 0u);
}

} // namespace
} // namespace moqrtc::moqt
