#pragma once

#include <moqrtc/webtransport/connection.hpp>

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace moqrtc::webtransport::test {

class pipe;
struct pipe_end;

/// What runs inside the sessions of an end, when it is more than a record of their bytes.
struct application {
    virtual ~application() = default;
    virtual void handle_event(pipe& link, pipe_end& end, const event& e) = 0;
    virtual void handle_bytes(instant now, stream_id id, bytes data, bool fin) = 0;
    virtual void handle_reset(instant now, stream_id id, std::optional<std::uint32_t> code) = 0;
    virtual void handle_stopped(instant now, stream_id id, std::optional<std::uint32_t> code) = 0;
    virtual void handle_datagram(instant now, bytes data) = 0;
    virtual void handle_acked(instant now, stream_id id, std::size_t count) = 0;
    virtual void handle_closed(instant now, stream_id id) = 0;
    /// Gives the link what there is to send; whether there was anything.
    [[nodiscard]] virtual bool send(pipe& link, pipe_end& end) = 0;
};

/// One side of a connection in memory, with a driver as short as one can be: what belongs to
/// sessions is collected in `received` and taken from `write`.
struct pipe_end {
    struct content {
        std::string data;
        bool fin = false;
        std::optional<std::uint64_t> reset{};
        session_id session = no_session;
    };
    struct output {
        std::string data; ///< what the session wrote, whole
        std::size_t sent = 0;
        bool fin = false;
        bool fin_sent = false;
        session_id session = no_session;
    };

    buffer_pool pool{};
    std::unique_ptr<connection> wt{};
    std::vector<event> events{};
    std::map<stream_id, content> received{};
    std::vector<std::pair<session_id, std::string>> datagrams{};
    std::map<stream_id, output> writes{};
    std::map<stream_id, std::uint64_t> resets{}; ///< ops: what the connection asked for
    std::map<stream_id, std::uint64_t> stops{};
    std::optional<std::uint64_t> closed_with{};
    std::array<std::uint64_t, 2> opened{};
    bool accepts = true; ///< server: every session, with the first protocol that was offered
    application* inside = nullptr;

    [[nodiscard]] std::size_t count(event::kind what) const {
        std::size_t total = 0;
        for (const auto& e : events)
            total += e.what == what ? 1 : 0;
        return total;
    }
    /// The last event of a kind; `kind::none` when there is none.
    [[nodiscard]] event last(event::kind what) const {
        for (auto at = events.rbegin(); at != events.rend(); ++at)
            if (at->what == what) return *at;
        return {};
    }
};

/// Two connections and a QUIC between them that cuts and reorders as it is told.
class pipe {
public:
    struct options {
        std::uint64_t seed = 1;
        std::size_t most = SIZE_MAX; ///< bytes delivered at once
        bool reorder = false;        ///< streams take turns at random, not by number
    };

    pipe(connection_config client_config, connection_config server_config)
        : pipe(client_config, server_config, options{}) {}
    pipe(connection_config client_config, connection_config server_config, const options& how)
        : how_{how}, random_{how.seed} {
        client_config.self = role::client;
        server_config.self = role::server;
        client.wt = std::make_unique<connection>(now, client_config, client.pool);
        server.wt = std::make_unique<connection>(now, server_config, server.pool);
    }
    ~pipe() {
        // Slices of events come from the pools.
        for (auto* end : {&client, &server})
            end->events.clear();
    }

    void start() {
        client.wt->start(now, open(client, true));
        server.wt->start(now, open(server, true));
    }
    /// Opens a stream of `end` as QUIC numbers it.
    stream_id open(pipe_end& end, bool unidirectional) {
        const auto n = end.opened[unidirectional]++;
        return n << 2 | (unidirectional ? 2u : 0u) | (&end == &server ? 1u : 0u);
    }
    /// Opens a stream of a session and queues bytes on it.
    result<stream_id> open_stream(pipe_end& end, session_id session, bool unidirectional,
                                  std::string data, bool fin = true) {
        const auto id = open(end, unidirectional);
        if (auto opened = end.wt->open_stream(now, session, id); !opened)
            return std::unexpected(opened.error());
        end.writes[id] = {std::move(data), 0, fin, false, session};
        return id;
    }
    void write(pipe_end& end, stream_id id, session_id session, std::string_view data, bool fin) {
        auto& out = end.writes[id];
        out.data += data;
        out.fin = fin;
        out.session = session;
    }
    /// What a foreign peer would send: bytes on a stream, past the connection of `from`.
    void inject(pipe_end& from, stream_id id, std::string_view data, bool fin = false) {
        auto& half = half_of(id, from);
        half.data.insert(half.data.end(), data.begin(), data.end());
        half.fin = half.fin || fin;
    }
    void inject_reset(pipe_end& from, stream_id id, std::uint64_t code) {
        half_of(id, from).reset = code;
    }
    void send_datagram(pipe_end& from, std::string_view data) {
        datagrams_.emplace_back(&from == &client ? &server : &client, std::string{data});
    }

    /// Puts the first `most` bytes of an offer on the wire; how many they were, and whether the
    /// end.
    std::pair<std::size_t, bool> transmit(pipe_end& end, const stream_send& send,
                                          std::size_t most = SIZE_MAX) {
        auto& half = half_of(send.stream, end);
        auto left = std::min(most, send.size());
        const auto count = left;
        for (std::size_t i = 0; i < send.count && left != 0; ++i) {
            const auto part = send.chunks[i].first(std::min(left, send.chunks[i].size()));
            const auto text = as_text(part);
            half.data.insert(half.data.end(), text.begin(), text.end());
            half.in_flight.emplace_back(part, std::string{text});
            left -= part.size();
        }
        const bool fin = send.fin && count == send.size();
        half.fin = half.fin || fin;
        return {count, fin};
    }
    void reset(pipe_end& end, stream_id id, std::uint64_t code) {
        if (auto& half = half_of(id, end); !half.fin_delivered) half.reset = code;
    }
    void stop_sending(pipe_end& end, stream_id id, std::uint64_t code) {
        auto& half = half_of(id, other(end));
        half.stopped = code;
        half.held = false;
    }
    [[nodiscard]] std::size_t choose(std::size_t below) { return random_() % below; }

    /// Moves everything that can move.
    void run() {
        for (bool more = true; more;) {
            more = pump(client);
            more = pump(server) || more;
            more = deliver() || more;
        }
    }
    void advance(duration span) {
        now = now + span;
        for (auto* end : {&client, &server})
            if (end->wt->next_timeout() <= now) end->wt->handle_timeout(now);
        run();
    }
    /// Streams whose end was not reached on both sides.
    [[nodiscard]] std::size_t open_streams() const { return streams_.size(); }

    instant now{};
    pipe_end client{};
    pipe_end server{};
    bool memory_broken = false; ///< bytes changed between being sent and acknowledged

private:
    struct lane {
        std::deque<char> data{};
        std::deque<std::pair<bytes, std::string>> in_flight{}; ///< sent memory and what it held
        bool fin = false;
        bool fin_delivered = false;
        std::optional<std::uint64_t> reset{};
        bool reset_delivered = false;
        std::optional<std::uint64_t> stopped{}; ///< by the reader
        bool held = false;

        [[nodiscard]] bool over() const { return fin_delivered || reset_delivered; }
    };
    struct wire {
        std::array<lane, 2> halves{}; ///< what the client sends, what the server sends
    };

    lane& half_of(stream_id id, const pipe_end& from) {
        return streams_[id].halves[&from == &server];
    }
    pipe_end& other(const pipe_end& end) { return &end == &client ? server : client; }

    bool pump(pipe_end& end) {
        bool more = false;
        auto& wt = *end.wt;
        while (auto e = wt.poll_event()) {
            more = true;
            if (e->what == event::kind::session_requested && end.accepts) {
                const auto offered = offered_protocols(*e);
                (void)wt.accept(now, e->stream, offered.empty() ? "" : offered.front());
            }
            if (end.inside != nullptr) end.inside->handle_event(*this, end, *e);
            if (e->what == event::kind::datagram)
                end.datagrams.emplace_back(e->stream, std::string{e->text()});
            end.events.push_back(std::move(*e));
        }
        while (auto op = wt.poll_transmit()) {
            more = true;
            carry_out(end, *op);
        }
        if (wt.closed()) return more;
        for (int i = 0; i < 64; ++i) {
            const auto send = wt.poll_send(now);
            if (!send) break;
            more = true;
            transmit(end, *send);
            wt.handle_sent(now, send->stream, send->size(), send->fin);
        }
        if (end.inside != nullptr && end.inside->send(*this, end)) more = true;
        for (auto& [id, out] : end.writes) {
            if (out.sent == out.data.size() && (!out.fin || out.fin_sent)) continue;
            const bytes rest = as_bytes(std::string_view{out.data}).subspan(out.sent);
            stream_send send;
            if (!wt.offer(id, {&rest, 1}, out.fin, send)) continue;
            transmit(end, send);
            const auto progress = wt.handle_sent(now, id, send.size(), send.fin);
            out.sent += progress.count;
            out.fin_sent = send.fin;
            more = true;
        }
        return more;
    }

    void carry_out(pipe_end& end, const transport_op& op) {
        using kind = transport_op::kind;
        switch (op.what) {
        case kind::reset:
            end.resets[op.stream] = op.code;
            reset(end, op.stream, op.code);
            end.writes.erase(op.stream);
            break;
        case kind::stop_sending:
            end.stops[op.stream] = op.code;
            stop_sending(end, op.stream, op.code);
            break;
        case kind::resume:
            if (streams_.contains(op.stream)) half_of(op.stream, other(end)).held = false;
            break;
        case kind::close:
            end.closed_with = op.code;
            other(end).wt->handle_transport_closed(now, op.code, as_text(op.data.view()), true);
            streams_.clear();
            break;
        }
    }

    bool deliver() {
        for (auto& [to, data] : std::exchange(datagrams_, {})) {
            const auto input = to->wt->handle_datagram(now, as_bytes(std::string_view{data}));
            if (input.session != no_session && to->inside != nullptr)
                to->inside->handle_datagram(now, input.payload);
            else if (input.session != no_session)
                to->datagrams.emplace_back(input.session, std::string{as_text(input.payload)});
        }
        std::vector<std::pair<stream_id, int>> ready;
        for (auto& [id, stream] : streams_)
            for (int side : {0, 1})
                if (can_deliver(stream.halves[static_cast<std::size_t>(side)]))
                    ready.emplace_back(id, side);
        if (ready.empty()) return reap();
        const auto at = how_.reorder ? random_() % ready.size() : 0;
        const auto [id, side] = ready[at];
        deliver(id, side == 0 ? client : server, side == 0 ? server : client);
        return true;
    }
    [[nodiscard]] static bool can_deliver(const lane& h) {
        if (h.over()) return false;
        if (h.reset || h.stopped) return true;
        return !h.held && (!h.data.empty() || h.fin);
    }

    void deliver(stream_id id, pipe_end& from, pipe_end& to) {
        auto& half = half_of(id, from);
        if (half.stopped && !half.reset) { // QUIC answers STOP_SENDING by itself
            half.reset = *half.stopped;
            const auto signal = from.wt->handle_stop_sending(now, id, *half.stopped);
            if (signal.session != no_session && from.inside != nullptr)
                from.inside->handle_stopped(now, id, signal.code);
            from.writes.erase(id);
        }
        if (half.reset) {
            half.reset_delivered = true;
            const auto signal = to.wt->handle_reset(now, id, *half.reset);
            if (signal.session != no_session && to.inside != nullptr)
                to.inside->handle_reset(now, id, signal.code);
            else if (signal.session != no_session)
                to.received[id].reset = signal.code.value_or(0);
            return;
        }
        const auto limit = how_.most == SIZE_MAX ? half.data.size() : 1 + random_() % how_.most;
        const auto size = std::min(limit, half.data.size());
        const std::string data{half.data.begin(),
                               half.data.begin() + static_cast<std::ptrdiff_t>(size)};
        const bool fin = half.fin && size == half.data.size();
        const bytes all = as_bytes(std::string_view{data});
        std::size_t taken = 0;
        for (;;) {
            const auto input = to.wt->handle_stream(now, id, all.subspan(taken), fin);
            taken += input.consumed;
            if (input.whose == stream_input::owner::session && to.inside != nullptr) {
                to.inside->handle_bytes(now, id, all.subspan(taken), fin);
                taken = data.size();
            } else if (input.whose == stream_input::owner::session) {
                auto& content = to.received[id];
                content.data += data.substr(taken);
                content.fin = content.fin || fin;
                content.session = input.session;
                taken = data.size();
            }
            (void)pump(to);
            if (!streams_.contains(id)) return; // the connection is over
            if (input.whose == stream_input::owner::held) {
                half_of(id, from).held = true; // until `resume`
                break;
            }
            if (taken == data.size()) break;
        }
        auto& now_half = half_of(id, from);
        now_half.data.erase(now_half.data.begin(),
                            now_half.data.begin() + static_cast<std::ptrdiff_t>(taken));
        acknowledge(id, from, now_half, taken);
        if (fin && taken == data.size()) now_half.fin_delivered = true;
    }
    void acknowledge(stream_id id, pipe_end& from, lane& h, std::size_t count) {
        if (from.wt->closed()) return;
        for (auto left = count; left != 0 && !h.in_flight.empty();) {
            auto& [memory, held] = h.in_flight.front();
            const auto size = std::min(left, held.size());
            if (std::memcmp(memory.data(), held.data(), size) != 0) memory_broken = true;
            memory = memory.subspan(size);
            held.erase(0, size);
            left -= size;
            if (held.empty()) h.in_flight.pop_front();
        }
        const auto progress = from.wt->handle_acked(now, id, count);
        if (progress.session != no_session && from.inside != nullptr)
            from.inside->handle_acked(now, id, progress.count);
    }

    /// Tells both sides of streams that are through.
    bool reap() {
        bool any = false;
        for (auto at = streams_.begin(); at != streams_.end();) {
            const auto id = at->first;
            const auto& halves = at->second.halves;
            const auto opener = opened_by_server(id) ? 1u : 0u;
            const bool over = is_unidirectional(id) ? halves[opener].over()
                                                    : halves[0].over() && halves[1].over();
            if (!over) {
                ++at;
                continue;
            }
            any = true;
            at = streams_.erase(at);
            for (auto* end : {&client, &server})
                if (end->wt->handle_closed(now, id) != no_session && end->inside != nullptr)
                    end->inside->handle_closed(now, id);
            client.writes.erase(id);
            server.writes.erase(id);
        }
        return any;
    }

    options how_;
    std::mt19937_64 random_;
    std::map<stream_id, wire> streams_{};
    std::vector<std::pair<pipe_end*, std::string>> datagrams_{};
};

} // namespace moqrtc::webtransport::test
