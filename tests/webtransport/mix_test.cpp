#include "pipe.hpp"
#include "raw.hpp"

#include <moqrtc/webtransport/connection.hpp>

#include <gtest/gtest.h>

/// The bytes of a session cut at every offset, streams reordered, with frames, capsules and streams
/// of unknown types in between.
namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;

struct scripted {
    stream_id id;
    std::string bytes;
    bool fin = false;
    std::size_t at = 0;
    bool held = false;
    bool ended = false;
    std::string session_bytes{};
    bool session_fin = false;

    [[nodiscard]] bool ready() const { return !held && !ended && (at < bytes.size() || fin); }
};

const std::string grease_frame = tlv(0x1f * 33 + 0x21, "grease");
const std::string grease_capsule = tlv(0x1f * 34 + 0x17, std::string(300, 'g'));

/// A client with a session and a request, as hard to read as it is allowed to be.
std::vector<scripted> client_script(bool closes) {
    std::string capsules = grease_capsule + tlv(capsule_type::drain_session) + grease_capsule +
                           tlv(capsule_type::max_data, varint(5));
    if (closes) capsules += tlv(capsule_type::close_session, from_hex("00000007") + "bye");
    // Frames and capsules begin and end at different places.
    std::string connect = grease_frame + connect_request() + grease_frame;
    for (std::size_t i = 0; i < capsules.size(); i += 100)
        connect += data_frame(std::string_view{capsules}.substr(i, 100)) + grease_frame;
    std::vector<scripted> script;
    script.push_back({2, varint(0) + chromium_settings() + grease_frame + tlv(0xd, varint(8))});
    script.push_back({0, connect, closes});
    script.push_back({4, from_hex("404100") + "bidirectional payload", true});
    script.push_back({6, from_hex("405400") + "unidirectional payload", true});
    script.push_back({10, from_hex("c00000000000005480000000") + "long forms", true});
    script.push_back({14, varint(0x1f * 35 + 0x21) + "a stream of an unknown type", true});
    script.push_back({8,
                      grease_frame + get_request("/x") + grease_frame + data_frame("content") +
                          headers({{"trailer", "1"}}) + grease_frame,
                      true});
    script.push_back({18, varint(stream_type::qpack_encoder)});
    script.push_back({22, varint(stream_type::qpack_decoder)});
    return script;
}

/// Gives a server the script's streams, in pieces and an order that `next` chooses.
class feeder {
public:
    explicit feeder(std::vector<scripted> script) : script_{std::move(script)} {}

    /// `choose(n)` gives a number below n: which stream is next, then how many bytes.
    template <class Choose>
    void run(Choose&& choose) {
        for (;;) {
            std::vector<scripted*> ready;
            for (auto& each : script_)
                if (each.ready()) ready.push_back(&each);
            if (ready.empty() || server.wt->closed()) return;
            auto& stream = *ready[choose(ready.size())];
            const auto left = stream.bytes.size() - stream.at;
            give(stream, left == 0 ? 0 : 1 + choose(left));
        }
    }
    void give(scripted& stream, std::size_t count) {
        const auto data = std::string_view{stream.bytes}.substr(stream.at, count);
        const bool fin = stream.fin && stream.at + count == stream.bytes.size();
        server.feed(stream.id, data, fin);
        answer();
        const auto taken = data.size() - server.left;
        if (server.last.whose == stream_input::owner::held) {
            stream.at += taken;
            stream.held = !resumed(stream.id);
            return;
        }
        if (server.last.whose == stream_input::owner::session) {
            stream.session_bytes += data.substr(taken);
            stream.session_fin = stream.session_fin || fin;
        }
        stream.at += data.size();
        stream.ended = fin || (stream.at == stream.bytes.size() && !stream.fin);
    }
    [[nodiscard]] scripted& stream(stream_id id) {
        for (auto& each : script_)
            if (each.id == id) return each;
        std::abort();
    }

