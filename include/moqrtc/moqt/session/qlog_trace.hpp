#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/core/json_printer.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/data/stream_reader.hpp>
#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/session/control_framer.hpp>
#include <moqrtc/moqt/session/event.hpp>
#include <moqrtc/moqt/transport.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace moqrtc::moqt {

/// Writes what passes between a session and its transport as qlog events.
///
/// It is given the same bytes as the session, from outside, and reads them for itself: so it shows
/// what was on the wire, also what the session refuses, and a session without it pays nothing.
/// Values of tokens, queries of URIs and payloads are left out.
///
/// Spec    draft-pardue-moq-qlog-moq-events-07 in JSON text sequences (RFC 7464); the namespace
///         `moqrtc` has what that draft lacks: resets, the end of the session, what does not parse.
/// Owns    what it keeps of unfinished messages, in a pool of its own with a limit: what goes
///         beyond is not traced.
class qlog_trace {
public:
    enum class direction : std::uint8_t { sent, received };
    struct settings {
        role self = role::client;
        draft version = draft::d18;
        std::string_view group_id{};   ///< names the session; the same on both sides
        std::string_view wall_clock{}; ///< the time of `now` as RFC 3339 writes it, if known
    };

    qlog_trace(instant now, const settings& given)
        : rules_{&rules_for(given.version)}, began_{now} {
        out_ = "\x1e{\"file_schema\":\"urn:ietf:params:qlog:file:sequential\","
               "\"serialization_format\":\"application/qlog+json-seq\",\"trace\":{";
        json_printer io{*rules_, out_};
        io.begin("common_fields");
        io.word("group_id", given.group_id);
        io.word("time_format", "relative_to_epoch");
        io.begin("reference_time");
        io.word("clock_type", "monotonic");
        io.word("epoch", "unknown");
        if (!given.wall_clock.empty()) io.word("wall_clock_time", given.wall_clock);
        io.end();
        io.word("moqt_version", rules_->alpn);
        io.end();
        io.begin("vantage_point");
        io.word("type", given.self == role::server ? "server" : "client");
        io.end();
        out_ += ",\"event_schemas\":[\"urn:ietf:params:qlog:events:moqt-07\","
                "\"urn:moqrtc:qlog:events:moqrtc-1\"]}}\n";
    }
    qlog_trace(const qlog_trace&) = delete;
    qlog_trace& operator=(const qlog_trace&) = delete;

    /// The next bytes of a stream in one direction, in order; `fin` when they are its last.
    void handle_stream(instant now, direction way, stream_id stream, bytes data, bool fin);
    void handle_datagram(instant now, direction way, bytes data);
    /// RESET_STREAM, and STOP_SENDING, which has its own direction: that of the frame.
    void handle_reset(instant now, direction way, stream_id stream, std::uint64_t code);
    void handle_stop_sending(instant now, direction way, stream_id stream, std::uint64_t code);
    /// The session is over; `way` is `received` when the peer ended it.
    void handle_closed(instant now, direction way, std::uint64_t code, std::string_view reason);

    /// What there is to write since the last call, whole records.
    [[nodiscard]] std::string take() { return std::exchange(out_, {}); }
    [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }

private:
    static constexpr std::size_t most_streams = std::size_t{1} << 16;
    static constexpr std::size_t most_fetches = 4096;
    static constexpr std::size_t pool_limit = std::size_t{64} << 20;

    struct state {
        enum class kind : std::uint8_t { untyped, messages, data, discarded };
        kind what = kind::untyped;
        std::array<std::byte, 9> head{}; ///< of the type, as far as it is here
        std::size_t head_size = 0;
        control_framer framer{};
        std::optional<stream_reader> reader{};
        std::optional<std::uint64_t> object{}; ///< the one before
    };
    using printer = json_printer<wire_rules>;

