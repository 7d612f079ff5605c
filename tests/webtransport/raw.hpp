#pragma once

#include <moqrtc/core/hex.hpp>
#include <moqrtc/webtransport/connection.hpp>

#include <algorithm>
#include <gtest/gtest.h>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moqrtc::webtransport::test {

/// Bytes on the wire, written by hand.
[[nodiscard]] inline std::string varint(std::uint64_t value) {
    std::array<std::byte, 8> out{};
    const auto size = encode_varint(varint_form::quic, value, out.data());
    return std::string{as_text(bytes{out}.first(size))};
}
/// Type, length, payload: frames and capsules alike.
[[nodiscard]] inline std::string tlv(std::uint64_t type, std::string_view payload = {}) {
    return varint(type) + varint(payload.size()) + std::string{payload};
}
[[nodiscard]] inline std::string from_hex(std::string_view digits) {
    const auto data = hex_decode(digits);
    return std::string{as_text(*data)};
}
[[nodiscard]] inline std::string data_frame(std::string_view payload) {
    return tlv(frame_type::data, payload);
}
[[nodiscard]] inline std::string headers(std::initializer_list<field> fields) {
    buffer_pool pool;
    qpack_coder coder;
    const auto frame = coder.encode(pool, 0, {fields.begin(), fields.size()});
    return std::string{as_text(frame->view())};
}
[[nodiscard]] inline std::string
settings_frame(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> pairs) {
    std::string payload;
    for (const auto& [id, value] : pairs)
        payload += varint(id) + varint(value);
    return tlv(frame_type::settings, payload);
}
/// SETTINGS as Chromium 156 sends them, the GREASE identifier included.
[[nodiscard]] inline std::string chromium_settings() {
    return settings_frame({{0x1, 65536},
                           {0x6, 16384},
                           {0x7, 100},
                           {0x33, 1},
                           {0xffd277, 1},
                           {0x2b603742, 1},
                           {0x1f * 41 + 0x21, 7}});
}
[[nodiscard]] inline std::string get_request(std::string_view path = "/") {
    return headers(
        {{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", path}});
}
[[nodiscard]] inline std::string connect_request(std::string_view protocol = "webtransport") {
    return headers({{":method", "CONNECT"},
                    {":protocol", protocol},
                    {":scheme", "https"},
                    {":authority", "localhost"},
                    {":path", "/moq"},
                    {"wt-available-protocols", "\"moqt-18\", \"moqt-16\""}});
}

/// One connection and a peer that says whatever a test wants.
struct raw {
    static constexpr stream_id peer_control_of_client = 2;
    static constexpr stream_id peer_control_of_server = 3;

    explicit raw(role self, connection_config config = {}) {
        config.self = self;
        wt = std::make_unique<connection>(now, config, pool);
        wt->start(now, self == role::client ? 2u : 3u);
        drain();
    }
    ~raw() {
        events.clear();
        ops.clear();
    }

    /// Gives bytes and drains; what was held or given to a session is in `last`.
    void feed(stream_id id, std::string_view data, bool fin = false) {
        auto rest = as_bytes(data);
        do {
            last = wt->handle_stream(now, id, rest, fin);
            rest = rest.subspan(last.consumed);
            drain();
        } while (last.whose == stream_input::owner::connection && !rest.empty() && !wt->closed());
        left = rest.size();
    }
    void drain() {
        while (auto e = wt->poll_event())
            events.push_back(std::move(*e));
        while (auto op = wt->poll_transmit()) {
            if (op->what == transport_op::kind::close) closed_with = http_code{op->code};
            ops.push_back(std::move(*op));
        }
        while (auto send = wt->poll_send(now)) {
            for (std::size_t i = 0; i < send->count; ++i)
                sent[send->stream] += as_text(send->chunks[i]);
            const auto size = send->size();
            if (send->fin) finished.push_back(send->stream);
            wt->handle_sent(now, send->stream, size, send->fin);
            wt->handle_acked(now, send->stream, size);
        }
    }
    [[nodiscard]] std::optional<http_code> op(transport_op::kind what, stream_id id) const {
        for (const auto& each : ops)
            if (each.what == what && each.stream == id) return http_code{each.code};
        return std::nullopt;
    }
    [[nodiscard]] std::optional<http_code> reset_of(stream_id id) const {
        return op(transport_op::kind::reset, id);
    }
    [[nodiscard]] std::optional<http_code> stop_of(stream_id id) const {
        return op(transport_op::kind::stop_sending, id);
    }
    [[nodiscard]] bool has_fin(stream_id id) const {
        return std::find(finished.begin(), finished.end(), id) != finished.end();
    }
    [[nodiscard]] std::size_t count(event::kind what) const {
        std::size_t total = 0;
        for (const auto& e : events)
            total += e.what == what ? 1 : 0;
        return total;
    }
    [[nodiscard]] event last_event(event::kind what) const {
        for (auto at = events.rbegin(); at != events.rend(); ++at)
            if (at->what == what) return *at;
        return {};
    }
    /// A control stream with SETTINGS, as the peer opens it.
    void feed_control(std::string_view frames = {}) {
        const auto id =
            wt->config().self == role::client ? peer_control_of_server : peer_control_of_client;
        feed(id, varint(stream_type::control) +
                     (frames.empty() ? chromium_settings() : std::string{frames}));
    }
    /// A server with an open session on stream 0.
    void open_session() {
        feed_control();
        feed(0, connect_request());
        EXPECT_TRUE(wt->accept(now, 0, "moqt-18"));
        drain();
    }

    instant now{};
    buffer_pool pool{};
    std::unique_ptr<connection> wt{};
    std::vector<event> events{};
    std::vector<transport_op> ops{};
    std::map<stream_id, std::string> sent{};
    std::vector<stream_id> finished{};
    std::optional<http_code> closed_with{};
    stream_input last{};
    std::size_t left = 0;
};

} // namespace moqrtc::webtransport::test
