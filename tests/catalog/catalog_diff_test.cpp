#include <moqrtc/catalog/catalog_diff.hpp>

#include <algorithm>
#include <catalog/sampler.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <string>

namespace moqrtc::catalog {
namespace {

/// The delta, written and read again.
delta over_the_wire(const delta& made) {
    const auto text = write_delta(made);
    EXPECT_TRUE(text);
    return *detail::read_delta(*parse_json(as_bytes(*text)), *text, {});
}

catalog one_rendition() {
    catalog out;
    auto video = make_track("hd", {codec::media_kind::video, "avc1.640028", 1920, 1080, 0, 0});
    video.alt_group = 1;
    video.render_group = 1;
    video.bitrate = 5000000;
    video.framerate = 30;
    set_init(out, video, as_bytes("hd header"));
    out.tracks = {video};
    return out;
}

TEST(catalog_diff, a_new_rendition_is_cloned_from_the_one_beside_it) {
    const auto before = one_rendition();
    auto after = before;
    auto small = after.tracks[0];
    small.name = "sd";
    small.width = 640;
    small.height = 360;
    set_init(after, small, as_bytes("sd header"));
    after.tracks.push_back(small);
    const auto made = make_delta(before, after);
    ASSERT_TRUE(made);
    ASSERT_EQ(made->operations.size(), 1U);
    EXPECT_EQ(made->operations[0].op, operation::kind::clone);
    EXPECT_EQ(made->operations[0].tracks[0], (json{{"parentName", "hd"},
                                                   {"name", "sd"},
                                                   {"width", 640},
                                                   {"height", 360},
                                                   {"initRef", "init-sd"}}));
    const auto reached = apply(before, over_the_wire(*made));
    ASSERT_TRUE(reached);
    EXPECT_TRUE(same_content(*reached, after));
}

TEST(catalog_diff, a_codec_switch_announces_before_it_removes) {
    const auto before = one_rendition();
    catalog after;
    after.tracks = {make_track("hd-av1", {codec::media_kind::video, "av01.0.08M.08", 0, 0, 0, 0})};
    const auto made = make_delta(before, after);
    ASSERT_TRUE(made);
    ASSERT_EQ(made->operations.size(), 2U);
    EXPECT_EQ(made->operations[0].op, operation::kind::add);
    EXPECT_EQ(made->operations[1].op, operation::kind::remove);
    EXPECT_TRUE(same_content(*apply(before, over_the_wire(*made)), after));
}

TEST(catalog_diff, what_was_declared_never_changes_by_msf_01) {
    const auto before = one_rendition();
    auto after = before;
    after.tracks[0].bitrate = 1;
    EXPECT_EQ(make_delta(before, after).error().code, errc::not_in_draft);
    EXPECT_EQ(make_delta(before, after, delta_rules::msf_editors_copy).error().code,
              errc::not_found); // generatedAt
    after.generated_at = 1746104606044;
    const auto made = make_delta(before, after, delta_rules::msf_editors_copy);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->operations[0].op, operation::kind::update);
    EXPECT_EQ(made->operations[0].tracks[0], (json{{"parentName", "hd"}, {"bitrate", 1}}));
    EXPECT_TRUE(same_content(*apply(before, over_the_wire(*made)), after));
}

TEST(catalog_diff, what_no_delta_can_say) {
    const auto before = one_rendition();
    auto complete = before;
    complete.is_complete = true;
    EXPECT_EQ(make_delta(before, complete).error().code, errc::not_in_draft);
    auto other_header = before;
    other_header.init_data_list[0].data = "AAAA";
    EXPECT_EQ(make_delta(before, other_header).error().code, errc::not_in_draft);
    auto custom = before;
    custom.custom["com.example"] = 1;
    EXPECT_EQ(make_delta(before, custom).error().code, errc::not_in_draft);
    auto less = before;
    less.generated_at = 1;
    less.tracks[0].bitrate.reset(); // an override sets and never takes away
    EXPECT_EQ(make_delta(before, less, delta_rules::msf_editors_copy).error().code,
              errc::not_in_draft);
}

TEST(catalog_diff, no_difference_is_no_delta) {
    const auto before = one_rendition();
    auto later = before;
    later.generated_at = 5;
    later.source = format::plain;
    EXPECT_TRUE(same_content(before, later));
    EXPECT_TRUE(make_delta(before, later)->empty());
    later.tracks[0].track_namespace = "n";
    EXPECT_TRUE(same_content(before, later, "n"));
    EXPECT_FALSE(same_content(before, later, "m"));
}

/// Some of the tracks of `from` and some new ones, as an update by the rules leaves them.
catalog grown(const catalog& from) {
    auto after = from;
    std::erase_if(after.tracks, [](const track&) { return *rc::gen::arbitrary<bool>(); });
    for (auto& one : samples::some_tracks()) {
        one.name += "+"; // never the name of a track in front
        if (!from.tracks.empty() && *rc::gen::arbitrary<bool>()) {
            const auto name = one.name;
            one = from.tracks[*rc::gen::inRange<std::size_t>(0, from.tracks.size())];
            one.name = name;
            one.label = *samples::text();
        }
        if (find_track(from, namespace_of(one, ""), one.name) != nullptr ||
            find_track(after, namespace_of(one, ""), one.name) != nullptr)
            continue;
        if (*rc::gen::arbitrary<bool>()) {
            const auto data = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
            set_init(after, one, as_bytes("new " + data));
        }
        after.tracks.push_back(one);
    }
    std::erase_if(after.init_data_list,
                  [&](const init_data& entry) { return !detail::is_referenced(after, entry); });
    return after;
}

/// Without tracks of two names and entries that nobody refers to, which a delta does not touch.
catalog start() {
    auto from = samples::any();
    std::erase_if(from.init_data_list,
                  [&](const init_data& entry) { return !detail::is_referenced(from, entry); });
    return from;
}

TEST(catalog_diff, any_growth_and_loss_of_tracks_round_trips) {
    EXPECT_TRUE(rc::check("delta round trip", [] {
        const auto before = start();
        const auto after = grown(before);
        const auto made = make_delta(before, after);
        RC_ASSERT(made.has_value());
        if (same_content(before, after)) {
            RC_ASSERT(made->empty());
            return;
        }
        const auto reached = apply(before, over_the_wire(*made));
        RC_ASSERT(reached.has_value());
        RC_ASSERT(same_content(*reached, after));
    }));
}

TEST(catalog_diff, any_two_catalogs_give_a_delta_that_leads_there_or_none) {
    EXPECT_TRUE(rc::check("any two", [] {
        const auto before = samples::any();
        auto after = *rc::gen::arbitrary<bool>() ? samples::any() : grown(before);
        after.generated_at = 1;
        for (const auto rules : {delta_rules::msf, delta_rules::msf_editors_copy}) {
            const auto made = make_delta(before, after, rules, "a");
            if (!made || made->empty()) continue;
            const auto reached = apply(before, over_the_wire(*made), "a");
            RC_ASSERT(reached.has_value());
            RC_ASSERT(same_content(*reached, after, "a"));
        }
    }));
}

} // namespace
} // namespace moqrtc::catalog
