#include "client/ordering.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <rapidcheck/gtest.h>
#include <set>
#include <vector>

namespace moqrtc::reference {
namespace {

using moqt::location;

constexpr instant start{1'000'000};

std::vector<location> drain(ordering& order, instant now, bool last = false) {
    std::vector<location> out;
    while (auto object = order.next(now, last))
        out.push_back(object->at);
    return out;
}

void whole_group(ordering& order, std::uint64_t group, std::uint64_t objects) {
    order.stream_opened(group);
    for (std::uint64_t i = 0; i < objects; ++i)
        order.add({group, i}, {});
    order.stream_closed(group, true);
    order.group_ends(group, objects);
}

TEST(client_ordering, gives_out_at_once_what_follows) {
    ordering order;
    whole_group(order, 7, 2);
    whole_group(order, 8, 1);
    EXPECT_EQ(drain(order, start), (std::vector<location>{{7, 0}, {7, 1}, {8, 0}}));
    EXPECT_EQ(order.gaps(), 0u);
    EXPECT_EQ(order.groups(), 2u);
    EXPECT_EQ(order.next_timeout(), never);
}

TEST(client_ordering, learns_how_many_streams_a_group_has) {
    ordering order;
    auto now = start;
    for (std::uint64_t group = 1; group < 5; ++group) {
        for (std::uint64_t subgroup = 0; subgroup < 2; ++subgroup) {
            order.stream_opened(group);
            order.add({group, subgroup}, {});
            order.stream_closed(group, true);
            const auto out = drain(order, now);
            // No stream says that it ends its group. The first time there is nothing to go by, and
            // the first object of the second group is held up.
            EXPECT_EQ(out.size(), group == 2 && subgroup == 0 ? 0u : 1u) << group;
            if (!out.empty()) continue;
            now = now + ordering::patience;
            EXPECT_EQ(drain(order, now).size(), 1u);
        }
    }
    EXPECT_EQ(order.gaps(), 0u);
}

TEST(client_ordering, counts_what_comes_too_late) {
    ordering order;
    order.add({1, 0}, {}); // a datagram: where the group ends is not said
    order.add({2, 0}, {});
    EXPECT_EQ(drain(order, start).size(), 1u);
    EXPECT_EQ(drain(order, start + ordering::patience).size(), 1u);
    EXPECT_EQ(order.gaps(), 0u);
    EXPECT_FALSE(order.add({1, 1}, {}));
    EXPECT_EQ(order.gaps(), 1u);
    EXPECT_FALSE(order.add({1, 0}, {}));
    EXPECT_EQ(order.gaps(), 1u) << "it was given out";
}

TEST(client_ordering, says_where_groups_start) {
    ordering order;
    whole_group(order, 7, 2);
    whole_group(order, 8, 1);
    EXPECT_TRUE(order.next(start)->group_starts);
    EXPECT_FALSE(order.next(start)->group_starts);
    EXPECT_TRUE(order.next(start)->group_starts);
}

TEST(client_ordering, waits_for_the_fetch_that_brings_the_beginning) {
    ordering order;
    order.begin_at({3, 0});
    order.set_fetching(true);
    order.stream_opened(3);
    order.add({3, 5}, {});
    EXPECT_TRUE(drain(order, start).empty());
    for (std::uint64_t i = 0; i < 5; ++i)
        order.add({3, i}, {});
    order.set_fetching(false);
    EXPECT_EQ(drain(order, start).size(), 6u);
    EXPECT_EQ(order.gaps(), 0u);
}

TEST(client_ordering, waits_for_a_group_whose_stream_is_late) {
    ordering order;
    whole_group(order, 1, 1);
    EXPECT_EQ(drain(order, start).size(), 1u);
    whole_group(order, 3, 1);
    EXPECT_TRUE(drain(order, start).empty()) << "group 2 may be on its way";
    whole_group(order, 2, 1);
    EXPECT_EQ(drain(order, start), (std::vector<location>{{2, 0}, {3, 0}}));
    EXPECT_EQ(order.gaps(), 0u);
}

TEST(client_ordering, passes_over_a_group_that_never_comes_after_patience) {
    ordering order;
    whole_group(order, 1, 1);
    whole_group(order, 3, 1);
    EXPECT_EQ(drain(order, start).size(), 1u);
    ASSERT_EQ(order.next_timeout(), start + ordering::patience);
    EXPECT_TRUE(drain(order, start + (ordering::patience - microseconds(1))).empty());
    EXPECT_EQ(drain(order, start + ordering::patience), (std::vector<location>{{3, 0}}));
    EXPECT_EQ(order.gaps(), 1u);
}

TEST(client_ordering, leaves_a_reset_group_at_once) {
    ordering order;
    order.stream_opened(1);
    order.add({1, 0}, {});
    order.stream_closed(1, false);
    whole_group(order, 2, 1);
    EXPECT_EQ(drain(order, start), (std::vector<location>{{1, 0}, {2, 0}}));
    EXPECT_EQ(order.gaps(), 1u);
}

TEST(client_ordering, an_open_stream_is_waited_for_longer) {
    ordering order;
    order.stream_opened(1);
    order.add({1, 0}, {});
    EXPECT_EQ(drain(order, start).size(), 1u);
    whole_group(order, 2, 1);
    EXPECT_TRUE(drain(order, start).empty());
    EXPECT_TRUE(drain(order, start + seconds(1)).empty());
    order.add({1, 1}, {}); // progress
    EXPECT_EQ(drain(order, start + seconds(1)).size(), 1u);
    EXPECT_TRUE(drain(order, start + seconds(3)).empty());
    EXPECT_EQ(drain(order, start + seconds(6)).size(), 1u);
    EXPECT_EQ(order.gaps(), 1u);
}

TEST(client_ordering, groups_that_are_not_numbered_one_by_one_cost_patience_three_times_only) {
    ordering order;
    auto now = start;
    for (std::uint64_t i = 0; i < 4; ++i) {
        whole_group(order, i * 10, 1);
        now = now + seconds(1);
        (void)drain(order, now);
        now = now + seconds(1);
        (void)drain(order, now);
    }
    EXPECT_EQ(order.objects(), 4u);
    EXPECT_EQ(order.gaps(), 3u);
    whole_group(order, 40, 1);
    EXPECT_EQ(drain(order, now).size(), 1u);
    EXPECT_EQ(order.gaps(), 3u);
}

TEST(client_ordering, gives_nothing_out_twice_after_a_restart) {
    ordering order;
    whole_group(order, 1, 3);
    EXPECT_EQ(drain(order, start).size(), 3u);
    order.restart();
    order.set_fetching(true);
    for (std::uint64_t i = 0; i < 3; ++i)
        EXPECT_FALSE(order.add({1, i}, {}));
    order.add({1, 3}, {});
    order.set_fetching(false);
    EXPECT_EQ(drain(order, start), (std::vector<location>{{1, 3}}));
    EXPECT_EQ(order.gaps(), 0u);
}

/// What streams bring, in any interleaving of the streams.
struct arrival {
    enum class kind : std::uint8_t { open, object, finish, reset } what{};
    location at{};
    bool ends_group = false; ///< the stream said that it does, and has what comes before `at`
};

std::vector<arrival> interleave(std::vector<std::vector<arrival>> streams, std::mt19937_64& dice) {
    std::vector<arrival> out;
    std::vector<std::size_t> position(streams.size());
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < streams.size(); ++i)
        live.push_back(i);
    while (!live.empty()) {
        // Streams that were opened earlier are ahead most of the time.
        const auto pick = std::min(dice() % live.size(), dice() % live.size());
        const auto s = live[pick];
        out.push_back(streams[s][position[s]++]);
        if (position[s] == streams[s].size())
            live.erase(live.begin() + static_cast<std::ptrdiff_t>(pick));
    }
    return out;
}

void feed(ordering& order, const arrival& a) {
    switch (a.what) {
    case arrival::kind::open:
        return order.stream_opened(a.at.group);
    case arrival::kind::object:
        (void)order.add(a.at, {});
        return;
    case arrival::kind::finish:
        order.stream_closed(a.at.group, true);
        if (a.ends_group) order.group_ends(a.at.group, a.at.object);
        return;
    case arrival::kind::reset:
        return order.stream_closed(a.at.group, false);
    }
}

/// Streams of `groups` groups; each of its objects lies in one of `subgroups` streams.
std::vector<std::vector<arrival>> make_streams(std::uint64_t groups, std::uint64_t subgroups,
                                               bool resets, std::mt19937_64& dice,
                                               std::set<location>& sent) {
    std::vector<std::vector<arrival>> out;
    for (std::uint64_t g = 0; g < groups; ++g) {
        const auto count = 1 + dice() % 6;
        for (std::uint64_t s = 0; s < subgroups; ++s) {
            std::vector<arrival> stream{{arrival::kind::open, {100 + g, 0}}};
            const bool reset = resets && dice() % 4 == 0;
            const auto until = reset ? dice() % (count + 1) : count;
            for (std::uint64_t o = s; o < until; o += subgroups) {
                stream.push_back({arrival::kind::object, {100 + g, o}});
                sent.insert({100 + g, o});
            }
            const bool last = !reset && (count - 1) % subgroups == s;
            stream.push_back({reset ? arrival::kind::reset : arrival::kind::finish,
                              {100 + g, last ? count : 0},
                              last});
            if (stream.size() > 2) out.push_back(std::move(stream));
        }
    }
    return out;
}

/// Feeds everything and gives out after each step; the clock moves by `step` each time.
std::vector<location> play(ordering& order, const std::vector<arrival>& arrivals, duration step) {
    std::vector<location> out;
    auto now = start;
    for (const auto& a : arrivals) {
        feed(order, a);
        now = now + step;
        for (const auto at : drain(order, now))
            out.push_back(at);
    }
    for (const auto at : drain(order, now, true))
        out.push_back(at);
    return out;
}

bool increasing(const std::vector<location>& all) {
    return std::ranges::adjacent_find(all, [](location a, location b) { return !(a < b); }) ==
           all.end();
}

RC_GTEST_PROP(client_ordering, loses_nothing_when_every_stream_completes,
              (std::uint64_t seed, bool several)) {
    std::mt19937_64 dice{seed};
    std::set<location> sent;
    const auto arrivals =
        interleave(make_streams(1 + dice() % 8, several ? 3 : 1, false, dice, sent), dice);
    ordering order;
    order.begin_at({100, 0});
    const auto out = play(order, arrivals, microseconds(100)); // all within patience
    RC_ASSERT(increasing(out));
    RC_ASSERT(std::set<location>(out.begin(), out.end()) == sent);
    RC_ASSERT(order.gaps() == 0u);
}

RC_GTEST_PROP(client_ordering, stays_in_order_whatever_is_reset_and_however_late,
              (std::uint64_t seed)) {
    std::mt19937_64 dice{seed};
    std::set<location> sent;
    const auto arrivals =
        interleave(make_streams(1 + dice() % 10, 1 + dice() % 3, true, dice, sent), dice);
    ordering order;
    order.begin_at({100, 0});
    const auto step = microseconds(static_cast<std::int64_t>(dice() % 1'000'000));
    const auto out = play(order, arrivals, step);
    RC_ASSERT(increasing(out));
    for (const auto at : out)
        RC_ASSERT(sent.contains(at));
    RC_ASSERT(order.objects() == out.size());
    if (out.size() < sent.size()) RC_ASSERT(order.gaps() > 0u);
}

} // namespace
} // namespace moqrtc::reference
