#pragma once

#include <moqrtc/core/assert.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::testing {

/// The other side of one session, made by hand: sends any bytes on any stream, right or wrong, and
/// keeps everything that comes back. There is no network between them and no time passes by itself.
///
/// Streams are numbered as on the wire. Commands to the session itself need a `pump` after them.
class raw_peer {
public:
    /// A control message that the session sent.
    struct message {
        std::uint64_t type = 0;
        std::vector<std::byte> body;
    };
    /// What the session sent on one stream.
    struct received {
        std::vector<std::byte> data;
        bool fin = false;
        std::optional<std::uint64_t> reset{};   ///< code of its RESET_STREAM
        std::optional<std::uint64_t> stopped{}; ///< code of its STOP_SENDING for our side
    };
    struct closing {
        std::uint64_t code = 0;
        std::string reason;
    };

    /// A peer of `of` that grants it as many streams as it wants.
    explicit raw_peer(moqt::session& of, instant start = {}) : session_{&of}, now_{start} {
        of.handle_stream_credit(streams_granted, streams_granted);
        const auto opener = client() ? 0u : 1u;
        next_[0] = opener;
        next_[1] = opener | 2;
        pump();
    }
    raw_peer(const raw_peer&) = delete;
    raw_peer& operator=(const raw_peer&) = delete;

    [[nodiscard]] const moqt::wire_rules& rules() const noexcept { return session_->rules(); }
    [[nodiscard]] instant now() const noexcept { return now_; }
    /// Whether we are the client.
    [[nodiscard]] bool client() const noexcept {
        return session_->config().self == moqt::role::server;
    }

    // To the session ----------------------------------------------------------------------------

    /// The next stream of ours; it exists once something is sent on it.
    [[nodiscard]] moqt::stream_id open_bidirectional() noexcept {
        return std::exchange(next_[0], next_[0] + 4);
    }
    [[nodiscard]] moqt::stream_id open_unidirectional() noexcept {
        return std::exchange(next_[1], next_[1] + 4);
    }

    void send(moqt::stream_id stream, bytes data, bool fin = false) {
        for (;;) {
            const auto taken = session_->handle_stream(now_, stream, data, fin);
            pump();
            if (taken >= data.size() || (taken == 0 && !drained_)) return;
            data = data.subspan(taken);
        }
    }
    /// Type, length and body of one message.
    template <class M>
    void send_message(moqt::stream_id stream, const M& content, bool fin = false) {
        send(stream, framed(content), fin);
    }
    /// A message with any type and body.
    void send_any_message(moqt::stream_id stream, std::uint64_t type, bytes body,
                          bool fin = false) {
        std::vector<std::byte> out(16);
        const auto head = encode_varint(rules().varint, type, out.data());
        store_be<2>(mutable_bytes{out}.subspan(head), body.size());
        out.resize(head + 2);
        out.insert(out.end(), body.begin(), body.end());
        send(stream, out, fin);
    }
    void reset(moqt::stream_id stream, std::uint64_t code) {
        session_->handle_reset(now_, stream, code);
        pump();
    }
    void stop(moqt::stream_id stream, std::uint64_t code) {
        session_->handle_stop_sending(now_, stream, code);
        pump();
    }
    void datagram(bytes data) {
        session_->handle_datagram(now_, data);
        pump();
    }
    /// Lets time pass, with every timer of the session on its way.
    void advance(duration span) {
        const auto until = now_ + span;
        while (session_->next_timeout() <= until) {
            now_ = std::max(now_, session_->next_timeout());
            session_->handle_timeout(now_);
            pump();
        }
        now_ = until;
        pump();
    }

    /// SETUP of this draft with these options, on a control stream of ours.
    void set_up(const moqt::setup_options& options) {
        if (rules().setup == moqt::setup_form::symmetric) {
            control_ = open_unidirectional();
            send_message(control_, moqt::msg::setup{options});
        } else if (client()) {
            control_ = open_bidirectional();
            send_message(control_,
                         moqt::msg::client_setup{options, moqt::msg::version_list::of(rules())});
        } else {
            send_message(control_, moqt::msg::server_setup{options, rules().version});
        }
    }
    /// SETUP that lets the session do anything.
    void set_up() {
        moqt::setup_options options;
        if (rules().request_credit) options.max_request_id = 1000;
        options.max_auth_token_cache_size = 4096;
        if (client() && !session_->config().webtransport) {
            options.path = as_bytes("/");
            options.authority = as_bytes("example");
        }
        set_up(options);
    }
    /// Our control stream; the client's bidirectional one is both sides'.
    [[nodiscard]] moqt::stream_id control() const noexcept { return control_; }
    /// Where a request of ours goes: the control stream or a stream of its own.
    [[nodiscard]] moqt::stream_id request_stream() noexcept {
        return rules().request_streams ? open_bidirectional() : control_;
    }
    /// Our next Request ID.
    [[nodiscard]] moqt::request_id next_request() noexcept {
        const auto id = 2 * requests_++ + (client() ? 0 : 1);
        return id;
    }

    // From the session --------------------------------------------------------------------------

