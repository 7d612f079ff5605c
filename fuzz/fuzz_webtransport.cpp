// Drives one HTTP/3 connection, of either role, with what a peer, a transport and an application
// can do in any order. The input is a program: each byte picks a step, the bytes after it are its
// arguments. Checked: no crash, `closed` comes once and last, the contract with the transport holds
// (what is held is never the end alone, prefixes are exact, memory that was sent stays as it was
// until it is acknowledged), what is parsed is written and parsed again to the same, and the pool
// is empty at the end.
#include <moqrtc/webtransport/connection.hpp>
#include <moqrtc/webtransport/structured_field.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace moqrtc;
using namespace moqrtc::webtransport;

namespace {

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

/// The program, read byte by byte; zero behind its end.
class program {
public:
    program(const std::uint8_t* data, std::size_t size) : at_{data}, end_{data + size} {}
    [[nodiscard]] bool over() const { return at_ == end_; }
    std::uint8_t next() { return over() ? std::uint8_t{0} : *at_++; }
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    std::string take(std::size_t count) {
        count = std::min(count, static_cast<std::size_t>(end_ - at_));
        std::string out(reinterpret_cast<const char*>(at_), count);
        at_ += count;
        return out;
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

std::string integer(std::uint64_t value) {
    std::array<std::byte, 8> out{};
    const auto size = encode_varint(varint_form::quic, value, out.data());
    return std::string{as_text(bytes{out}.first(size))};
}
std::string framed(std::uint64_t type, std::string_view payload) {
    return integer(type) + integer(payload.size()) + std::string{payload};
}
std::string head(std::span<const field> fields) {
    static buffer_pool pool;
    static qpack_coder coder;
    const auto frame = coder.encode(pool, 0, fields);
    return std::string{as_text(frame->view())};
}

/// Frames that peers of either role begin with.
std::string message(std::uint64_t which) {
    static const std::array<std::string, 8> all{
        head(std::array{field{":method", "CONNECT"}, field{":protocol", "webtransport"},
                        field{":scheme", "https"}, field{":authority", "a"}, field{":path", "/"},
                        field{"sec-webtransport-http3-draft02", "1"},
                        field{"wt-available-protocols", "\"moqt-18\";a, \"moqt-16\""}}),
        head(std::array{field{":method", "CONNECT"}, field{":protocol", "webtransport-h3"},
                        field{":scheme", "https"}, field{":authority", "a"}, field{":path", "/"}}),
        head(std::array{field{":method", "GET"}, field{":scheme", "https"},
                        field{":authority", "a"}, field{":path", "/x"}}),
        head(std::array{field{":method", "POST"}, field{":scheme", "https"},
                        field{":authority", "a"}, field{":path", "/x"},
                        field{"content-length", "5"}}),
        head(std::array{field{":status", "200"}, field{"wt-protocol", "\"moqt-18\""}}),
        head(std::array{field{":status", "404"}}),
        head(std::array{field{":status", "103"}}),
        head(std::array{field{"trailer", "x"}})};
    return all[which % all.size()];
}

class driver {
public:
    driver(const std::uint8_t* data, std::size_t size) : in_{data, size} {
        const auto flags = in_.next();
        config_.self = flags & 1 ? role::server : role::client;
        if (flags & 2) config_.window = {3, 3, 200};
        if (flags & 4) {
            config_.max_events = 3;
            config_.max_requests = 4;
            config_.max_early_streams = 2;
            config_.max_early_datagrams = 2;
            config_.max_early_datagram_bytes = 20;
            config_.max_field_section = 200;
            config_.max_unsent_control = 64;
        }
        if (flags & 8) config_.dialects = dialect_set::only(dialect::draft_02);
        if (flags & 16) pool_.set_limit(20'000);
        connection_ = std::make_unique<connection>(now_, config_, pool_);
        connection_->start(now_, serves() ? 3 : 2);
        if (flags & 32) greet();
    }
    ~driver() {
        drain();
        connection_.reset();
        require(pool_.used() == 0, "the pool is empty at the end");
    }
    void run() {
        while (!in_.over()) {
            step();
            if (in_.below(4) != 3) drain();
        }
    }

private:
    struct incoming {
        std::string data;
        bool fin = false;
        bool over = false;
        bool held = false;
    };
    struct outgoing {
        std::deque<std::pair<bytes, std::string>> in_flight{};
        bool over = false;
        session_id session = no_session; ///< ours: it has a prefix
        std::string seen{};              ///< the first bytes that were sent
    };

    [[nodiscard]] bool serves() const { return config_.self == role::server; }
    [[nodiscard]] bool is_ours(stream_id id) const { return opened_by_server(id) == serves(); }

    void greet() {
        std::string all = integer(0);
        std::string payload;
        for (const auto& [id, value] :
             std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{{0x8, 1},
                                                                            {0x33, 1},
                                                                            {0x2b603742, 1},
                                                                            {0x2c7cf000, 1},
                                                                            {0x2b61, 50},
                                                                            {0x2b64, 2},
                                                                            {0x2b65, 2}})
            payload += integer(id) + integer(value);
        give(serves() ? 2 : 3, all + framed(frame_type::settings, payload), false);
    }
    stream_id some_stream() { return in_.below(24); }

    void step() {
        auto& wt = *connection_;
        const auto id = some_stream();
        switch (in_.below(24)) {
        case 0:
            return give(id, in_.take(in_.below(40)), in_.below(8) == 0);
        case 1:
            return give(id, message(in_.next()), in_.below(8) == 0);
        case 2:
            return give(id, framed(frame_type::data, in_.take(in_.below(40))), in_.below(8) == 0);
        case 3:
            return give(id, framed(frame_type::data, some_capsule()), in_.below(8) == 0);
        case 4:
            return give(id, framed(in_.below(16), in_.take(in_.below(12))), in_.below(8) == 0);
        case 5:
            return give(id,
                        integer(is_unidirectional(id) ? 0x54 : 0x41) + integer(in_.below(6) * 4) +
                            in_.take(in_.below(20)),
                        in_.below(4) == 0);
        case 6:
            return give(id, some_capsule(), false);
        case 7:
            return give(id, "", true);
        case 8:
            return reset(id);
        case 9:
            if (can_send(id)) {
                (void)wt.handle_stop_sending(now_, id, some_code());
                out_[id].over = true;
            }
            return;
        case 10: {
            const auto data = integer(in_.below(4)) + in_.take(in_.below(20));
            const auto input = wt.handle_datagram(now_, as_bytes(std::string_view{data}));
            require(input.session == no_session || wt.is_open(input.session), "datagram's session");
            return;
        }
        case 11:
            return void(wt.accept(now_, id, in_.below(2) ? "moqt-18" : ""));
        case 12:
            return void(wt.respond(now_, id, static_cast<std::uint16_t>(200 + in_.below(250)), {},
                                   in_.below(2) == 0));
        case 13:
            return void(wt.close_session(now_, id, in_.next(), in_.take(in_.below(10))));
        case 14:
            return open_stream(in_.below(6) * 4, id);
        case 15:
            return offer(id);
        case 16:
            return connect(id);
        case 17:
            return void(wt.write_content(
                now_, id, slice::copy(pool_, as_bytes(std::string_view{in_.take(in_.below(60))})),
                in_.below(3) == 0));
        case 18:
            return void(wt.cancel(now_, id));
        case 19:
            return wt.pause_content(id);
        case 20:
            return wt.resume_content(now_, id);
        case 21:
            now_ = now_ + seconds(static_cast<std::int64_t>(in_.below(6)));
            if (wt.next_timeout() <= now_) wt.handle_timeout(now_);
            require(wt.next_timeout() > now_, "no timeout stays due");
            return;
        case 22:
            return close_stream(id);
        default:
            return rare(id);
        }
    }
    void rare(stream_id id) {
        auto& wt = *connection_;
        switch (in_.below(8)) {
        case 0:
            return wt.goaway(now_);
        case 1:
            return void(wt.drain_session(now_, id));
        case 2:
            return wt.close(now_, http_code::h3_no_error, "end");
        case 3:
            gone_ = true;
            return wt.handle_transport_closed(now_, in_.next(), "gone", true);
        case 4:
            return wt.handle_blocked(id);
        case 5:
            return wt.handle_writable(id);
        default:
            return give(serves() ? 2 : 3, framed(frame_type::goaway, integer(in_.below(32))),
                        false);
        }
    }
    std::string some_capsule() {
        static constexpr std::array<std::uint64_t, 8> types{
            capsule_type::close_session,   capsule_type::drain_session,
            capsule_type::max_data,        capsule_type::max_streams_bidi,
            capsule_type::max_streams_uni, capsule_type::data_blocked,
            capsule_type::max_stream_data, 0x17};
        const auto type = types[in_.below(types.size())];
        if (type == capsule_type::close_session)
            return framed(type, std::string{"\0\0\0", 3} + in_.take(1 + in_.below(6)));
        return framed(type, in_.below(4) ? integer(in_.next() * in_.next()) : in_.take(3));
    }
    std::uint64_t some_code() {
        return in_.below(2) ? to_http_code(in_.next()) : 0x100u + in_.below(17);
    }

    // From the peer -------------------------------------------------------------------------------

    void give(stream_id id, const std::string& data, bool fin) {
        if (is_ours(id) && is_unidirectional(id)) return;
        if (is_ours(id) && !out_.contains(id)) return; // not open yet
        auto& in = from_peer_[id];
        if (in.over || in.fin) return;
        in.data += data;
        in.fin = fin;
        if (!in.held) deliver(id);
    }
    void deliver(stream_id id) {
        auto& in = from_peer_[id];
        const auto data = std::exchange(in.data, {});
        auto rest = as_bytes(std::string_view{data});
        for (;;) {
            const auto input = connection_->handle_stream(now_, id, rest, in.fin);
            require(input.consumed <= rest.size(), "no more is taken than was given");
            rest = rest.subspan(input.consumed);
            if (input.whose == stream_input::owner::held) {
                require(!rest.empty(), "what is held is never the end alone");
                in.held = true;
                in.data = std::string{as_text(rest)};
                return;
            }
            if (input.whose == stream_input::owner::session) {
                require(is_ours(id) || connection_->is_open(input.session),
                        "bytes of an open session");
                require(connection_->session_of(id) == input.session, "the session of a stream");
                break;
            }
            if (rest.empty()) break;
            drain();
            if (connection_->closed()) break;
        }
        in.over = in.fin;
    }
    void reset(stream_id id) {
        if ((is_ours(id) && is_unidirectional(id)) || (is_ours(id) && !out_.contains(id))) return;
        auto& in = from_peer_[id];
        if (in.over) return;
        in = incoming{};
        in.over = true;
        (void)connection_->handle_reset(now_, id, some_code(),
                                        in_.below(2) ? std::optional<std::uint64_t>{in_.next()}
                                                     : std::nullopt);
    }

    // To the peer ---------------------------------------------------------------------------------

    [[nodiscard]] bool can_send(stream_id id) const {
        if (is_unidirectional(id) && !is_ours(id)) return false;
        return is_ours(id) ? out_.contains(id) : from_peer_.contains(id);
    }
    void open_stream(session_id session, stream_id id) {
        if (!is_ours(id) || out_.contains(id) || id < 4) return;
        if (connection_->open_stream(now_, session, id)) out_[id].session = session;
    }
    void connect(stream_id id) {
        if (serves() || !is_request_stream(id) || out_.contains(id)) return;
        const std::array<std::string_view, 2> protocols{"moqt-18", "moqt-16"};
        const bool done =
            in_.below(2)
                ? connection_->connect(now_, id, {.authority = "a", .protocols = protocols})
                      .has_value()
                : connection_->request(now_, id, {.authority = "a"}, in_.below(2) == 0).has_value();
        if (done) out_[id];
    }
    void offer(stream_id id) {
        const auto payload = as_bytes("0123456789");
        stream_send send;
        if (!connection_->offer(id, {&payload, 1}, in_.below(4) == 0, send)) return;
        const auto session = connection_->session_of(id);
        require(connection_->is_open(session) || !serves(), "an offer of a session");
        transmit(send, 1 + in_.below(12));
    }
    void transmit(const stream_send& send, std::size_t most) {
        auto& out = out_[send.stream];
        auto left = std::min(most, send.size());
        const bool fin = send.fin && left == send.size();
        const auto count = left;
        for (std::size_t i = 0; i < send.count && left != 0; ++i) {
            const auto part = send.chunks[i].first(std::min(left, send.chunks[i].size()));
            out.in_flight.emplace_back(part, std::string{as_text(part)});
            if (out.seen.size() < 16) out.seen += as_text(part);
            left -= part.size();
        }
        if (out.session != no_session) {
            const auto prefix =
                integer(is_unidirectional(send.stream) ? 0x54 : 0x41) + integer(out.session);
            const auto size = std::min(prefix.size(), out.seen.size());
            require(out.seen.compare(0, size, prefix, 0, size) == 0, "the prefix comes first");
        }
        const auto progress = connection_->handle_sent(now_, send.stream, count, fin);
        require(progress.count <= count, "no more is sent than was offered");
        out.over = out.over || fin;
    }
    void acknowledge(stream_id id, outgoing& out) {
        std::size_t count = 0;
        for (const auto& [memory, held] : out.in_flight) {
            require(as_text(memory) == held, "sent bytes stay as they were");
            count += held.size();
        }
        out.in_flight.clear();
        if (count != 0) (void)connection_->handle_acked(now_, id, count);
    }
    /// QUIC forgets a stream when both sides are over.
    void close_stream(stream_id id) {
        const auto in = from_peer_.find(id);
        const auto out = out_.find(id);
        const bool in_over =
            (is_ours(id) && is_unidirectional(id)) || (in != from_peer_.end() && in->second.over);
        const bool out_over =
            (!is_ours(id) && is_unidirectional(id)) || (out != out_.end() && out->second.over);
        if (!in_over || !out_over) return;
        if (out != out_.end()) acknowledge(id, out->second);
        (void)connection_->handle_closed(now_, id);
        require(connection_->session_of(id) == no_session, "a stream that is closed is forgotten");
        if (in != from_peer_.end()) in->second.over = true;
        if (out != out_.end()) {
            out->second = outgoing{};
            out->second.over = true;
        }
    }

    void drain() {
        auto& wt = *connection_;
        while (const auto e = wt.poll_event()) {
            require(!ended_, "nothing comes after `closed`");
            ended_ = e->what == event::kind::closed;
            for (const auto each : e->fields)
                require(!each.name.empty(), "a field has a name");
            if (e->what == event::kind::session_requested) (void)offered_protocols(*e);
        }
        require(ended_ == wt.closed(), "`closed` is told");
        std::vector<stream_id> resumed;
        while (const auto op = wt.poll_transmit()) {
            require(!close_asked_, "`close` is the last op");
            close_asked_ = op->what == transport_op::kind::close;
            if (op->what == transport_op::kind::reset) {
                require(!is_unidirectional(op->stream) || is_ours(op->stream), "a reset of ours");
                out_[op->stream].over = true;
            }
            if (op->what == transport_op::kind::stop_sending)
                require(!is_unidirectional(op->stream) || !is_ours(op->stream), "a stop of theirs");
            if (op->what == transport_op::kind::resume) resumed.push_back(op->stream);
        }
        for (int i = 0; i < 50; ++i) {
            const auto send = wt.poll_send(now_);
            if (!send) break;
            require(!gone_, "nothing is sent without a transport");
            require(send->count != 0 || send->fin, "an offer has something");
            transmit(*send, 1 + in_.below(80));
        }
        if (in_.below(2))
            for (auto& [id, out] : out_)
                acknowledge(id, out);
        for (const auto id : resumed)
            if (const auto at = from_peer_.find(id); at != from_peer_.end() && at->second.held) {
                at->second.held = false;
                deliver(id);
            }
    }

    program in_;
    instant now_{};
    buffer_pool pool_{};
    connection_config config_{};
    std::unique_ptr<connection> connection_{};
    std::map<stream_id, incoming> from_peer_{};
    std::map<stream_id, outgoing> out_{};
    bool ended_ = false;
    bool close_asked_ = false;
    bool gone_ = false;
};

/// What parses is written, and what was written parses to the same.
void check_codecs(std::string_view text) {
    if (const auto list = parse_string_list(text)) {
        std::vector<std::string_view> views{list->begin(), list->end()};
        const auto written = serialize_string_list(views);
        require(written.has_value(), "a parsed list can be written");
        require(*parse_string_list(*written) == *list, "a written list is read");
    }
    if (const auto item = parse_string_item(text))
        require(*parse_string_item(*serialize_string_item(*item)) == *item, "a written item");
    if (const auto read = parse_settings(as_bytes(text))) {
        auto again = *read;
        if (again.max_sessions == 0) again.dialects.remove(dialect::draft_07);
        if (again.max_sessions == 0) again.dialects.remove(dialect::draft_13);
        std::array<std::byte, settings_size_bound> out{};
        const auto size = serialize_settings(again, out);
        const auto once_more = parse_settings(bytes{out}.first(size));
        require(once_more.has_value(), "written settings parse");
        if (!again.dialects.contains(dialect::draft_07) &&
            !again.dialects.contains(dialect::draft_13))
            again.max_sessions = 0;
        require(*once_more == again, "written settings say the same");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size != 0 && data[0] == 0xff) {
        check_codecs({reinterpret_cast<const char*>(data + 1), size - 1});
        return 0;
    }
    driver{data, size}.run();
    return 0;
}
