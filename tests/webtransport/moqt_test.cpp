#include "pipe.hpp"

#include <moqrtc/moqt/session/session.hpp>

#include <gtest/gtest.h>

/// Media over QUIC inside a WebTransport session: the driver that a real one is, over a wire that
/// cuts and reorders.
namespace moqrtc::webtransport::test {
namespace {

/// Runs a MoQT session in the first WebTransport session of an end.
class moqt_inside : public application {
public:
    moqt_inside(pipe_end& end, std::size_t most) : pool_{&end.pool}, most_{most} {
        end.inside = this;
    }

    void handle_event(pipe& link, pipe_end& end, const event& e) override {
        const bool server = end.wt->config().self == role::server;
        if (e.what == (server ? event::kind::session_requested : event::kind::session_opened)) {
            const auto protocol = server ? offered_protocols(e).front() : std::string{e.text()};
            moqt::session_config config;
            config.self = server ? moqt::role::server : moqt::role::client;
            config.version = *moqt::draft_of(protocol);
            config.webtransport = true;
            session = std::make_unique<moqt::session>(link.now, config, *pool_);
            id = e.stream;
            refresh_credit(end);
        }
        if (e.what == event::kind::session_credit) {
            refresh_credit(end);
            for (const auto each : std::exchange(blocked_, {}))
                session->handle_writable(each);
        }
        if (e.what == event::kind::datagram) handle_datagram(link.now, e.data);
        if (e.what == event::kind::session_closed && session)
            session->handle_transport_closed(link.now, e.application_code, e.text(), e.by_peer);
    }
    void handle_bytes(instant now, stream_id stream, bytes data, bool fin) override {
        do {
            data = data.subspan(session->handle_stream(now, to_moqt(stream), data, fin));
            act(now);
        } while (!data.empty() && !session->closed());
    }
    void handle_reset(instant now, stream_id stream, std::optional<std::uint32_t> code) override {
        session->handle_reset(now, to_moqt(stream), code.value_or(0));
    }
    void handle_stopped(instant now, stream_id stream, std::optional<std::uint32_t> code) override {
        session->handle_stop_sending(now, to_moqt(stream), code.value_or(0));
    }
    void handle_datagram(instant now, bytes data) override { session->handle_datagram(now, data); }
    void handle_acked(instant now, stream_id stream, std::size_t count) override {
        session->handle_acked(now, to_moqt(stream), count, false);
    }
    void handle_closed(instant now, stream_id stream) override {
        session->handle_acked(now, to_moqt(stream), 0, true);
    }
    bool send(pipe& link, pipe_end& end) override {
        if (!session) return false;
        bool more = false;
        act(link.now);
        while (auto op = session->poll_transmit()) {
            more = true;
            using kind = moqt::transport_op::kind;
            const auto stream = to_quic_.find(op->stream);
            const auto number = stream == to_quic_.end() ? op->stream : stream->second;
            const bool known = stream != to_quic_.end() || is_peers(op->stream, end);
            if (op->what == kind::reset && known)
                link.reset(end, number, to_http_code(static_cast<std::uint32_t>(op->code)));
            if (op->what == kind::stop_sending && known)
                link.stop_sending(end, number, to_http_code(static_cast<std::uint32_t>(op->code)));
            if (op->what == kind::datagram)
                link.send_datagram(end, std::string{as_text(end.wt->datagram_prefix(id))} +
                                            std::string{as_text(op->data)});
            if (op->what == kind::close)
                (void)end.wt->close_session(link.now, id, static_cast<std::uint32_t>(op->code),
                                            as_text(op->data));
        }
        for (int i = 0; i < 100; ++i) {
            const auto offered = session->poll_send(link.now);
            if (!offered) break;
            const auto number = open(link, end, offered->stream);
            if (!number) {
                refresh_credit(end);
                break;
            }
            stream_send send;
            std::array<bytes, moqt::stream_send::max_chunks> chunks;
            std::copy_n(offered->chunks.begin(), offered->count, chunks.begin());
            if (!end.wt->offer(*number, std::span{chunks}.first(offered->count), offered->fin,
                               send)) {
                session->handle_blocked(offered->stream);
                blocked_.push_back(offered->stream);
                continue;
            }
            const auto [count, fin] = link.transmit(end, send, 1 + link.choose(most_));
            const auto progress = end.wt->handle_sent(link.now, *number, count, fin);
            session->handle_sent(link.now, offered->stream, progress.count, fin);
            more = true;
        }
        return more;
    }