    /// Takes everything the session has for its transport and its application.
    void pump() {
        drained_ = false;
        while (auto event = session_->poll_event()) {
            events.push_back(std::move(*event));
            drained_ = true;
        }
        while (auto op = session_->poll_transmit())
            note(*op);
        if (closed) return;
        while (const auto offer = session_->poll_send(now_)) {
            auto& to = streams[offer->stream];
            for (std::size_t i = 0; i < offer->count; ++i)
                to.data.insert(to.data.end(), offer->chunks[i].begin(), offer->chunks[i].end());
            to.fin = offer->fin;
            session_->handle_sent(now_, offer->stream, offer->size(), offer->fin);
            if (acknowledges)
                session_->handle_acked(now_, offer->stream, offer->size(), offer->fin);
        }
        while (auto op = session_->poll_transmit())
            note(*op);
        while (auto event = session_->poll_event())
            events.push_back(std::move(*event));
    }
    /// The whole control messages on a stream of the session's, in order.
    [[nodiscard]] std::vector<message> messages(moqt::stream_id stream) const {
        std::vector<message> out;
        const auto found = streams.find(stream);
        if (found == streams.end()) return out;
        bytes left{found->second.data};
        while (!left.empty()) {
            const auto type = decode_varint(rules().varint, left.data(), left.size());
            if (type.size == 0 || left.size() < type.size + 2) break;
            const auto size = static_cast<std::size_t>(load_be<2>(left.subspan(type.size)));
            if (left.size() < type.size + 2 + size) break;
            const auto body = left.subspan(type.size + 2, size);
            out.push_back({type.value, {body.begin(), body.end()}});
            left = left.subspan(type.size + 2 + size);
        }
        return out;
    }
    /// The stream on which the session sends control messages.
    [[nodiscard]] moqt::stream_id their_control() const noexcept {
        if (rules().control_pair) return client() ? 3 : 2;
        return 0;
    }
    /// The last message of type `M` on a stream. Borrows from `kept`, which the caller keeps.
    template <class M>
    [[nodiscard]] std::optional<M> last(moqt::stream_id stream,
                                        std::vector<std::byte>& kept) const {
        const auto all = messages(stream);
        for (auto at = all.rbegin(); at != all.rend(); ++at)
            if (at->type == M::code(rules())) {
                kept = at->body;
                const auto parsed = moqt::parse<M>(rules(), kept);
                return parsed ? std::optional{*parsed} : std::nullopt;
            }
        return std::nullopt;
    }
    /// How many messages of type `M` are on a stream.
    template <class M>
    [[nodiscard]] std::size_t count(moqt::stream_id stream) const {
        std::size_t total = 0;
        for (const auto& one : messages(stream))
            total += one.type == M::code(rules()) ? 1 : 0;
        return total;
    }
    /// Everything the session said on a stream, as text.
    [[nodiscard]] std::string text(moqt::stream_id stream) const {
        std::string out;
        for (const auto& one : messages(stream)) {
            const bool known = moqt::msg::all::dispatch(rules(), one.type, [&]<class M> {
                const auto parsed = moqt::parse<M>(rules(), one.body);
                out +=
                    parsed ? moqt::to_text(rules(), *parsed) : std::string{M::name} + " (broken)";
            });
            if (!known) out += "unknown";
            out += '\n';
        }
        return out;
    }
    /// The code with which the session closed, as its draft means it.
    [[nodiscard]] std::optional<moqt::close_code> close_reason() const {
        if (!closed) return std::nullopt;
        return moqt::from_wire<moqt::close_code>(rules(), closed->code);
    }
    template <class M>
    [[nodiscard]] std::vector<std::byte> framed(const M& content) const {
        std::vector<std::byte> out(moqt::framed_size(rules(), content));
        const auto size = moqt::serialize_framed(rules(), content, out);
        MOQRTC_ASSERT(size.has_value()); // the message cannot be written: a mistake of the test
        out.resize(size.value_or(0));
        return out;
    }

    bool acknowledges = true; ///< whether what the session sends is acknowledged at once
    std::map<moqt::stream_id, received> streams{};
    std::vector<std::vector<std::byte>> datagrams{};
    std::vector<moqt::event> events{};
    std::optional<closing> closed{};

private:
    static constexpr std::uint64_t streams_granted = 1000;

    void note(const moqt::transport_op& op) {
        using kind = moqt::transport_op::kind;
        switch (op.what) {
        case kind::reset:
            streams[op.stream].reset = op.code;
            break;
        case kind::stop_sending:
            streams[op.stream].stopped = op.code;
            break;
        case kind::datagram:
            datagrams.emplace_back(op.data.view().begin(), op.data.view().end());
            break;
        case kind::close:
            if (!closed) closed = closing{op.code, std::string{as_text(op.data)}};
            break;
        }
    }

    moqt::session* session_;
    instant now_;
    moqt::stream_id next_[2]{};
    moqt::stream_id control_ = 0;
    moqt::request_id requests_ = 0;
    bool drained_ = false;
};

} // namespace moqrtc::testing
