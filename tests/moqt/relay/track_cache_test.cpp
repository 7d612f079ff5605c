#include <moqrtc/moqt/relay/track_cache.hpp>

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

struct fixture {
    explicit fixture(relay_config c = {}) : config{c} {}
    object make(std::uint64_t group, std::uint64_t id, std::string_view payload = "x") {
        object o;
        o.location = {group, id};
        o.payload = slice::copy(pool, as_bytes(payload));
        return o;
    }
    track_cache::outcome add(std::uint64_t group, std::uint64_t id,
                             std::string_view payload = "x") {
        return cache.add(now, rules_for(draft::d18), make(group, id, payload));
    }
    track_cache::outcome fetched(std::uint64_t group, std::uint64_t id) {
        return cache.add(now, rules_for(draft::d18), make(group, id), false);
    }
    /// The steps of a walk over a range: `o` object, `-` absent, `?` unknown.
    std::string walk(location lowest, location highest,
                     group_order order = group_order::ascending) {
        const location_range range{lowest, highest, order};
        std::string out;
        std::optional<location> at = range.first();
        for (int i = 0; at && i < 1000; ++i) {
            const auto step = cache.step(now, range, *at);
            EXPECT_FALSE(range.precedes(step.until, *at)) << "a step goes on";
            out += step.what == cache_step::kind::object   ? 'o'
                   : step.what == cache_step::kind::absent ? '-'
                                                           : '?';
            at = range.after(step.until);
        }
        return out;
    }
    buffer_pool pool;
    relay_config config;
    cache_store store{config};
    track_cache cache{store};
    instant now{};
};

} // namespace

TEST(track_cache, keeps_objects_by_location) {
    fixture f;
    EXPECT_EQ(f.add(1, 0), track_cache::outcome::stored);
    EXPECT_EQ(f.add(1, 1), track_cache::outcome::stored);
    EXPECT_EQ(f.add(1, 1), track_cache::outcome::duplicate);
    EXPECT_EQ(f.add(1, 1, "other"), track_cache::outcome::conflict);
    EXPECT_EQ(f.walk({1, 0}, {1, 1}), "oo");
    EXPECT_EQ(f.walk({1, 0}, {1, 5}), "oo?");
    EXPECT_EQ(f.walk({0, 0}, {1, 1}), "?oo");
}

TEST(track_cache, objects_may_come_in_any_order) {
    fixture f;
    for (const std::uint64_t id : {5u, 1u, 3u, 0u, 4u, 2u})
        f.add(1, id);
    EXPECT_EQ(f.walk({1, 0}, {1, 5}), "oooooo");
    const auto* group = f.cache.find(1);
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_EQ(group->objects[i].item.location.object, i);
}

TEST(track_cache, gaps_are_unknown_until_something_tells) {
    fixture f;
    f.cache.open(1)->torn = true;
    f.add(1, 0);
    f.add(1, 3);
    EXPECT_EQ(f.walk({1, 0}, {1, 3}), "o?o");
    f.cache.find(1)->known.add(1, 2); // as Prior Object ID Gap does
    EXPECT_EQ(f.walk({1, 0}, {1, 3}), "oo") << "from object to object over what is absent";
    f.add(4, 0);
    EXPECT_EQ(f.walk({1, 3}, {4, 0}), "o?o");
    f.cache.learn_absent(2, 3);
    EXPECT_EQ(f.walk({2, 0}, {4, 0}), "-o");
}

TEST(track_cache, a_group_whose_streams_all_ended_is_complete_once_a_later_one_is_there) {
    fixture f;
    auto* group = f.cache.open(1);
    group->open_streams = 1;
    f.add(1, 0);
    f.add(1, 2);
    f.add(2, 0);
    EXPECT_EQ(f.walk({1, 0}, {2, 0}), "o?o?o");
    group->open_streams = 0;
    EXPECT_EQ(f.walk({1, 0}, {2, 0}), "oo-o");
    fixture torn;
    torn.cache.open(1)->torn = true;
    torn.add(1, 0);
    torn.add(2, 0);
    EXPECT_EQ(torn.walk({1, 0}, {2, 0}), "o?o");
}