    std::unique_ptr<moqt::session> session{};
    session_id id = no_session;
    std::vector<std::string> objects{};
    std::size_t ended = 0;
    bool subscribed = false;
    std::optional<moqt::close_code> closed{};

private:
    [[nodiscard]] static bool is_peers(moqt::stream_id stream, const pipe_end& end) {
        return moqt::opened_by_server(stream) != (end.wt->config().self == role::server);
    }
    [[nodiscard]] moqt::stream_id to_moqt(stream_id stream) const {
        const auto found = to_moqt_.find(stream);
        return found == to_moqt_.end() ? stream : found->second;
    }
    std::optional<stream_id> open(pipe& link, pipe_end& end, moqt::stream_id stream) {
        if (is_peers(stream, end)) return stream;
        if (const auto found = to_quic_.find(stream); found != to_quic_.end()) return found->second;
        const bool uni = moqt::is_unidirectional(stream);
        if (end.wt->stream_credit(id, uni) == 0) return std::nullopt;
        const auto number = link.open(end, uni);
        if (!end.wt->open_stream(link.now, id, number)) return std::nullopt;
        to_quic_[stream] = number;
        to_moqt_[number] = stream;
        return number;
    }
    void refresh_credit(pipe_end& end) {
        session->handle_stream_credit(
            std::min<std::uint64_t>(1000, end.wt->stream_credit(id, false)),
            std::min<std::uint64_t>(1000, end.wt->stream_credit(id, true)));
    }
    /// A client subscribes, a server serves twenty groups of five objects.
    void act(instant now) {
        using kind = moqt::event::kind;
        auto& self = *session;
        while (const auto e = self.poll_event()) {
            if (e->what == kind::closed) closed = e->close;
            if (e->what == kind::established && self.config().self == moqt::role::client)
                subscribed =
                    self.subscribe(now, {moqt::track_namespace{"a", "b"}, "track"}).has_value();
            if (e->what == kind::object)
                objects.push_back(std::to_string(e->item.location.group) + ":" +
                                  std::to_string(e->item.location.object) + " " +
                                  std::string{as_text(e->item.payload)});
            if (e->what == kind::publish_done) ++ended;
            if (e->what == kind::requested) serve(now, e->id);
        }
    }
    void serve(instant now, moqt::request_id request) {
        auto& self = *session;
        ASSERT_TRUE(self.accept_subscribe(now, request, 1));
        for (std::uint64_t group = 0; group < 20; ++group) {
            const auto stream = self.open_subgroup(now, request, {.group = group});
            ASSERT_TRUE(stream);
            for (std::uint64_t object = 0; object < 5; ++object) {
                const std::string text(50 * object, static_cast<char>('a' + group));
                ASSERT_TRUE(self.write_object(now, *stream, object, {},
                                              slice::copy(self.pool(), as_bytes(text))));
            }
            ASSERT_TRUE(self.finish_stream(now, *stream));
        }
        ASSERT_TRUE(self.publish_done(now, request, moqt::publish_done_code::track_ended, "end"));
    }

    buffer_pool* pool_;
    std::size_t most_;
    std::map<moqt::stream_id, stream_id> to_quic_{};
    std::map<stream_id, moqt::stream_id> to_moqt_{};
    std::vector<moqt::stream_id> blocked_{};
};

TEST(webtransport_moqt, a_track_goes_through_a_session) {
    std::vector<std::string> wanted;
    for (std::size_t group = 0; group < 20; ++group)
        for (std::size_t object = 0; object < 5; ++object)
            wanted.push_back(std::to_string(group) + ":" + std::to_string(object) + " " +
                             std::string(50 * object, static_cast<char>('a' + group)));
    std::sort(wanted.begin(), wanted.end());
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        connection_config config;
        config.dialects = dialect_set::only(all_dialects[seed % all_dialects.size()]);
        if (seed % 3 == 0) config.window = {4, 4, 3000};
        pipe link{config, config, {.seed = seed, .most = 1 + seed * 7 % 300, .reorder = true}};
        {
            moqt_inside client{link.client, 1 + seed * 13 % 400};
            moqt_inside server{link.server, 1 + seed * 13 % 400};
            link.start();
            const auto session = link.open(link.client, false);
            const std::string_view offered = seed % 2 == 0 ? "moqt-18" : "moqt-16";
            ASSERT_TRUE(link.client.wt->connect(
                link.now, session,
                {.authority = "localhost", .path = "/moq", .protocols = {&offered, 1}}));
            link.run();
            ASSERT_TRUE(client.session && server.session) << seed;
            EXPECT_EQ(client.session->config().version,
                      seed % 2 == 0 ? moqt::draft::d18 : moqt::draft::d16);
            EXPECT_TRUE(client.subscribed) << seed;
            std::sort(client.objects.begin(), client.objects.end());
            EXPECT_EQ(client.objects, wanted) << seed;
            EXPECT_EQ(client.ended, 1u) << seed;
            EXPECT_FALSE(link.memory_broken) << seed;
            EXPECT_FALSE(client.closed || server.closed) << seed;

            client.session->close(link.now, moqt::close_code::no_error, "enough");
            link.run();
            EXPECT_EQ(server.closed, moqt::close_code::no_error) << seed;
            EXPECT_EQ(link.server.last(event::kind::session_closed).text(), "enough");
            EXPECT_EQ(link.open_streams(), 2u) << seed;
            if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
        }
    }
}

} // namespace
} // namespace moqrtc::webtransport::test
