#include "relay_world.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <gtest/gtest.h>

using namespace relay_test;

namespace {

constexpr std::uint64_t beyond_16 = std::uint64_t{1} << 62;

std::string reason_of(const client& c, request_id id) {
    if (const auto* e = c.find(event::kind::publish_done, id))
        return std::string{as_text(e->as<msg::publish_done>()->reason)};
    if (const auto* e = c.find(event::kind::rejected, id))
        return std::string{as_text(e->as<msg::request_error>()->reason)};
    return {};
}

} // namespace

TEST(relay_bridge, a_group_that_draft_16_cannot_number_ends_its_subscription_with_a_reason) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s16 = w.add(draft::d16);
    auto& s18 = w.add(draft::d18);
    const auto old = w.subscribe(s16, "video");
    const auto fresh = w.subscribe(s18, "video");
    w.send(p, "video", {7, 0}, "a");
    EXPECT_EQ(s16.got(old), "7:0=a");
    w.send(p, "video", {beyond_16, 0}, "b");
    EXPECT_EQ(s18.got(fresh), "7:0=a " + std::to_string(beyond_16) + ":0=b");
    EXPECT_EQ(s16.done(old), publish_done_code::internal_error);
    EXPECT_EQ(reason_of(s16, old), "this draft cannot express the group");
    EXPECT_FALSE(s16.session().closed());
}

TEST(relay_bridge, an_object_that_draft_16_cannot_number) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s16 = w.add(draft::d16);
    const auto id = w.subscribe(s16, "video");
    w.send(p, "video", {7, beyond_16}, "b");
    EXPECT_EQ(s16.done(id), publish_done_code::internal_error);
    EXPECT_EQ(reason_of(s16, id), "this draft cannot express the object");
}

TEST(relay_bridge, a_track_that_stands_beyond_draft_16_is_refused_at_once) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s18 = w.add(draft::d18);
    w.subscribe(s18, "video");
    w.send(p, "video", {beyond_16, 0}, "b");
    auto& s16 = w.add(draft::d16);
    const auto id = w.subscribe(s16, "video");
    EXPECT_EQ(s16.refused(id), request_error_code::not_supported);
    EXPECT_EQ(reason_of(s16, id), "this draft cannot express the track");
    const auto fetched = s16.session().fetch(w.net.now(), {{"live"}, "video"}, {0, 0}, {9, 0});
    w.flush(s16);
    EXPECT_TRUE(s16.accepted(*fetched) || s16.refused(*fetched)) << "an answer in any case";
}

TEST(relay_bridge, MUST_16_154_MUST_18_190_immutable_block_is_never_encoded_anew) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s18 = w.add(draft::d18);
    auto& s16 = w.add(draft::d16);
    const auto same = w.subscribe(s18, "video");
    const auto other = w.subscribe(s16, "video");
    // Inside, the number 1000: two bytes that mean something else to draft 16.
    std::array<std::byte, 16> inner{};
    key_value_writer in{rules_for(draft::d18), inner};
    in.put(0x80, 1000);
    std::array<std::byte, 32> block{};
    key_value_writer out{rules_for(draft::d18), block};
    out.put({property::immutable, 0, bytes{inner}.first(*in.size())});
    const auto whole = bytes{block}.first(*out.size());
    w.send(p, "video", {1, 0}, "x", 0, slice::copy(w.pool, whole));
    ASSERT_EQ(s18.got(same), "1:0=x");
    EXPECT_TRUE(equal(s18.objects[same][0].item.properties, whole));
    EXPECT_EQ(s16.got(other), "");
    EXPECT_EQ(s16.done(other), publish_done_code::internal_error);
}