    raw server{role::server};

private:
    void answer() {
        for (; seen_ < server.events.size(); ++seen_)
            if (server.events[seen_].what == kind::session_requested) {
                EXPECT_TRUE(server.wt->accept(server.now, server.events[seen_].stream, "moqt-16") ||
                            server.wt->closed());
                server.drain();
            }
        for (; ops_ < server.ops.size(); ++ops_) {
            const auto& op = server.ops[ops_];
            for (auto& each : script_) {
                if (each.id != op.stream) continue;
                if (op.what == transport_op::kind::resume) each.held = false;
                if (op.what == transport_op::kind::stop_sending) each.ended = true;
            }
        }
    }
    [[nodiscard]] bool resumed(stream_id id) const {
        return server.wt->is_open(0) && id != no_stream;
    }

    std::vector<scripted> script_;
    std::size_t seen_ = 0;
    std::size_t ops_ = 0;
};

void check_all_arrived(feeder& run) {
    auto& server = run.server;
    ASSERT_FALSE(server.closed_with) << to_string(*server.closed_with);
    EXPECT_TRUE(server.wt->is_open(0));
    EXPECT_EQ(server.count(kind::session_requested), 1u);
    EXPECT_EQ(server.count(kind::session_draining), 1u);
    EXPECT_EQ(server.count(kind::session_closed), 0u);
    EXPECT_EQ(run.stream(4).session_bytes, "bidirectional payload");
    EXPECT_EQ(run.stream(6).session_bytes, "unidirectional payload");
    EXPECT_EQ(run.stream(10).session_bytes, "long forms");
    for (const stream_id id : {4u, 6u, 10u})
        EXPECT_TRUE(run.stream(id).session_fin);
    EXPECT_EQ(server.last_event(kind::request).path(), "/x");
    std::string content;
    for (const auto& e : server.events)
        if (e.what == kind::content) content += e.text();
    EXPECT_EQ(content, "content");
    EXPECT_EQ(server.last_event(kind::finished).fields.value("trailer"), "1");
    EXPECT_EQ(server.stop_of(14), http_code::h3_stream_creation_error);
    EXPECT_EQ(server.sent[0], headers({{":status", "200"}, {"wt-protocol", "\"moqt-16\""}}));
}

TEST(webtransport_mix, every_stream_cut_at_every_offset) {
    // Streams in their order, one of them in two pieces.
    const auto script = client_script(false);
    for (std::size_t which = 0; which < script.size(); ++which)
        for (std::size_t cut = 1; cut < script[which].bytes.size(); ++cut) {
            feeder run{script};
            for (std::size_t i = 0; i < script.size(); ++i) {
                auto& stream = run.stream(script[i].id);
                if (i == which) run.give(stream, cut);
                if (!stream.held) run.give(stream, stream.bytes.size() - stream.at);
            }
            run.run([](std::size_t n) { return n - 1; });
            check_all_arrived(run);
            if (testing::Test::HasFailure())
                FAIL() << "stream " << script[which].id << " cut at " << cut;
        }
}

TEST(webtransport_mix, byte_by_byte_in_any_order) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 random{seed};
        feeder run{client_script(false)};
        run.run([&](std::size_t n) {
            return static_cast<std::size_t>(seed % 2 == 0 ? random() % n
                                                          : random() % std::min<std::size_t>(n, 3));
        });
        check_all_arrived(run);
        if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
    }
}

TEST(webtransport_mix, a_session_that_closes_in_the_middle) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 random{seed};
        feeder run{client_script(true)};
        run.run([&](std::size_t n) { return static_cast<std::size_t>(random() % n); });
        auto& server = run.server;
        ASSERT_FALSE(server.closed_with) << seed;
        ASSERT_EQ(server.count(kind::session_closed), 1u) << seed;
        const auto closed = server.last_event(kind::session_closed);
        EXPECT_EQ(closed.application_code, 7u);
        EXPECT_EQ(closed.text(), "bye");
        EXPECT_TRUE(server.has_fin(0));
        EXPECT_EQ(server.count(kind::finished), 1u); // of the request beside it
        for (const stream_id id : {4u, 6u, 10u}) {
            // Whole, or what came of it before the end.
            const auto& stream = run.stream(id);
            const auto stop = server.stop_of(id);
            EXPECT_TRUE(stream.session_fin || stream.at == stream.bytes.size() ||
                        stop == http_code::wt_session_gone)
                << seed;
        }
    }
}

