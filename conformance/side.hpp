#pragma once

#include "raw.hpp"
#include "trace.hpp"

#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/transport.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace moqrtc::conformance {

class stage;

/// What a row wants of the transport; streams are numbered as QUIC does, in the order of opening.
struct output {
    enum class kind : std::uint8_t {
        data,
        reset,
        stop,
        datagram,
        close,
        hold, ///< of what the peer sends only `code` more bytes come through
        release,
    };
    kind what = kind::data;
    moqt::stream_id stream = 0;
    octets data{};
    bool fin = false;
    std::uint64_t code = 0;
};

/// What a row wants of a connection; by default nothing stands in the peer's way.
struct conditions {
    bool narrow = false;       ///< what the peer sends can be held up (`side::hold`)
    std::uint64_t streams = 0; ///< bidirectional streams that the peer may open; 0: plenty
    std::uint64_t updates = 0; ///< our MAX_REQUEST_UPDATES; 0: none is said
};

/// How a connection ended.
struct ending {
    enum class how : std::uint8_t {
        application, ///< the session was closed with a code of MoQT
        refused,     ///< there never was a session
        lost,        ///< the connection ended without such a code
    };
    how what = how::lost;
    bool by_peer = true;
    std::uint64_t code = 0;
    std::string reason{};
};

/// A control message of the peer.
struct inbound {
    moqt::stream_id stream = 0;
    std::uint64_t type = 0;
    octets body{};
};

/// A request of ours: where its answer comes.
struct request {
    moqt::stream_id stream = 0;
    moqt::request_id id = 0;
    std::size_t since = 0; ///< messages that had come before
};

/// The same with its type, for those who look at everything later.
struct asked_request {
    std::uint64_t type = 0;
    request what{};
};

/// What the peer sent on one stream.
struct received_stream {
    octets data{};
    std::size_t parsed = 0; ///< bytes that whole control messages take
    bool fin = false;
    std::optional<std::uint64_t> reset{};
    std::optional<std::uint64_t> stopped{}; ///< STOP_SENDING of our side
};

/// Our end of one connection with the peer. It has no rules of its own: it sends what it is told,
/// and keeps what comes.
class side {
public:
    side(stage& owner, unsigned number, bool client);
    side(const side&) = delete;
    side& operator=(const side&) = delete;

    [[nodiscard]] const moqt::wire_rules& rules() const noexcept { return *rules_; }
    [[nodiscard]] bool client() const noexcept { return client_; }
    [[nodiscard]] unsigned number() const noexcept { return number_; }

    // For the driver ----------------------------------------------------------------------------
    void on_open(bool webtransport);
    void on_stream(moqt::stream_id stream, bytes data, bool fin);
    void on_reset(moqt::stream_id stream, std::uint64_t code);
    void on_stop(moqt::stream_id stream, std::uint64_t code);
    void on_datagram(bytes data);
    void on_closed(ending how);
    std::deque<output> outbox{};
    /// Null as soon as the row has forgotten this side.
    [[nodiscard]] std::weak_ptr<side*> watch() const noexcept { return self_; }

    // For rows: sending -------------------------------------------------------------------------
    [[nodiscard]] moqt::stream_id open_bidirectional() noexcept {
        return std::exchange(next_[0], next_[0] + 4);
    }
    [[nodiscard]] moqt::stream_id open_unidirectional() noexcept {
        return std::exchange(next_[1], next_[1] + 4);
    }
    void send(moqt::stream_id stream, bytes data, std::string note, bool fin = false);
    void reset(moqt::stream_id stream, std::uint64_t code);
    void stop(moqt::stream_id stream, std::uint64_t code);
    void datagram(bytes data, std::string note);
    void close(moqt::close_code code);
    /// From here on the path loses what the peer sends behind so many more bytes, headers of
    /// packets included, as a congested one would; `release` ends that. The connection must be
    /// `narrow`.
    void hold(std::size_t more);
    void release();
    void note(std::string text);

    template <class M>
    void send_message(moqt::stream_id stream, const M& m, bool fin = false) {
        send_body(stream, M::code(rules()), body_of(rules(), m), {}, fin);
    }
    /// A message whose body is made by hand; `note` says what is wrong with it.
    void send_body(moqt::stream_id stream, std::uint64_t type, bytes body, std::string_view note,
                   bool fin = false);
    /// Sends a request with our next identifier, on the stream where its kind belongs.
    template <class M>
    request ask(M m) {
        m.request_id = next_id();
        if constexpr (std::is_same_v<M, moqt::msg::fetch>) say_range(m);
        if constexpr (requires { m.params.authorization_tokens; })
            if (m.params.authorization_tokens.empty()) m.params.authorization_tokens = shown();
        return ask_body<M>(m.request_id, body_of(rules(), m), {});
    }
    /// The same with a body made by hand, which has the identifier `id` in it.
    template <class M>
    request ask_body(moqt::request_id id, bytes body, std::string_view note) {
        const auto stream = stream_for<M>();
        const request out{stream, id, inbox.size()};
        asked.push_back({M::code(rules()), out});
        send_body(stream, M::code(rules()), body, note);
        return out;
    }
    /// The token that requests show: the operator's good one, unless a row chooses otherwise.
    [[nodiscard]] moqt::token_list shown() const noexcept { return moqt::token_list{tokens_}; }
    void show(bytes value);
    void show_nothing() noexcept { tokens_.clear(); }
    /// The draft's plain yes to a request of the peer, and its no.
    void grant(const inbound& asked, moqt::request_id id);
    void refuse(moqt::stream_id stream, std::uint64_t asked, moqt::request_id id,
                std::uint64_t code);
    /// Where a new request of this kind goes.
    template <class M>
    [[nodiscard]] moqt::stream_id stream_for() {
        const bool own =
            rules().request_streams ||
            (std::is_same_v<M, moqt::msg::subscribe_namespace> && rules().namespace_streams);
        return own ? open_bidirectional() : control;
    }
    [[nodiscard]] moqt::request_id next_id() noexcept {
        return 2 * requests_++ + (client_ ? 0 : 1);
    }
    /// SETUP with these options; the control stream is opened by it.
    void set_up(const moqt::setup_options& options);
    void set_up_body(bytes body, std::string_view note);
    /// What a well-behaved endpoint says.
    [[nodiscard]] moqt::setup_options usual_options() const;