TEST(relay_bridge, an_immutable_block_of_small_numbers_passes) {
    world w;
    auto& p = w.publish(draft::d18);
    auto& s16 = w.add(draft::d16);
    const auto id = w.subscribe(s16, "video");
    constexpr std::array inner{std::byte{2}, std::byte{5}}; // the same in both encodings
    std::array<std::byte, 32> block{};
    key_value_writer out{rules_for(draft::d18), block};
    out.put({property::immutable, 0, inner});
    w.send(p, "video", {1, 0}, "x", 0, slice::copy(w.pool, bytes{block}.first(*out.size())));
    EXPECT_EQ(s16.got(id), "1:0=x");
}

TEST(relay_bridge, MUST_16_153_MUST_18_189_unknown_properties_are_kept_in_order) {
    for (const auto from : spoken_drafts)
        for (const auto to : spoken_drafts) {
            world w;
            auto& p = w.publish(from);
            auto& s = w.add(to);
            const auto id = w.subscribe(s, "video");
            std::array<std::byte, 64> block{};
            key_value_writer out{rules_for(from), block};
            out.put(0x100, 77777);
            out.put({0x101, 0, as_bytes("abc")});
            out.put({0x101, 0, as_bytes("again")}); // the same type twice
            out.put(0x20000, 5);
            w.send(p, "video", {1, 0}, "x", 0,
                   slice::copy(w.pool, bytes{block}.first(*out.size())));
            ASSERT_EQ(s.objects[id].size(), 1u);
            const auto item = s.objects[id][0].item;
            key_value_reader in{rules_for(to), item.properties};
            EXPECT_EQ(in.next()->number, 77777u);
            EXPECT_EQ(as_text(in.next()->data), "abc");
            EXPECT_EQ(as_text(in.next()->data), "again");
            const auto last = in.next();
            EXPECT_EQ(last->type, 0x20000u);
            EXPECT_EQ(last->number, 5u);
            EXPECT_FALSE(in.next());
        }
}

TEST(relay_bridge, codes_that_a_draft_lacks_become_ones_that_it_has) {
    world w;
    auto& p = w.publish(draft::d18);
    p.refuse_with = request_error_code::going_away;
    auto& s16 = w.add(draft::d16);
    EXPECT_EQ(s16.refused(w.subscribe(s16, "video")), request_error_code::internal_error);
    auto& s18 = w.add(draft::d18);
    EXPECT_EQ(s18.refused(w.subscribe(s18, "video")), request_error_code::going_away);
}

TEST(relay_bridge, publish_done_codes_are_translated_by_name) {
    // EXPIRED and TOO_FAR_BEHIND have swapped their numbers between the drafts.
    world w;
    auto& p = w.publish(draft::d18);
    auto& s16 = w.add(draft::d16);
    const auto id = w.subscribe(s16, "video");
    w.send(p, "video", {1, 0}, "a");
    (void)p.session().publish_done(w.net.now(), p.tracks["video"].subscriptions.at(0),
                                   publish_done_code::unauthorized, "token");
    w.flush(p);
    EXPECT_EQ(s16.done(id), publish_done_code::unauthorized);
}

TEST(relay_bridge, MUST_16_152_MUST_18_188_payloads_pass_unchanged_whatever_their_size) {
    for (const auto from : spoken_drafts)
        for (const auto to : spoken_drafts) {
            world w;
            auto& p = w.publish(from);
            auto& s = w.add(to);
            const auto id = w.subscribe(s, "video");
            std::uint64_t o = 0;
            for (const std::size_t size :
                 {0u, 1u, 63u, 64u, 127u, 128u, 1200u, 16383u, 16384u, 200'000u}) {
                std::string payload(size, '\0');
                for (std::size_t i = 0; i < size; ++i)
                    payload[i] = static_cast<char>(i * 31 + size);
                w.send(p, "video", {1, o}, payload);
                w.run(milliseconds(200));
                ASSERT_EQ(s.objects[id].size(), o + 1) << size;
                EXPECT_EQ(text(s.objects[id].back().item.payload), payload) << size;
                ++o;
            }
        }
}