TEST(webtransport_mix, two_connections_with_bytes_in_pieces) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        connection_config config;
        config.dialects = dialect_set::only(all_dialects[seed % all_dialects.size()]);
        if (seed % 3 == 0) config.window = {3, 3, 3000};
        pipe link{config, config, {.seed = seed, .most = 1 + seed % 40, .reorder = true}};
        link.start();
        const auto session = link.open(link.client, false);
        const std::array<std::string_view, 2> offered{"moqt-18", "moqt-16"};
        ASSERT_TRUE(link.client.wt->connect(
            link.now, session, {.authority = "localhost", .path = "/", .protocols = offered}));
        const auto get = link.open(link.client, false);
        ASSERT_TRUE(link.client.wt->request(link.now, get, {.authority = "localhost"}));
        link.run();
        ASSERT_EQ(link.client.last(kind::session_opened).text(), "moqt-18") << seed;
        ASSERT_TRUE(link.server.wt->respond(link.now, get, 200, {}, false));
        ASSERT_TRUE(link.server.wt->write_content(
            link.now, get,
            slice::copy(link.server.pool, as_bytes(std::string_view{std::string(500, 'c')})),
            true));
        std::map<stream_id, std::pair<pipe_end*, std::string>> wanted;
        for (int i = 0; i < 6; ++i) {
            auto& from = i % 2 == 0 ? link.client : link.server;
            auto& to = i % 2 == 0 ? link.server : link.client;
            const std::string payload(static_cast<std::size_t>(i) * 137,
                                      static_cast<char>('a' + i));
            const auto id = link.open_stream(from, session, i < 3, payload);
            ASSERT_TRUE(id);
            wanted[*id] = {&to, payload};
        }
        link.run();
        for (const auto& [id, what] : wanted) {
            EXPECT_EQ(what.first->received[id].data, what.second) << seed << ' ' << id;
            EXPECT_TRUE(what.first->received[id].fin) << seed << ' ' << id;
        }
        EXPECT_EQ(link.client.last(kind::response).status, 200);
        ASSERT_TRUE(link.server.wt->close_session(link.now, session, 9, "enough"));
        link.run();
        EXPECT_EQ(link.client.last(kind::session_closed).application_code, 9u) << seed;
        EXPECT_EQ(link.client.last(kind::session_closed).text(), "enough");
        EXPECT_EQ(link.open_streams(), 2u) << seed;
        EXPECT_FALSE(link.memory_broken);
        EXPECT_EQ(link.client.count(kind::closed) + link.server.count(kind::closed), 0u);
    }
}

TEST(webtransport_mix, wrong_things_at_any_place_end_it_with_their_code) {
    struct mistake {
        stream_id id;
        std::string bytes;
        http_code code;
    };
    const std::array mistakes{
        mistake{2, tlv(4), http_code::h3_frame_unexpected},
        mistake{2, tlv(0x41), http_code::h3_frame_error},
        mistake{0, tlv(4), http_code::h3_frame_unexpected},
        mistake{0, headers({{"a", "b"}}), http_code::h3_frame_unexpected},
        mistake{26, varint(0), http_code::h3_stream_creation_error},
        mistake{26, from_hex("405401"), http_code::h3_id_error},
        mistake{18, from_hex("3fe11f"), http_code::qpack_encoder_stream_error},
        mistake{22, from_hex("80"), http_code::qpack_decoder_stream_error}};
    for (const auto& wrong : mistakes)
        for (std::uint64_t seed = 0; seed < 50; ++seed) {
            auto script = client_script(false);
            bool known = false;
            for (auto& each : script)
                if (each.id == wrong.id) {
                    each.bytes += wrong.bytes;
                    known = true;
                }
            if (!known) script.push_back({wrong.id, wrong.bytes});
            std::mt19937_64 random{seed};
            feeder run{script};
            run.run([&](std::size_t n) { return static_cast<std::size_t>(random() % n); });
            // The second of two control streams is the wrong one, whichever it is.
            ASSERT_TRUE(run.server.closed_with) << to_string(wrong.code) << ' ' << seed;
            const bool swapped =
                wrong.id == 26 && wrong.code == http_code::h3_stream_creation_error;
            EXPECT_TRUE(run.server.closed_with == wrong.code ||
                        (swapped && run.server.closed_with == http_code::h3_missing_settings))
                << to_string(*run.server.closed_with) << ' ' << seed;
            EXPECT_EQ(run.server.events.back().what, kind::closed);
        }
}

} // namespace
} // namespace moqrtc::webtransport::test
