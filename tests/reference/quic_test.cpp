#include "quic_fixture.hpp"

#include <common/quic_endpoint.hpp>
#include <filesystem>

namespace moqrtc::reference::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using cause = close_info::cause;

TEST_F(quic_test, server_chooses_protocol_by_its_own_order) {
    start();
    establish();
    EXPECT_EQ(near->protocol, "moqt-18");
    EXPECT_EQ(far->protocol, "moqt-18");
    EXPECT_GT(near->unidirectional, 0u);
    EXPECT_GT(far->bidirectional, 0u);
    EXPECT_EQ(near->connection->name(), far->connection->name());
    EXPECT_EQ(server->statistics().handshakes, 0u);
    EXPECT_EQ(server->statistics().handshakes_completed, 1u);
}

TEST_F(quic_test, no_common_protocol_is_refused) {
    start();
    auto options = to(server->local().port());
    options.protocols = {"h3"};
    const auto refused = connect(options);
    ASSERT_TRUE(run_until([&] { return refused->closed.has_value(); }));
    EXPECT_EQ(refused->closed->why, cause::transport);
    EXPECT_TRUE(refused->closed->by_peer);
    EXPECT_EQ(refused->closed->code, 0x178u); // RFC 7301, 3.2: alert 120
    EXPECT_TRUE(accepted.empty());
}

TEST_F(quic_test, bulk_data_both_ways_on_many_streams_is_intact) {
    start();
    establish();
    constexpr std::size_t streams = 32;
    constexpr std::uint64_t each = 2 << 20; // 64 MiB in each direction
    for (std::size_t i = 0; i < streams; ++i) {
        near->send(*(i % 2 == 0 ? near->connection->open_unidirectional()
                                : near->connection->open_bidirectional()),
                   each);
        far->send(*far->connection->open_unidirectional(), each);
    }
    ASSERT_TRUE(run_until([&] { return near->finished() >= streams && far->finished() >= streams; },
                          seconds{60}));
    EXPECT_TRUE(near->intact());
    EXPECT_TRUE(far->intact());
    EXPECT_EQ(far->received(), streams * each);
    EXPECT_EQ(near->received(), streams * each);
    ASSERT_TRUE(run_until([&] {
        return std::ranges::all_of(near->out, [](auto& e) { return e.second.acked == each; });
    }));
    for (const auto& [stream, sent] : near->out)
        EXPECT_EQ(sent.closed, (stream & 2) != 0) << stream; // the others wait for our answer
    // Path MTU discovery found more than the least, and one call sends many datagrams. (A kernel
    // without segmentation would fail this, and nothing else.)
    EXPECT_GT(client->statistics().datagrams_sent, 4 * client->statistics().send_calls);
    EXPECT_GT(client->statistics().datagrams_received, 2 * client->statistics().receive_calls);
    EXPECT_GT(near->connection->info().udp_payload, 1200u);
}

TEST_F(quic_test, datagrams_arrive_whole) {
    start();
    establish();
    const auto capacity = near->connection->datagram_capacity();
    ASSERT_GT(capacity, 1000u);
    buffer_pool pool;
    const std::string large(capacity, 'x');
    EXPECT_TRUE(near->connection->send_datagram(slice::copy(pool, as_bytes("hello"))));
    EXPECT_TRUE(
        near->connection->send_datagram(slice::copy(pool, as_bytes("world")), as_bytes("ab")));
    EXPECT_TRUE(near->connection->send_datagram(slice::copy(pool, as_bytes(large))));
    EXPECT_FALSE(near->connection->send_datagram(slice::copy(pool, as_bytes(large + "yz"))));
    ASSERT_TRUE(run_until([&] { return far->datagrams.size() == 3; }));
    EXPECT_EQ(far->datagrams, (std::vector<std::string>{"hello", "abworld", large}));
    EXPECT_EQ(client->statistics().datagram_frames_dropped, 1u);
    EXPECT_EQ(client->statistics().datagram_frames_sent, 3u);
}

TEST_F(quic_test, datagrams_are_refused_by_a_peer_that_takes_none) {
    quic_config silent;
    silent.datagram_frame_size = 0;
    start(silent);
    establish();
    EXPECT_EQ(near->connection->datagram_capacity(), 0u);
    EXPECT_FALSE(near->connection->send_datagram(slice::borrowed(as_bytes("x"))));
    EXPECT_GT(far->connection->datagram_capacity(), 0u);
}

