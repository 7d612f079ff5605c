#include <moqrtc/moqt/session/session.hpp>

#include <map>
#include <moqt/session/scenario.hpp>
#include <set>

/// Whole sessions over networks that lose, delay, reorder, cut and abort, each by a seed: what
/// arrives is right, what does not arrive is told, nothing hangs and nothing is kept.

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

/// What stands in object `where` of track `alias`.
std::string content_of(track_alias alias, location where) {
    random_source random{alias * 1'000'003 + where.group * 1009 + where.object};
    std::string out(static_cast<std::size_t>(random.below(3000)), '\0');
    for (auto& c : out)
        c = static_cast<char>(random.next());
    return out;
}

constexpr std::uint64_t groups = 6;
constexpr std::uint64_t per_group = 5;

/// Accepts everything and publishes a few groups of every track asked for.
class publisher : public moqrtc::testing::endpoint {
public:
    explicit publisher(moqt::session& of) : session_{&of} {}
    [[nodiscard]] moqt::session& session() noexcept override { return *session_; }
    void after_input(instant now) override {
        while (const auto e = session_->poll_event())
            handle(now, *e);
    }
    std::size_t ends = 0; ///< `closed` events
    bool after_end = false;

private:
    void handle(instant now, const event& e) {
        after_end = after_end || ends != 0;
        if (e.what == kind::closed) ++ends;
        if (e.what != kind::requested) return;
        if (e.request == request_kind::subscribe) {
            const auto alias = e.id + 1;
            if (!session_->accept_subscribe(now, e.id, alias)) return;
            for (std::uint64_t group = 0; group < groups; ++group)
                publish_group(now, e.id, alias, group);
            (void)session_->publish_done(now, e.id, publish_done_code::track_ended, "");
        } else if (e.request == request_kind::fetch) {
            const auto stream = session_->open_fetch_stream(now, e.id);
            if (!stream) return;
            for (std::uint64_t group = 0; group < groups; ++group)
                for (std::uint64_t n = 0; n < per_group; ++n) {
                    object item;
                    item.location = {group, n};
                    if (!fill(item.payload, content_of(e.id, item.location)) ||
                        !session_->write_fetch_object(now, *stream, item)) {
                        (void)session_->reset_stream(now, *stream, reset_code::excessive_load);
                        return (void)session_->accept_fetch(now, e.id, {groups, 0}, true);
                    }
                }
            (void)session_->finish_stream(now, *stream);
            (void)session_->accept_fetch(now, e.id, {groups, 0}, true);
        } else {
            (void)session_->accept(now, e.id);
        }
    }
    void publish_group(instant now, request_id id, track_alias alias, std::uint64_t group) {
        const auto stream =
            session_->open_subgroup(now, id, {.group = group, .end_of_group = true});
        if (!stream) return;
        for (std::uint64_t n = 0; n < per_group; ++n) {
            slice payload;
            if (!fill(payload, content_of(alias, {group, n})) ||
                !session_->write_object(now, *stream, n, {}, payload)) // not half of a subgroup
                return (void)session_->reset_stream(now, *stream, reset_code::excessive_load);
        }
        (void)session_->finish_stream(now, *stream);
        object item;
        item.location = {group, per_group};
        if (fill(item.payload, content_of(alias, item.location).substr(0, 900)))
            (void)session_->send_datagram(now, id, item);
    }
    /// False when the pool has no room for it.
    bool fill(slice& out, std::string_view content) {
        out = text(session_->pool(), content);
        return out.size() == content.size();
    }

    moqt::session* session_;
};

/// Subscribes to some tracks, fetches one, and checks what comes.
class subscriber : public moqrtc::testing::endpoint {
public:
    explicit subscriber(moqt::session& of) : session_{&of} {}
    [[nodiscard]] moqt::session& session() noexcept override { return *session_; }
    void after_input(instant now) override {
        while (const auto e = session_->poll_event())
            handle(now, *e);
    }