    [[nodiscard]] static constexpr std::uint64_t key(direction way, stream_id id) noexcept {
        return id << 1 | (way == direction::received ? 1 : 0);
    }
    /// One event; `fields(io)` writes its data.
    template <class Fields>
    void event(instant now, std::string_view space, std::string_view name, Fields&& fields) {
        out_ += "\x1e{\"time\":";
        const auto us = now - began_;
        append_json_number(out_, static_cast<std::uint64_t>(us.us < 0 ? 0 : us.us / 1000));
        const auto rest = std::to_string(1000 + (us.us < 0 ? 0 : us.us % 1000));
        out_.append(".").append(rest, 1).append(",\"name\":\"").append(space).append(name);
        out_ += "\",\"data\":{";
        printer io{*rules_, out_};
        fields(io);
        out_ += "}}\n";
    }
    /// The draft's events come in pairs, by who made the message.
    template <class Fields>
    void event(instant now, direction way, std::string name, Fields&& fields) {
        name += way == direction::sent ? "_created" : "_parsed";
        event(now, "moqt:", name, std::forward<Fields>(fields));
    }
    void fail(instant now, direction way, stream_id id, const error& failure);

    [[nodiscard]] bool type(instant now, direction way, stream_id id, state& s, bytes& in);
    [[nodiscard]] bool messages(instant now, direction way, stream_id id, state& s, bytes& in);
    [[nodiscard]] bool items(instant now, direction way, stream_id id, state& s, bytes& in);
    void message(instant now, direction way, stream_id id, std::uint64_t type, bytes body);
    template <class M>
    void fields(printer& io, direction way, bytes body);
    void item(instant now, direction way, stream_id id, state& s, const stream_item& what);
    void properties(printer& io, const char* field, bytes encoded) const;
    [[nodiscard]] static bytes without_query(bytes uri) noexcept {
        const auto cut = as_text(uri).find('?');
        return cut == std::string_view::npos ? uri : uri.first(cut);
    }

    const wire_rules* rules_;
    instant began_;
    bool closed_ = false;
    std::string out_;
    buffer_pool pool_{pool_limit};
    std::unordered_map<std::uint64_t, state> streams_{};
    std::map<std::pair<direction, request_id>, group_order> fetches_{}; ///< by who asked
};

inline void qlog_trace::handle_stream(instant now, direction way, stream_id id, bytes in,
                                      bool fin) {
    auto at = streams_.find(key(way, id));
    if (at == streams_.end()) {
        if (streams_.size() >= most_streams) return;
        at = streams_.try_emplace(key(way, id)).first;
        if (!is_unidirectional(id)) at->second.what = state::kind::messages;
    }
    auto& s = at->second;
    bool good = true;
    while (good && !in.empty()) {
        switch (s.what) {
        case state::kind::untyped:
            good = type(now, way, id, s, in);
            break;
        case state::kind::messages:
            good = messages(now, way, id, s, in);
            break;
        case state::kind::data:
            good = items(now, way, id, s, in);
            break;
        case state::kind::discarded:
            in = {};
            break;
        }
    }
    if (!good) s.what = state::kind::discarded; // it was told, and nothing behind it can be read
    if (fin) streams_.erase(key(way, id));
}

inline bool qlog_trace::type(instant now, direction way, stream_id id, state& s, bytes& in) {
    s.head[s.head_size++] = in.front();
    in = in.subspan(1);
    const auto want = varint_length(rules_->varint, s.head[0]);
    if (want == 0 || want > s.head.size()) {
        fail(now, way, id, {errc::bad_value, 0, "stream type", "stream-types"});
        return false;
    }
    if (s.head_size < want) return true;
    const auto number = decode_varint(rules_->varint, s.head.data(), want).value;
    const auto told = [&](std::string_view what) {
        event(now, "moqt:", "stream_type_set", [&](printer& io) {
            io.word("owner", way == direction::sent ? "local" : "remote");
            io.varint("stream_id", id);
            io.word("stream_type", what);
        });
    };
    if (classify_stream(*rules_, number) == stream_kind::control) {
        told("control");
        s.what = state::kind::messages;
        bytes again = bytes{s.head}.first(want); // the stream's type is that of its first message
        return messages(now, way, id, s, again);
    }
    auto reader = stream_reader::create(*rules_, number);
    if (!reader) {
        fail(now, way, id, reader.error());
        return false;
    }
    const bool padding = reader->kind() == stream_kind::padding;
    told(padding                                ? "padding"
         : reader->kind() == stream_kind::fetch ? "fetch_header"
                                                : "subgroup_header");
    s.what = padding ? state::kind::discarded : state::kind::data;
    s.reader.emplace(std::move(*reader));
    return true;
}

