#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/transport.hpp>
#include <moqrtc/testing/random_source.hpp>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::testing {

/// A session that only moves bytes: what a transport has to get right, without a protocol.
class fake_session {
public:
    struct outgoing {
        std::vector<std::byte> content;
        std::size_t sent = 0;
        std::size_t acked = 0;
        bool opened = false;
        bool fin_sent = false;
        bool fin_acked = false;
        bool blocked = false;
        bool reset = false;
        std::optional<std::uint64_t> stopped{};
    };
    struct incoming {
        std::vector<std::byte> content;
        bool fin = false;
        std::optional<std::uint64_t> reset{};
    };

    fake_session(bool server, std::uint64_t seed) : server_{server}, random_{seed} {}

    moqt::stream_id create(bool unidirectional, std::vector<std::byte> content) {
        auto& count = created_[unidirectional ? 1 : 0];
        const auto id = count++ << 2 | (unidirectional ? 2u : 0u) | (server_ ? 1u : 0u);
        out[id] = {.content = std::move(content)};
        return id;
    }
    void answer(moqt::stream_id stream, std::vector<std::byte> content) {
        out[stream] = {.content = std::move(content), .opened = true};
    }
    void reset(moqt::stream_id stream, std::uint64_t code) {
        out[stream].reset = true;
        ops.push_back({moqt::transport_op::kind::reset, stream, code, {}});
    }

    // What a transport calls.
    std::size_t handle_stream(instant, moqt::stream_id stream, bytes data, bool fin) {
        auto take = data.size();
        if (takes_partly && take != 0) take = static_cast<std::size_t>(random_.between(1, take));
        auto& to = in[stream];
        to.content.insert(to.content.end(), data.begin(),
                          data.begin() + static_cast<std::ptrdiff_t>(take));
        if (take == data.size()) to.fin = to.fin || fin;
        const bool answerable = !moqt::is_unidirectional(stream) && !out.contains(stream);
        if (answers && to.fin && answerable) answer(stream, to.content);
        return take;
    }
    void handle_reset(instant, moqt::stream_id stream, std::uint64_t code) {
        in[stream].reset = code;
    }
    void handle_stop_sending(instant, moqt::stream_id stream, std::uint64_t code) {
        out[stream].stopped = code;
        if (!out[stream].reset) reset(stream, code);
    }
    void handle_datagram(instant, bytes data) { datagrams.emplace_back(as_text(data)); }
    void handle_acked(instant, moqt::stream_id stream, std::size_t count, bool fin) {
        out[stream].acked += count;
        out[stream].fin_acked = fin;
    }
    void handle_stream_credit(std::uint64_t bidirectional, std::uint64_t unidirectional) {
        credit_[0] = bidirectional;
        credit_[1] = unidirectional;
    }
    void handle_writable(moqt::stream_id stream) { out[stream].blocked = false; }
    void handle_transport_closed(instant, std::uint64_t code, std::string_view reason,
                                 bool by_peer) {
        closed = std::string{reason} + ' ' + std::to_string(code) + (by_peer ? " peer" : "");
    }
    void handle_timeout(instant now) {
        timeouts.push_back(now);
        due = never;
    }
    std::optional<moqt::stream_send> poll_send(instant) {
        if (closed) return std::nullopt;
        for (auto at = out.rbegin(); at != out.rend(); ++at) { // newest first: order is scrambled
            auto& [id, stream] = *at;
            if (stream.blocked || stream.reset || stream.fin_sent) continue;
            if (!stream.opened && credit_[id >> 1 & 1] == 0) continue;
            moqt::stream_send offer;
            offer.stream = id;
            offer.fin = true;
            const auto rest = bytes{stream.content}.subspan(stream.sent);
            offer.chunks[0] = rest.first(rest.size() / 2);
            offer.chunks[1] = rest.subspan(rest.size() / 2);
            offer.count = 2;
            return offer;
        }
        return std::nullopt;
    }
    void handle_sent(instant, moqt::stream_id id, std::size_t count, bool fin) {
        auto& stream = out[id];
        if (!stream.opened) --credit_[id >> 1 & 1];
        stream.opened = true;
        stream.sent += count;
        stream.fin_sent = fin;
    }
    void handle_blocked(moqt::stream_id stream) { out[stream].blocked = true; }
    std::optional<moqt::transport_op> poll_transmit() {
        if (ops.empty()) return std::nullopt;
        auto op = ops.front();
        ops.pop_front();
        return op;
    }

    std::map<moqt::stream_id, outgoing> out;
    std::map<moqt::stream_id, incoming> in;
    std::deque<moqt::transport_op> ops;
    std::vector<std::string> datagrams;
    std::vector<instant> timeouts;
    std::optional<std::string> closed;
    instant due = never;
    bool takes_partly = false;
    bool answers = false; ///< what comes on a bidirectional stream goes back on it

private:
    bool server_;
    random_source random_;
    std::uint64_t created_[2]{};
    std::uint64_t credit_[2]{};
};

/// The endpoint around it.
struct fake_endpoint {
    explicit fake_endpoint(bool server, std::uint64_t seed = 1) : inner{server, seed} {}
    fake_session& session() noexcept { return inner; }
    void after_input(instant) { ++inputs; }
    instant next_timeout() const noexcept { return inner.due; }
    void handle_timeout(instant now) { inner.handle_timeout(now); }

    fake_session inner;
    std::uint64_t inputs = 0;
};

} // namespace moqrtc::testing