    std::map<request_id, track_alias> aliases;
    std::map<data_stream, request_id> open;
    std::size_t wanted = 0;
    std::size_t through = 0; ///< requests that ended, one way or the other
    std::optional<request_id> fetch{};
    bool fetch_seen = false; ///< its stream, or the end of it
    std::size_t objects = 0;
    std::size_t datagrams = 0;
    std::size_t cut = 0; ///< streams that were reset
    std::size_t ends = 0;
    bool after_end = false;
    std::string wrong;

private:
    void handle(instant now, const event& e) {
        after_end = after_end || ends != 0;
        switch (e.what) {
        case kind::established:
            for (const auto* name : {"a", "b", "c"})
                if (session_->subscribe(now, track(name))) ++wanted;
            if (const auto id = session_->fetch(now, track("d"), {0, 0}, {groups, 0})) {
                fetch = *id;
                ++wanted;
            }
            if (session_->track_status(now, track("e"))) ++wanted;
            break;
        case kind::accepted:
            if (e.request == request_kind::track_status) ++through;
            if (e.request == request_kind::subscribe) {
                const auto ok = e.as<msg::subscribe_ok>();
                if (ok)
                    aliases[e.id] = ok->track_alias;
                else
                    wrong = "an event without its message";
            }
            break;
        case kind::rejected:
        case kind::cancelled:
        case kind::publish_done:
            ++through;
            break;
        case kind::subgroup_opened:
            if (!open.emplace(e.stream, e.id).second) wrong = "a stream opened twice";
            break;
        case kind::object: {
            const bool datagram = e.stream == no_stream;
            ++(datagram ? datagrams : objects);
            fetch_seen = fetch_seen || e.request == request_kind::fetch;
            if (!datagram && e.request != request_kind::fetch && !open.contains(e.stream))
                wrong = "an object of a stream that is not open";
            const auto alias = e.request == request_kind::fetch ? e.id : aliases[e.id];
            auto expected = content_of(alias, e.item.location);
            if (datagram) expected = expected.substr(0, 900);
            if (text(e.item.payload) != expected) wrong = "content differs";
            break;
        }
        case kind::stream_reset:
            ++cut;
            [[fallthrough]];
        case kind::stream_finished:
            fetch_seen = fetch_seen || e.request == request_kind::fetch;
            if (e.request == request_kind::fetch)
                ++through;
            else if (open.erase(e.stream) == 0)
                wrong = "the end of a stream that is not open";
            break;
        case kind::closed:
            ++ends;
            break;
        default:
            break;
        }
    }

    moqt::session* session_;
};

link_config network(std::uint64_t seed) {
    random_source random{seed};
    link_config link{.seed = seed};
    path_config path;
    path.delay = milliseconds(static_cast<std::int64_t>(random.between(1, 60)));
    path.jitter = milliseconds(static_cast<std::int64_t>(random.below(80)));
    path.loss = static_cast<unsigned>(random.below(150));
    path.smallest_packet = random.below(2) == 0 ? 1 : 0;
    path.largest_packet = random.between(40, 1200);
    if (random.below(3) == 0) path.congestion_window = 4000;
    if (random.below(4) == 0) path.rate = 200'000;
    link.set_paths(path);
    link.stream_window = random.below(2) == 0 ? 2000 : 1 << 20;
    link.unidirectional_streams = random.between(2, 30);
    link.bidirectional_streams = random.between(2, 10);
    return link;
}

struct faults : ::testing::TestWithParam<draft> {
    using world = sim_pair<subscriber, publisher>;
    void check(world& pair, const char* what) {
        auto& got = pair.client();
        EXPECT_EQ(pair.link().statistics().violations, 0u)
            << what << ": " << pair.link().statistics().last_violation;
        EXPECT_EQ(got.wrong, "") << what;
        EXPECT_FALSE(got.after_end) << "event after closed";
        EXPECT_FALSE(pair.server().after_end);
        EXPECT_EQ(got.ends, pair.client_session().closed() ? 1u : 0u);
        EXPECT_EQ(pair.server().ends, pair.server_session().closed() ? 1u : 0u);
        pair.release();
        EXPECT_EQ(pair.client_pool.used(), 0u) << what;
        EXPECT_EQ(pair.server_pool.used(), 0u) << what;
    }
};

} // namespace

INSTANTIATE_TEST_SUITE_P(drafts, faults, ::testing::ValuesIn(spoken_drafts), draft_name);