    // For rows: what came -----------------------------------------------------------------------
    /// The first OK or ERROR for a request, or null.
    [[nodiscard]] const inbound* answer(const request& to) const;
    /// The first message of a type from `since` on, or null.
    [[nodiscard]] const inbound* find(std::uint64_t type, std::size_t since = 0) const;
    /// Number and content of the first request of type `M` for which `fits(m)`, from `since` on.
    template <class M, class Fits>
    [[nodiscard]] const inbound* find_if(Fits&& fits, std::size_t since = 0) const {
        for (auto i = since; i < inbox.size(); ++i) {
            if (inbox[i].type != M::code(rules())) continue;
            const auto m = moqt::parse<M>(rules(), inbox[i].body);
            if (m && fits(*m, inbox[i])) return &inbox[i];
        }
        return nullptr;
    }
    /// The first request of the peer on a stream of its own, or null.
    [[nodiscard]] const inbound* own_request() const {
        for (const auto& m : inbox)
            if (!moqt::is_unidirectional(m.stream) && m.stream != control &&
                moqt::opened_by_server(m.stream) == client_)
                return &m;
        return nullptr;
    }
    [[nodiscard]] const received_stream* stream(moqt::stream_id id) const {
        const auto at = streams.find(id);
        return at == streams.end() ? nullptr : &at->second;
    }
    /// Whether the peer abandoned a request of ours or its own on this stream.
    [[nodiscard]] bool gave_up(moqt::stream_id id) const {
        const auto* s = stream(id);
        return s != nullptr && (s->reset || s->stopped);
    }

    conditions wanted{};       ///< before the connection was
    bool open = false;         ///< the transport carries us
    bool webtransport = false; ///< known when open
    bool met = false;          ///< the peer's SETUP is here
    std::optional<ending> closed{};
    moqt::stream_id control = 0;
    std::map<moqt::stream_id, received_stream> streams{};
    std::deque<inbound> inbox{};
    std::deque<octets> datagrams{};
    moqt::stream_id their_control = 0;
    std::string place{}; ///< authority of the URL that this peer was started with
    // What we did, for the checkers.
    std::vector<asked_request> asked{};
    std::vector<moqt::stream_id> updated{};   ///< streams of our REQUEST_UPDATEs
    std::vector<request> answered{};          ///< streams of our answers, and when we sent them
    std::set<moqt::stream_id> abandoned{};    ///< streams that we stopped
    std::optional<std::size_t> sent_goaway{}; ///< messages that had come when we sent one

private:
    /// Where a draft's FETCH has its range in a parameter.
    void say_range(moqt::msg::fetch& m) const {
        if (rules().typed_fetch || m.type != moqt::msg::fetch_type::standalone) return;
        m.params.subscription_filter = moqt::subscription_filter::range(m.start, m.end);
        m.start = m.end = {};
    }
    void take_messages(moqt::stream_id id, received_stream& from);
    void log(trace_entry::kind what, std::string text, bytes data = {});

    stage* stage_;
    const moqt::wire_rules* rules_;
    unsigned number_;
    bool client_;
    moqt::stream_id next_[2]{};
    moqt::request_id requests_ = 0;
    bool control_known_ = false;
    std::vector<moqt::authorization_token> tokens_{};             ///< one, or none
    std::shared_ptr<side*> self_ = std::make_shared<side*>(this); ///< what drivers hold weakly
};

/// An object that the peer sent us.
struct seen_object {
    moqt::stream_id stream = 0; ///< none of a datagram's
    moqt::location location{};
    std::uint64_t subgroup = 0;
    moqt::object_status status = moqt::object_status::normal;
    std::optional<moqt::priority> priority{}; ///< unset: the track's default
    bool is_datagram = false;
    octets properties{};
    octets payload{};
};
/// The header and whole objects on one subgroup stream of the peer; nothing for other streams.
struct seen_subgroup {
    std::uint64_t type = 0;
    std::uint64_t alias = 0;
    std::uint64_t group = 0;
    bool first_object = false;
    bool end_of_group = false;
    std::vector<seen_object> objects{};
};
[[nodiscard]] std::optional<seen_subgroup> read_subgroup(const moqt::wire_rules& rules,
                                                         moqt::stream_id id, bytes data);
/// Objects of a track that came in subgroups and datagrams, in the order of their streams.
[[nodiscard]] std::vector<seen_object> objects_of(const side& at, moqt::track_alias alias);
/// Objects on the streams of a fetch, with their order; `ends` counts markers of range ends.
struct seen_fetch {
    moqt::stream_id stream = 0;
    std::vector<seen_object> objects{};
    std::size_t ends = 0;
    bool broken = false;
    std::uint64_t first_flags = 0;
};
[[nodiscard]] std::optional<seen_fetch>
fetched(const side& at, moqt::request_id id,
        moqt::group_order order = moqt::group_order::ascending);

} // namespace moqrtc::conformance