TEST(track_cache, walks_groups_downwards) {
    fixture f;
    for (std::uint64_t g = 1; g <= 3; ++g)
        for (std::uint64_t o = 0; o < 2; ++o)
            f.add(g, o);
    EXPECT_EQ(f.walk({1, 1}, {3, 0}, group_order::descending), "ooo-o-");
    EXPECT_EQ(f.walk({0, 0}, {3, 1}, group_order::descending), "oooo-oo-?");
}

TEST(track_cache, what_a_fetch_tells_is_known) {
    fixture f;
    const location_range range{{1, 0}, {5, UINT64_MAX}, group_order::ascending};
    f.cache.learn(range, {1, 0}, {3, 4}); // nothing but one object, as the fetch said
    f.fetched(3, 4);
    EXPECT_EQ(f.walk({1, 0}, {3, 4}), "--o");
    fixture d;
    const location_range down{{1, 0}, {5, UINT64_MAX}, group_order::descending};
    d.cache.learn(down, {5, 0}, {2, 3});
    d.fetched(2, 3);
    EXPECT_EQ(d.walk({2, 0}, {5, UINT64_MAX}, group_order::descending), "--o?");
}

TEST(track_cache, bounded_in_groups) {
    fixture f{{.cache_groups = 3}};
    for (std::uint64_t g = 1; g <= 10; ++g)
        f.add(g, 0);
    EXPECT_EQ(f.cache.groups(), 3u);
    EXPECT_EQ(f.cache.find(7), nullptr);
    EXPECT_NE(f.cache.find(8), nullptr);
    EXPECT_EQ(f.add(2, 0), track_cache::outcome::refused) << "older than all that is kept";
    EXPECT_EQ(f.store.objects(), 3u);
}