TEST_P(faults, a_bad_network_changes_nothing_but_the_time) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        world pair{config_of(GetParam()), network(seed)};
        pair.run_for(seconds(120));
        auto& got = pair.client();
        ASSERT_FALSE(pair.client_session().closed() || pair.server_session().closed());
        ASSERT_EQ(got.wanted, 5u);
        ASSERT_EQ(got.through, 5u);
        ASSERT_EQ(got.objects, 4 * groups * per_group);
        ASSERT_EQ(got.cut, 0u);
        ASSERT_LE(got.datagrams, 3 * groups);
        ASSERT_TRUE(got.open.empty());
        ASSERT_EQ(pair.client_session().request_count(), 0u);
        ASSERT_EQ(pair.server_session().request_count(), 0u);
        ASSERT_EQ(pair.link().open_streams(), rules_for(GetParam()).control_pair ? 2u : 1u);
        check(pair, "bad network");
        if (HasFailure()) return;
    }
}

TEST_P(faults, aborted_streams_are_told_and_the_rest_arrives) {
    std::size_t cut = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        auto link = network(seed);
        link.to_client.stream_abort = 20;
        link.to_client.stream_stop = 20;
        world pair{config_of(GetParam()), link};
        pair.run_for(seconds(120));
        auto& got = pair.client();
        ASSERT_FALSE(pair.client_session().closed() || pair.server_session().closed());
        if (!got.fetch_seen) {
            // Reset before its header came: nobody can know that this was the stream of the FETCH,
            // so its end is the application's to decide.
            ASSERT_EQ(got.through, 4u);
            ASSERT_TRUE(pair.client_session().cancel(pair.now(), got.fetch.value()));
            pair.run_for(seconds(5));
            ++got.through;
        }
        ASSERT_EQ(got.through, 5u);
        ASSERT_LE(got.objects, 4 * groups * per_group);
        ASSERT_TRUE(got.open.empty());
        cut += got.cut;
        ASSERT_EQ(pair.client_session().request_count(), 0u);
        ASSERT_EQ(pair.server_session().request_count(), 0u);
        check(pair, "aborts");
        if (HasFailure()) return;
    }
    EXPECT_GT(cut, 100u);
}

TEST_P(faults, a_connection_that_dies_leaves_nothing_behind) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        auto link = network(seed);
        link.dies_at = instant{} + milliseconds(static_cast<std::int64_t>(seed * 7));
        world pair{config_of(GetParam()), link};
        pair.run_for(seconds(60));
        ASSERT_TRUE(pair.client_session().closed() && pair.server_session().closed());
        check(pair, "death");
        if (HasFailure()) return;
    }
}

TEST_P(faults, closing_at_any_moment_reaches_the_peer) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        world pair{config_of(GetParam()), network(seed)};
        pair.run_for(milliseconds(static_cast<std::int64_t>(seed * 11)));
        auto& first = seed % 2 == 0 ? pair.client_session() : pair.server_session();
        first.close(pair.now(), close_code::no_error, "");
        pair.run_for(seconds(20));
        ASSERT_TRUE(pair.client_session().closed() && pair.server_session().closed());
        check(pair, "close");
        if (HasFailure()) return;
    }
}

// Whatever the pools can hold, the sessions end cleanly: what does not fit is refused, cut or
// closed, never half done.
TEST_P(faults, running_out_of_memory_anywhere_is_survived) {
    for (std::size_t limit = 0; limit <= 60'000; limit += limit < 3000 ? 128 : 1024)
        for (const bool at_client : {false, true}) {
            SCOPED_TRACE("limit " + std::to_string(limit) + (at_client ? " client" : " server"));
            auto config = config_of(GetParam());
            world pair{config, network(limit + 1)};
            // Sessions take memory already when they are made, so the limit comes after that.
            (at_client ? pair.client_pool : pair.server_pool).set_limit(limit);
            pair.run_for(seconds(60));
            check(pair, "memory");
            if (HasFailure()) return;
        }
}

TEST_P(faults, a_session_can_be_made_without_any_memory) {
    for (const auto self : {role::client, role::server}) {
        buffer_pool pool{0};
        auto config = config_of(GetParam());
        config.self = self;
        moqt::session one{instant{}, config, pool};
        raw_peer peer{one};
        peer.set_up();
        EXPECT_TRUE(one.closed() || self == role::client);
    }
}