inline bool qlog_trace::messages(instant now, direction way, stream_id id, state& s, bytes& in) {
    const auto next = s.framer.next(*rules_, in, pool_);
    if (!next) {
        fail(now, way, id, next.error());
        return false;
    }
    if (*next) message(now, way, id, (*next)->type, (*next)->body);
    return true;
}

inline void qlog_trace::message(instant now, direction way, stream_id id, std::uint64_t type,
                                bytes body) {
    event(now, way, "control_message", [&](printer& io) {
        io.varint("stream_id", id);
        io.varint("length", body.size());
        std::string name{msg::name_of(*rules_, type)};
        for (auto& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        io.word("message_type", name);
        io.begin("message");
        io.word("type", name);
        const bool known =
            msg::all::dispatch(*rules_, type, [&]<class M> { fields<M>(io, way, body); });
        if (!known) io.varint("type_number", type);
        io.end();
    });
}

template <class M>
void qlog_trace::fields(printer& io, direction way, bytes body) {
    auto parsed = parse<M>(*rules_, body);
    if (!parsed) {
        const auto& failure = parsed.error();
        io.word("error", to_string(failure.code));
        io.word("field", failure.field);
        io.varint("offset", failure.offset);
        io.word("raw", hex_encode(body.first(std::min<std::size_t>(body.size(), 256))));
        return;
    }
    auto& m = *parsed;
    if constexpr (requires { m.options.path; })
        if (m.options.path) m.options.path = without_query(*m.options.path);
    if constexpr (requires { m.new_session_uri; })
        m.new_session_uri = without_query(m.new_session_uri);
    if constexpr (std::is_same_v<M, msg::fetch>) {
        if (fetches_.size() >= most_fetches) fetches_.erase(fetches_.begin());
        fetches_[{way, m.request_id}] = m.params.group_order.value_or(group_order::ascending);
    }
    M::describe(io, m);
    if constexpr (requires { m.properties; }) properties(io, "track_properties", m.properties);
}

inline void qlog_trace::handle_reset(instant now, direction way, stream_id id, std::uint64_t code) {
    streams_.erase(key(way, id));
    event(now, "moqrtc:", "stream_reset", [&](printer& io) {
        io.word("owner", way == direction::sent ? "local" : "remote");
        io.varint("stream_id", id);
        io.varint("code", code);
        io.word("reason", to_string(from_wire<reset_code>(*rules_, code)));
    });
}

inline void qlog_trace::handle_stop_sending(instant now, direction way, stream_id id,
                                            std::uint64_t code) {
    event(now, "moqrtc:", "stop_sending", [&](printer& io) {
        io.word("owner", way == direction::sent ? "local" : "remote");
        io.varint("stream_id", id);
        io.varint("code", code);
        io.word("reason", to_string(from_wire<reset_code>(*rules_, code)));
    });
}

inline void qlog_trace::handle_closed(instant now, direction way, std::uint64_t code,
                                      std::string_view reason) {
    if (std::exchange(closed_, true)) return; // whoever closes is told of the end once more
    event(now, "moqrtc:", "session_closed", [&](printer& io) {
        io.word("owner", way == direction::sent ? "local" : "remote");
        io.varint("code", code);
        io.word("name", to_string(from_wire<close_code>(*rules_, code)));
        io.blob("reason", as_bytes(reason), SIZE_MAX);
    });
    streams_.clear();
}

inline void qlog_trace::fail(instant now, direction way, stream_id id, const error& failure) {
    event(now, "moqrtc:", "not_understood", [&](printer& io) {
        io.word("owner", way == direction::sent ? "local" : "remote");
        if (id != no_stream) io.varint("stream_id", id);
        io.word("error", to_string(failure.code));
        io.word("field", failure.field);
        io.word("where", failure.where);
    });
}

} // namespace moqrtc::moqt

#include <moqrtc/moqt/session/detail/qlog_data.hpp>