TEST_F(quic_test, full_datagram_queue_drops_the_oldest) {
    quic_config narrow;
    narrow.datagram_queue = 4;
    start({}, narrow);
    establish();
    for (const auto* text : {"1", "2", "3", "4", "5", "6"})
        EXPECT_TRUE(near->connection->send_datagram(slice::borrowed(as_bytes(text))));
    ASSERT_TRUE(run_until([&] { return far->datagrams.size() == 4; }));
    EXPECT_EQ(far->datagrams.front(), "3");
    EXPECT_EQ(client->statistics().datagram_frames_dropped, 2u);
}

TEST_F(quic_test, reset_reaches_the_receiver) {
    start();
    establish();
    const auto stream = *near->connection->open_unidirectional();
    near->send(stream, 1 << 30);
    ASSERT_TRUE(run_until([&] { return far->received() > 100'000; }));
    near->connection->reset_stream(stream, 77);
    near->out[stream].over = true;
    ASSERT_TRUE(run_until([&] { return far->in[stream].reset.has_value(); }));
    EXPECT_EQ(far->in[stream].reset, 77u);
    ASSERT_TRUE(run_until([&] { return near->out[stream].closed && far->in[stream].closed; }));
}

TEST_F(quic_test, stop_sending_reaches_the_sender) {
    start();
    establish();
    const auto stream = *near->connection->open_unidirectional();
    near->send(stream, 1 << 30);
    ASSERT_TRUE(run_until([&] { return far->received() > 100'000; }));
    far->connection->stop_sending(stream, 99);
    ASSERT_TRUE(run_until([&] { return near->stopped.contains(stream); }));
    EXPECT_EQ(near->stopped[stream], 99u);
    ASSERT_TRUE(run_until([&] { return near->out[stream].closed; }));
    // The connection goes on.
    near->send(*near->connection->open_unidirectional(), 1000);
    EXPECT_TRUE(run_until([&] { return far->finished() == 1; }));
}

TEST_F(quic_test, stop_sending_is_told_behind_the_data_of_its_packet) {
    start();
    establish();
    const auto stream = *near->connection->open_bidirectional();
    near->send(stream, 100);
    ASSERT_TRUE(run_until([&] { return far->received() == 100; }));
    far->send(stream, 1 << 30);
    ASSERT_TRUE(run_until([&] { return near->received() > 1000; }));
    // The last word of a peer that leaves: both go into one packet, STOP_SENDING in front.
    near->connection->stop_sending(stream, 9);
    near->send(*near->connection->open_unidirectional(), 200);
    ASSERT_TRUE(run_until([&] { return far->stopped.contains(stream); }));
    EXPECT_EQ(far->received_at_stop, 300u);
}

TEST_F(quic_test, receiver_without_appetite_blocks_the_sender_until_it_resumes) {
    quic_config small;
    small.stream_window = small.largest_stream_window = 64 << 10;
    start(small);
    server_appetite = 1000;
    establish();
    const auto stream = *near->connection->open_unidirectional();
    near->send(stream, 1 << 20);
    ASSERT_TRUE(run_until([&] { return near->blocked_reports > 0; }));
    run_for(milliseconds{50});
    EXPECT_EQ(far->received(), 1000u);
    EXPECT_LE(near->out[stream].sent, 66'000u); // the window and what was consumed
    // Another stream is not held up.
    const auto other = *near->connection->open_unidirectional();
    far->appetite = SIZE_MAX;
    near->send(other, 5000);
    ASSERT_TRUE(run_until([&] { return far->in[other].fin; }));
    EXPECT_EQ(far->in[stream].size, 1000u);
    far->connection->resume(stream);
    ASSERT_TRUE(run_until([&] { return far->in[stream].fin; }));
    EXPECT_TRUE(far->intact());
    EXPECT_GT(near->writable_reports, 0u);
}

TEST_F(quic_test, exhausted_connection_window_is_survived) {
    quic_config small;
    small.connection_window = small.largest_connection_window = 32 << 10;
    start(small);
    server_appetite = 0;
    establish();
    for (int i = 0; i < 4; ++i)
        near->send(*near->connection->open_unidirectional(), 256 << 10);
    ASSERT_TRUE(run_until([&] { return near->connection->info().connection_credit == 0; }));
    run_for(milliseconds{50});
    EXPECT_EQ(far->received(), 0u);
    far->appetite = SIZE_MAX;
    for (const auto& [stream, sent] : near->out)
        far->connection->resume(stream);
    ASSERT_TRUE(run_until([&] { return far->finished() == 4; }));
    EXPECT_TRUE(far->intact());
}

TEST_F(quic_test, stream_credit_grows_as_streams_close) {
    quic_config few;
    few.unidirectional_streams = 3;
    start(few);
    establish();
    EXPECT_EQ(near->unidirectional, 3u);
    near->to_open = 100;
    near->connection->wake();
    ASSERT_TRUE(run_until([&] { return far->finished() == 100; }));
    EXPECT_TRUE(far->intact());
    EXPECT_EQ(near->to_open, 0u);
}

TEST_F(quic_test, silence_ends_the_connection_on_both_sides) {
    quic_config impatient;
    impatient.idle_timeout = moqrtc::milliseconds(300);
    impatient.keep_alive = {};
    start(impatient, impatient);
    establish();
    ASSERT_TRUE(run_until([&] { return near->closed && far->closed; }, seconds{3}));
    EXPECT_EQ(near->closed->why, cause::idle_timeout);
    EXPECT_EQ(far->closed->why, cause::idle_timeout);
    ASSERT_TRUE(run_until([&] { return server->connections() == 0; }));
    EXPECT_EQ(server->statistics().idle_timeouts, 1u);
}

TEST_F(quic_test, keep_alive_holds_the_connection) {
    quic_config impatient;
    impatient.idle_timeout = moqrtc::milliseconds(400);
    impatient.keep_alive = moqrtc::milliseconds(100);
    start(impatient, impatient);
    establish();
    run_for(milliseconds{1500});
    EXPECT_FALSE(near->closed);
    EXPECT_FALSE(far->closed);
}

TEST_F(quic_test, application_close_carries_code_and_reason_after_the_data) {
    start();
    establish();
    const auto stream = *near->connection->open_unidirectional();
    near->send(stream, 500);
    near->connection->close(0x1234, "auth_failed");
    ASSERT_TRUE(run_until([&] { return near->closed && far->closed; }));
    EXPECT_EQ(near->closed->why, cause::application);
    EXPECT_FALSE(near->closed->by_peer);
    EXPECT_EQ(far->closed->why, cause::application);
    EXPECT_TRUE(far->closed->by_peer);
    EXPECT_EQ(far->closed->code, 0x1234u);
    EXPECT_EQ(far->closed->reason, "auth_failed");
    EXPECT_TRUE(far->in[stream].fin);
    ASSERT_TRUE(
        run_until([&] { return client->connections() == 0 && server->connections() == 0; }));
}

TEST_F(quic_test, close_all_empties_a_server) {
    start();
    for (int i = 0; i < 5; ++i)
        establish();
    EXPECT_EQ(server->open_connections(), 5u);
    server->close_all(7, "bye");
    ASSERT_TRUE(run_until([&] { return near->closed.has_value(); }));
    EXPECT_EQ(near->closed->code, 7u);
    ASSERT_TRUE(run_until([&] { return server->connections() == 0; }));
}

TEST_F(quic_test, keys_change_on_request_and_by_count) {
    quic_config often;
    often.key_update_packets = 200;
    start({}, often);
    establish();
    near->send(*near->connection->open_unidirectional(), 8 << 20);
    ASSERT_TRUE(run_until([&] { return far->finished() == 1; }));
    EXPECT_GE(client->statistics().key_updates, 1u);
    ASSERT_TRUE(run_until([&] { return near->connection->update_keys(); }));
    near->send(*near->connection->open_unidirectional(), 1 << 20);
    ASSERT_TRUE(run_until([&] { return far->finished() == 2; }));
    EXPECT_TRUE(far->intact());
    EXPECT_GE(server->statistics().key_updates, 2u);
}

TEST_F(quic_test, qlog_is_written_by_both_sides) {
    const auto directory =
        std::filesystem::temp_directory_path() / ("quic_test_qlog_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    quic_config logging;
    logging.qlog_directory = directory;
    start(logging, logging);
    establish();
    const auto name = near->connection->name();
    near->connection->close(0, "");
    ASSERT_TRUE(run_until([&] { return near->closed && far->closed; }));
    for (const auto* end : {"_client.sqlog", "_server.sqlog"})
        EXPECT_GT(std::filesystem::file_size(directory / (name + end)), 1000u) << end;
    std::filesystem::remove_all(directory);
}

TEST_F(quic_test, without_segmentation_and_with_bbr_it_works_the_same) {
    quic_config plain;
    plain.segmentation_offload = false;
    plain.congestion = congestion_control::bbr;
    start(plain, plain);
    establish();
    near->send(*near->connection->open_unidirectional(), 8 << 20);
    far->send(*far->connection->open_unidirectional(), 8 << 20);
    ASSERT_TRUE(run_until([&] { return far->finished() == 1 && near->finished() == 1; }));
    EXPECT_TRUE(far->intact() && near->intact());
}

} // namespace
} // namespace moqrtc::reference::testing