TEST(track_cache, bounded_in_bytes_of_a_track) {
    fixture f{{.cache_track_bytes = 20'000}};
    const std::string payload(1000, 'x');
    for (std::uint64_t g = 1; g <= 4; ++g)
        for (std::uint64_t o = 0; o < 50; ++o) {
            f.add(g, o, payload);
            EXPECT_LE(f.cache.bytes(), 20'000u);
        }
    EXPECT_EQ(f.cache.groups(), 1u) << "the newest alone fills it";
    EXPECT_LT(f.cache.newest()->objects.size(), 20u);
    EXPECT_EQ(f.cache.newest()->objects[f.cache.newest()->objects.size() - 1].item.location.object,
              49u);
    EXPECT_EQ(f.walk({4, 0}, {4, 49})[0], '?') << "what was dropped is unknown, not absent";
    EXPECT_EQ(f.store.bytes(), f.cache.bytes());
}

TEST(track_cache, bounded_in_bytes_of_all_tracks_oldest_first) {
    fixture f{{.cache_bytes = 30'000}};
    track_cache other{f.store};
    const std::string payload(5000, 'x');
    f.add(1, 0, payload);
    for (std::uint64_t g = 1; g <= 5; ++g)
        other.add(f.now, rules_for(draft::d18), f.make(g, 0, payload));
    EXPECT_LE(f.store.bytes(), 30'000u);
    EXPECT_EQ(f.cache.groups(), 0u);
    EXPECT_EQ(other.groups(), 5u);
}

TEST(track_cache, what_is_retained_survives_the_bound_on_all_tracks) {
    fixture f{{.cache_bytes = 20'000}};
    f.cache.retain_newest(true);
    f.add(1, 0, "old catalog");
    f.add(2, 0, "catalog");
    track_cache other{f.store};
    for (std::uint64_t g = 1; g <= 20; ++g)
        other.add(f.now, rules_for(draft::d18), f.make(g, 0, std::string(5000, 'x')));
    EXPECT_EQ(f.cache.groups(), 1u);
    EXPECT_EQ(f.walk({2, 0}, {2, 0}), "o");
}

TEST(track_cache, bounded_in_age) {
    fixture f;
    f.add(1, 0);
    f.now = f.now + seconds(20);
    f.add(2, 0);
    f.now = f.now + seconds(20);
    f.cache.sweep(f.now, true);
    EXPECT_EQ(f.cache.find(1), nullptr);
    EXPECT_NE(f.cache.find(2), nullptr);
    f.now = f.now + seconds(40);
    f.cache.sweep(f.now, true);
    EXPECT_EQ(f.cache.groups(), 1u) << "the newest group stays as long as the track lives";
    f.cache.sweep(f.now, false);
    EXPECT_EQ(f.cache.groups(), 0u);
}

TEST(track_cache, objects_beyond_their_duration_are_unknown) {
    fixture f;
    f.cache.set_duration(milliseconds(500));
    f.add(1, 0);
    f.now = f.now + milliseconds(400);
    f.add(1, 1);
    EXPECT_EQ(f.walk({1, 0}, {1, 1}), "oo");
    f.now = f.now + milliseconds(200);
    EXPECT_EQ(f.walk({1, 0}, {1, 1}), "?o");
}

TEST(track_cache, any_sequence_keeps_the_accounts) {
    std::mt19937_64 random{7};
    for (int round = 0; round < 30; ++round) {
        fixture f{{.cache_bytes = 40'000,
                   .cache_track_bytes = 15'000,
                   .cache_groups = 4,
                   .cache_objects_per_group = 20}};
        track_cache other{f.store};
        for (int i = 0; i < 2000; ++i) {
            auto& cache = random() % 3 == 0 ? other : f.cache;
            f.now = f.now + milliseconds(static_cast<std::int64_t>(random() % 50));
            const auto group = random() % 12;
            const auto id = random() % 40;
            (void)cache.add(f.now, rules_for(draft::d18),
                            f.make(group, id, std::string(random() % 900, 'p')));
            if (random() % 40 == 0) cache.sweep(f.now, random() % 2 == 0);
            ASSERT_LE(cache.groups(), 4u);
            ASSERT_LE(f.store.bytes(), 40'000u);
            ASSERT_EQ(f.store.bytes(), f.cache.bytes() + other.bytes());
            if (i % 100 == 0) {
                const auto up = f.walk({0, 0}, {11, 39});
                const auto down = f.walk({0, 0}, {11, 39}, group_order::descending);
                ASSERT_EQ(std::count(up.begin(), up.end(), 'o'),
                          std::count(down.begin(), down.end(), 'o'));
            }
        }
        f.cache.clear();
        other.clear();
        ASSERT_EQ(f.store.bytes(), 0u);
        ASSERT_EQ(f.store.objects(), 0u);
    }
}

TEST(intervals, agree_with_a_set_of_numbers) {
    std::mt19937_64 random{3};
    for (int round = 0; round < 200; ++round) {
        intervals all;
        std::array<bool, 64> model{};
        for (int i = 0; i < 60; ++i) {
            const auto first = random() % 60;
            if (random() % 3 != 0) {
                const auto last = std::min<std::uint64_t>(first + random() % 4, 63);
                all.add(first, last);
                for (auto n = first; n <= last; ++n)
                    model[n] = true;
            } else {
                all.remove(first);
                model[first] = false;
            }
            for (std::uint64_t n = 0; n < 64; ++n) {
                ASSERT_EQ(all.contains(n), model[n]) << n;
                if (const auto next = all.above(n)) {
                    ASSERT_TRUE(model[next->first]);
                    ASSERT_GT(next->first, n);
                }
                if (const auto before = all.below(n)) {
                    ASSERT_TRUE(model[before->last]);
                    ASSERT_LT(before->last, n);
                }
            }
        }
    }
}

TEST(intervals, reach_to_the_largest_number) {
    intervals all;
    all.add(5, UINT64_MAX);
    all.add(0, 3);
    EXPECT_EQ(all.size(), 2u);
    all.add(4, 4);
    EXPECT_EQ(all.size(), 1u);
    EXPECT_TRUE(all.contains(UINT64_MAX));
    all.remove(UINT64_MAX);
    EXPECT_FALSE(all.contains(UINT64_MAX));
    EXPECT_TRUE(all.contains(UINT64_MAX - 1));
}
