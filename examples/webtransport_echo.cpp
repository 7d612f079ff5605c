// A WebTransport client and server in one process: a session with a stream that is echoed, and a
// plain GET beside it. The connections know nothing of sockets: `side` is the whole driver, here
// over memory; over QUIC it does the same with a real connection. docs/webtransport.md explains it.
#include <moqrtc/webtransport/connection.hpp>

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

using namespace moqrtc;
using namespace moqrtc::webtransport;

namespace {

// [driver]
/// One end, and what its sessions have to say and have heard, by stream.
struct side {
    struct stream {
        std::string out; ///< not sent yet
        bool end = false;
        std::string in;
        bool complete = false;
    };

    buffer_pool pool;
    connection wt;
    side* peer = nullptr;
    std::map<stream_id, stream> streams{};

    side(instant now, role self) : wt{now, {.self = self}, pool} {}

    /// Bytes from the peer. Those of a session that is not open yet would have to be kept until
    /// `resume`; here nothing overtakes anything, so that none are.
    void receive(instant now, stream_id id, bytes data, bool fin) {
        for (bool more = true; more;) {
            const auto input = wt.handle_stream(now, id, data, fin);
            data = data.subspan(input.consumed);
            act(now);
            more = input.whose == stream_input::owner::connection && !data.empty();
            if (input.whose != stream_input::owner::session) continue;
            streams[id].in += as_text(data);
            streams[id].complete = fin;
            act(now);
        }
    }
    void transmit(instant now, const stream_send& send) {
        for (std::size_t i = 0; i < send.count; ++i)
            peer->receive(now, send.stream, send.chunks[i], send.fin && i + 1 == send.count);
        if (send.count == 0) peer->receive(now, send.stream, {}, true);
        const auto progress = wt.handle_sent(now, send.stream, send.size(), send.fin);
        (void)wt.handle_acked(now, send.stream, send.size());
        if (progress.session != no_session) streams[send.stream].out.erase(0, progress.count);
        if (progress.session != no_session && send.fin) streams[send.stream].end = false;
    }
    /// Moves all that there is; returns whether there was anything.
    bool carry(instant now) {
        bool moved = false;
        act(now);
        while (const auto send = wt.poll_send(now)) {
            transmit(now, *send);
            moved = true;
        }
        for (auto& [id, each] : streams) {
            const bytes rest = as_bytes(std::string_view{each.out});
            stream_send send;
            if ((rest.empty() && !each.end) || !wt.offer(id, {&rest, 1}, each.end, send)) continue;
            transmit(now, send);
            moved = true;
        }
        return moved;
    }
    // [driver]

    /// What this end does with its events: a server greets and echoes, a client asks and prints.
    void act(instant now) {
        while (const auto e = wt.poll_event()) {
            if (e->what == event::kind::session_requested) {
                const auto offered = offered_protocols(*e);
                std::printf("server: session for %s\n", std::string{e->path()}.c_str());
                (void)wt.accept(now, e->stream, offered.empty() ? "" : offered.front());
            } else if (e->what == event::kind::request) {
                const std::array fields{field{"content-type", "text/plain"}};
                (void)wt.respond(now, e->stream, 200, fields, false);
                (void)wt.write_content(now, e->stream, slice::copy(pool, as_bytes("up")), true);
            } else if (e->what == event::kind::session_opened) {
                std::printf("client: open, %s\n", std::string{e->text()}.c_str());
                (void)wt.open_stream(now, e->stream, 8);
                streams[8] = {"hello over WebTransport", true, {}, false};
            } else if (e->what == event::kind::content) {
                std::printf("client: GET says %s\n", std::string{e->text()}.c_str());
                content += e->text();
            } else if (e->what == event::kind::session_closed) {
                std::printf("%s: closed, %u %s\n",
                            wt.config().self == role::server ? "server" : "client",
                            e->application_code, std::string{e->text()}.c_str());
                ++closed;
            }
        }
        while (wt.poll_transmit()) {
        } // resets and the like: none in this example
        if (wt.config().self == role::client) return;
        for (auto& [id, each] : streams) {
            each.out += std::exchange(each.in, {});
            each.end = each.end || std::exchange(each.complete, false);
        }
    }

    std::string content{};
    int closed = 0;
};

} // namespace

int main() {
    const instant now{};
    side client{now, role::client};
    side server{now, role::server};
    client.peer = &server;
    server.peer = &client;

    // Numbers as QUIC gives them: the client opens 2, 0 and 4, the server 3.
    client.wt.start(now, 2);
    server.wt.start(now, 3);
    const std::array<std::string_view, 1> protocols{"echo"};
    (void)client.wt.connect(now, 0,
                            {.authority = "localhost", .path = "/echo", .protocols = protocols});
    (void)client.wt.request(now, 4, {.authority = "localhost", .path = "/health"});
    while (client.carry(now) || server.carry(now)) {
    }

    const auto& echoed = client.streams[8];
    std::printf("client: echo says %s\n", echoed.in.c_str());
    (void)client.wt.close_session(now, 0, 0, "done");
    while (client.carry(now) || server.carry(now)) {
    }
    const bool good = echoed.in == "hello over WebTransport" && echoed.complete &&
                      client.content == "up" && client.closed == 1 && server.closed == 1;
    return good ? 0 : 1;
}
