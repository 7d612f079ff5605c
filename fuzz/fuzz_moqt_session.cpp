// Drives one session, of either role and draft, with what a peer, a transport and an application
// can do in any order. The input is a program: each byte picks a step, the bytes after it are its
// arguments. Checked: no crash, `closed` comes once and last, the contract with the transport
// holds, every message behind an event can be read, and the pool is empty at the end.
#include <moqrtc/moqt/session/session.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

constexpr auto material = [] {
    std::array<std::byte, 64> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(i * 11 + 3);
    return out;
}();

/// The program, read byte by byte; zero behind its end.
class program {
public:
    program(const std::uint8_t* data, std::size_t size) : at_{data}, end_{data + size} {}
    [[nodiscard]] bool over() const { return at_ == end_; }
    std::uint8_t next() { return over() ? std::uint8_t{0} : *at_++; }
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    bytes take(std::size_t count) {
        count = std::min(count, static_cast<std::size_t>(end_ - at_));
        const auto out = std::as_bytes(std::span{at_, count});
        at_ += count;
        return out;
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

class driver {
public:
    driver(const std::uint8_t* data, std::size_t size) : in_{data, size} {
        const auto flags = in_.next();
        config_.self = flags & 1 ? role::server : role::client;
        config_.version = spoken_drafts[in_.next() % spoken_drafts.size()];
        config_.webtransport = (flags & 8) != 0;
        config_.authority = "a.example";
        config_.path = "/";
        if (flags & 16) {
            config_.max_events = 4;
            config_.max_requests = 6;
            config_.max_early_bytes = 64;
            config_.max_unknown_alias_bytes = 64;
            config_.max_object_payload = 100;
            config_.max_auth_token_cache_size = 40;
        }
        session_ = std::make_unique<session>(now_, config_, pool_);
        if (flags & 32) session_->handle_stream_credit(1000, 1000);
        if (flags & 4) set_up();
    }
    ~driver() {
        drain();
        session_.reset();
        kept_.clear();
        require(pool_.used() == 0, "the pool is empty at the end");
    }
    void run() {
        while (!in_.over()) {
            step();
            if (in_.below(4) != 3) drain();
        }
    }

private:
    struct outgoing {
        std::uint64_t sent = 0;
        std::uint64_t acked = 0;
        bool fin = false;
        bool reset = false;
    };

    [[nodiscard]] const wire_rules& rules() const { return rules_for(config_.version); }
    [[nodiscard]] bool we_serve() const { return config_.self == role::server; }
    /// One of the first streams, of either side and kind.
    stream_id some_stream() {
        const auto pick = in_.next();
        return std::uint64_t{pick} % 32;
    }
    stream_id peer_stream(bool unidirectional) {
        return in_.below(8) << 2 | (unidirectional ? 2u : 0u) | (we_serve() ? 0u : 1u);
    }
    [[nodiscard]] request_id some_request() { return in_.below(12); }

    void set_up() {
        setup_options options;
        if (rules().request_credit) options.max_request_id = 40;
        options.max_auth_token_cache_size = 100;
        if (rules().range_filters) options.max_filter_ranges = options.max_request_updates = 8;
        if (rules().setup == setup_form::symmetric)
            send(we_serve() ? 2 : 3, framed(msg::setup{options}), false);
        else if (we_serve())
            send(0, framed(msg::client_setup{options, msg::version_list::of(rules())}), false);
        else
            send(0, framed(msg::server_setup{options, rules().version}), false);
        drain();
    }
    template <class M>
    std::vector<std::byte> framed(const M& m) {
        if (M::code(rules()) == no_code) return {};
        std::vector<std::byte> out(framed_size(rules(), m));
        const auto size = serialize_framed(rules(), m, out);
        out.resize(size.value_or(0));
        return out;
    }
    /// Whether the transport could have something of the peer on this stream.
    [[nodiscard]] bool may_receive(stream_id stream) const {
        if (ended_.contains(stream)) return false;
        if (opened_by_server(stream) != we_serve()) return true;
        return !is_unidirectional(stream) && out_.contains(stream);
    }
    void send(stream_id stream, bytes data, bool fin) {
        if (!may_receive(stream)) return;
        known_.insert(stream);
        if (fin) ended_.insert(stream);
        // An exact copy, so that a read past the end is seen.
        const std::vector<std::byte> copy(data.begin(), data.end());
        bytes left{copy};
        for (int turn = 0; turn < 1000; ++turn) {
            const auto taken = session_->handle_stream(now_, stream, left, fin);
            require(taken <= left.size(), "no more is taken than was given");
            left = left.subspan(taken);
            if (left.empty()) return;
            drain();
        }
        require(false, "what is given again after draining is taken in the end");
    }
    /// A control message with sampled content and identifiers that have a chance to fit.
    void message() {
        const auto which = in_.below(msg::all::size);
        const auto seed = in_.next() * 256u + in_.next();
        std::size_t at = 0;
        std::vector<std::byte> wire;
        bool request = false;
        msg::all::for_each([&]<class M> {
            if (at++ != which || M::code(rules()) == no_code) return;
            auto m = sample<M>(rules(), seed, material);
            if constexpr (requires { m.track_alias; }) m.track_alias %= 8;
            if constexpr (requires { m.existing_request_id; })
                m.existing_request_id = some_request();
            if constexpr (requires { m.joining_request_id; }) m.joining_request_id = some_request();
            if constexpr (requires { m.params.authorization_tokens; })
                m.params.authorization_tokens = {};
            constexpr bool asks =
                requires { m.track_namespace_prefix; } || std::is_same_v<M, msg::subscribe> ||
                std::is_same_v<M, msg::publish> || std::is_same_v<M, msg::fetch> ||
                std::is_same_v<M, msg::track_status> || std::is_same_v<M, msg::publish_namespace> ||
                std::is_same_v<M, msg::request_update>;
            request = asks && !std::is_same_v<M, msg::request_update>;
            if constexpr (requires { m.request_id; }) {
                using id_type = std::remove_cvref_t<decltype(m.request_id)>;
                if constexpr (std::is_same_v<id_type, request_id>)
                    m.request_id =
                        asks ? peer_requests_++ * 2 + (we_serve() ? 0 : 1) : some_request();
            }
            wire = framed(m);
        });
        if (wire.empty()) return;
        auto stream = some_stream();
        if (in_.below(2) == 0) {
            if (!rules().request_streams)
                stream = 0;
            else if (request)
                stream = peer_requests_ * 4 + (we_serve() ? 0 : 1);
        }
        send(stream, wire, in_.below(8) == 7);
    }
    void subgroup() {
        std::vector<std::byte> wire(64);
        subgroup_header header{.track_alias = in_.below(8), .group_id = in_.below(4)};
        header.id_mode = static_cast<subgroup_id_mode>(in_.below(3));
        header.properties = in_.below(2) == 1;
        if (in_.below(2) == 1) header.publisher_priority = in_.next();
        const auto size = encode_subgroup_header(rules(), header, wire);
        wire.resize(size.value_or(0));
        for (auto count = in_.below(4); count != 0; --count) {
            const auto payload = in_.take(in_.below(40));
            wire.push_back(static_cast<std::byte>(in_.below(2)));
            if (header.properties) wire.push_back(std::byte{0});
            wire.push_back(static_cast<std::byte>(payload.size()));
            if (payload.empty()) wire.push_back(std::byte{0});
            wire.insert(wire.end(), payload.begin(), payload.end());
        }
        send(peer_stream(true), wire, in_.below(2) == 1);
    }
    void fetch_stream() {
        std::vector<std::byte> wire{std::byte{5}, static_cast<std::byte>(some_request())};
        const auto body = in_.take(in_.below(60));
        wire.insert(wire.end(), body.begin(), body.end());
        send(peer_stream(true), wire, in_.below(2) == 1);
    }

    void step() {
        switch (in_.below(16)) {
        case 0:
            return send(some_stream(), in_.take(in_.next()), in_.below(8) == 7);
        case 1:
        case 2:
        case 3:
            return message();
        case 4:
            return subgroup();
        case 5:
            return fetch_stream();
        case 6:
            return reset();
        case 7:
            return stop();
        case 8:
            return session_->handle_datagram(now_, in_.take(in_.below(64)));
        case 9:
            return acknowledge();
        case 10:
            now_ = now_ + milliseconds(static_cast<std::int64_t>(in_.next()) * 20);
            return session_->handle_timeout(now_);
        case 11:
            return transport();
        default:
            return command();
        }
    }
    void reset() {
        const auto stream = some_stream();
        const auto code = in_.next();
        if (!may_receive(stream)) return;
        known_.insert(stream);
        ended_.insert(stream);
        session_->handle_reset(now_, stream, code);
    }
    void stop() {
        const auto stream = some_stream();
        const auto code = in_.next();
        const auto found = out_.find(stream);
        const bool local = opened_by_server(stream) == we_serve();
        if (local && found == out_.end()) return;
        if (!local && (is_unidirectional(stream) || !known_.contains(stream))) return;
        if (found != out_.end() && found->second.reset) return;
        session_->handle_stop_sending(now_, stream, code);
    }
    void acknowledge() {
        if (out_.empty()) return;
        auto at = out_.begin();
        std::advance(at, in_.below(out_.size()));
        auto& s = at->second;
        if (s.reset) return;
        const auto count = std::min<std::uint64_t>(in_.next() * 8u, s.sent - s.acked);
        s.acked += count;
        const bool fin = s.fin && s.acked == s.sent;
        session_->handle_acked(now_, at->first, static_cast<std::size_t>(count), fin);
        if (fin) s.reset = true; // over
    }
    void transport() {
        switch (in_.below(6)) {
        case 0: {
            const auto bidirectional = in_.below(4);
            return session_->handle_stream_credit(bidirectional, in_.below(4));
        }
        case 1:
            return session_->handle_writable(some_stream());
        case 2:
            return session_->handle_blocked(some_stream());
        case 3: {
            const auto left = in_.next() * 64u;
            pool_.set_limit(pool_.used() + left);
            limited_ = true;
            return;
        }
        case 4:
            if (in_.below(8) != 7) return;
            return session_->handle_transport_closed(now_, in_.next(), "gone", in_.below(2) == 1);
        default:
            set_up();
        }
    }
    [[nodiscard]] message_params some_params() {
        message_params params;
        const auto bits = in_.next();
        if (bits & 1) params.forward = (bits & 128) != 0;
        if (bits & 2) params.subscriber_priority = in_.next();
        if (bits & 4)
            params.subscription_filter = subscription_filter{static_cast<filter_type>(in_.below(7)),
                                                             {in_.below(4), in_.below(4)},
                                                             in_.below(8),
                                                             in_.below(8)};
        if (bits & 8) params.group_order = static_cast<group_order>(1 + in_.below(2));
        if (bits & 16) params.object_delivery_timeout = 1 + in_.next();
        if (bits & 32) params.subgroup_delivery_timeout = 1 + in_.next();
        if (bits & 64) params.largest_object = location{in_.below(4), in_.below(4)};
        if ((bits & 192) == 192) params.fill = fill_parameters{inside_};
        if ((bits & 136) == 136) params.range_filters = range_filter_list{ranges_};
        return params;
    }
    [[nodiscard]] full_track_name some_track() {
        return {track_namespace{"n" + std::to_string(in_.below(2))},
                std::string(in_.below(3), 't')};
    }
    [[nodiscard]] slice some_payload() { return slice::copy(pool_, in_.take(in_.below(50))); }
    [[nodiscard]] object some_object() {
        object item;
        item.location = {in_.below(4), in_.below(8)};
        item.subgroup_id = in_.below(3);
        item.forwarding = static_cast<forwarding_preference>(in_.below(2));
        item.payload = some_payload();
        return item;
    }
    void command() {
        auto& s = *session_;
        const track_namespace space{"n" + std::to_string(in_.below(3))};
        switch (in_.below(32)) {
        case 0:
        case 1:
            (void)s.subscribe(now_, some_track(), some_params());
            break;
        case 2:
            (void)s.publish(now_, some_track(), in_.below(8), some_params());
            break;
        case 3:
            (void)s.fetch(now_, some_track(), {in_.below(4), 0}, {in_.below(8), 0}, some_params());
            break;
        case 4: {
            const auto type = static_cast<msg::fetch_type>(1 + in_.below(3));
            (void)s.joining_fetch(now_, type, some_request(), in_.below(4));
            break;
        }
        case 5:
            (void)s.track_status(now_, some_track());
            break;
        case 6:
            (void)s.publish_namespace(now_, space);
            break;
        case 7:
            (void)s.subscribe_namespace(now_, space);
            break;
        case 8:
            (void)s.subscribe_tracks(now_, space);
            break;
        case 9:
            (void)s.update(now_, some_request(), some_params());
            break;
        case 10:
            (void)s.cancel(now_, some_request());
            break;
        case 11:
        case 12:
            (void)s.accept_subscribe(now_, some_request(), in_.below(8), some_params());
            break;
        case 13:
            (void)s.accept_publish(now_, some_request(), some_params());
            break;
        case 14:
            (void)s.accept_fetch(now_, some_request(), {in_.below(8), 0}, in_.below(2) == 1);
            break;
        case 15:
            (void)s.accept(now_, some_request());
            break;
        case 16: {
            const auto code = static_cast<request_error_code>(in_.below(20));
            (void)s.reject(now_, some_request(), code, "no");
            break;
        }
        case 17:
            (void)s.accept_update(now_, some_request(), some_params());
            break;
        case 18:
            (void)s.reject_update(now_, some_request(), request_error_code::timeout, "no");
            break;
        case 19:
            (void)s.announce_namespace(now_, some_request(), space);
            break;
        case 20:
            (void)s.withdraw_namespace(now_, some_request(), space);
            break;
        case 21:
            (void)s.publish_blocked(now_, some_request(), space, "t");
            break;
        case 22: {
            const auto code = static_cast<publish_done_code>(in_.below(10));
            (void)s.publish_done(now_, some_request(), code, "over");
            break;
        }
        case 23:
        case 24: {
            const subgroup_start start{.group = in_.below(4), .subgroup = in_.below(3)};
            (void)s.open_subgroup(now_, some_request(), start);
            break;
        }
        case 25: {
            const auto status =
                in_.below(4) == 3 ? object_status::end_of_group : object_status::normal;
            (void)s.write_object(now_, some_stream(), in_.below(16), {}, some_payload(), status);
            break;
        }
        case 26:
            (void)s.finish_stream(now_, some_stream());
            break;
        case 27:
            (void)s.reset_stream(now_, some_stream(), static_cast<reset_code>(in_.below(10)));
            break;
        case 28:
            (void)s.send_datagram(now_, some_request(), some_object());
            break;
        case 29:
            if (const auto stream = s.open_fetch_stream(now_, some_request())) {
                (void)s.write_fetch_object(now_, *stream, some_object());
                (void)s.write_fetch_gap(now_, *stream, {in_.below(8), 3}, in_.below(2) == 1);
            }
            break;
        case 30:
            if (in_.below(2) == 0)
                (void)s.goaway(now_, "", milliseconds(in_.next()));
            else
                (void)s.request_goaway(now_, some_request(), "", milliseconds(in_.next()));
            break;
        default:
            return rare_command();
        }
    }
    void rare_command() {
        auto& s = *session_;
        switch (in_.below(8)) {
        case 0:
        case 1: {
            const auto id = some_request();
            while (const auto what = s.next_fill(id)) {
                if (in_.below(2) == 0) {
                    (void)s.fail_fill(now_, id, *what, reset_code::internal_error);
                } else if (const auto stream = s.open_fill_stream(now_, id, *what)) {
                    (void)s.write_fetch_object(now_, *stream, some_object());
                }
            }
            break;
        }
        case 2:
            (void)s.cancel_fill(now_, some_request(), some_request());
            break;
        case 3:
            (void)s.notify_state(now_, some_request(), some_params());
            break;
        case 7:
            s.close(now_, close_code::no_error, "bye");
            break;
        default:
            break;
        }
    }

    /// What a driver does after everything: events, then operations, then stream data.
    void drain() {
        for (int turn = 0; turn < 3; ++turn) {
            while (const auto e = session_->poll_event())
                note(*e);
            while (const auto op = session_->poll_transmit())
                note(*op);
            if (session_->closed()) continue;
            for (int i = 0; i < 64; ++i)
                if (!send_some()) break;
        }
        require(!session_->closed() || closed_, "a closed session says so");
        (void)session_->next_timeout();
    }
    bool send_some() {
        const auto offer = session_->poll_send(now_);
        if (!offer) return false;
        require(offer->size() != 0 || offer->fin, "something is offered");
        auto& s = out_[offer->stream];
        require(!s.fin && !s.reset, "an ended stream sends no more");
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < offer->count; ++i)
            for (const auto b : offer->chunks[i])
                sum += static_cast<std::uint64_t>(b);
        checksum_ += sum;
        const auto size = offer->size();
        const auto pick = ++turns_ % 7;
        if (pick == 6) {
            session_->handle_blocked(offer->stream);
            return true;
        }
        const auto count = pick == 5 && size > 1 ? size / 2 : size;
        const bool fin = offer->fin && count == size;
        session_->handle_sent(now_, offer->stream, count, fin);
        s.sent += count;
        s.fin = fin;
        return true;
    }
    void note(const event& e) {
        require(!closed_, "nothing comes after `closed`");
        if (e.what == event::kind::closed) closed_ = true;
        if (e.what == event::kind::requested && !limited_) {
            bool read = false;
            const auto readable = [&]<class M>(request_kind of) {
                if (e.request == of) read = e.as<M>().has_value();
            };
            readable.operator()<msg::subscribe>(request_kind::subscribe);
            readable.operator()<msg::publish>(request_kind::publish);
            readable.operator()<msg::fetch>(request_kind::fetch);
            readable.operator()<msg::track_status>(request_kind::track_status);
            readable.operator()<msg::publish_namespace>(request_kind::publish_namespace);
            readable.operator()<msg::subscribe_namespace>(request_kind::subscribe_namespace);
            readable.operator()<msg::subscribe_tracks>(request_kind::subscribe_tracks);
            require(read, "the message of a request can be read");
        }
        if (kept_.size() < 16) kept_.push_back(e); // slices outlive what they came from
    }
    void note(const transport_op& op) {
        require(!close_sent_, "close is the last operation");
        if (op.what == transport_op::kind::close) close_sent_ = true;
        if (op.what != transport_op::kind::reset) return;
        auto& s = out_[op.stream];
        require(!s.reset, "a stream is reset once");
        s.reset = true;
    }

    program in_;
    session_config config_{};
    /// The past of the current group; objects 3 to 5.
    const message_params inside_{.subscription_filter =
                                     subscription_filter{filter_type::relative_start, {1, 0}}};
    const std::array<std::byte, 3> range_{std::byte{0}, std::byte{3}, std::byte{2}};
    const std::array<encoded_filter, 1> ranges_{encoded_filter{range_subject::object_id, range_}};
    buffer_pool pool_{};
    instant now_{};
    std::unique_ptr<session> session_;
    std::map<stream_id, outgoing> out_;
    std::set<stream_id> known_; ///< streams on which the peer said something
    std::set<stream_id> ended_; ///< and those on which it will say no more
    std::vector<event> kept_;
    std::uint64_t peer_requests_ = 0;
    std::uint64_t checksum_ = 0;
    unsigned turns_ = 0;
    bool closed_ = false;
    bool close_sent_ = false;
    bool limited_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) return 0;
    driver{data, size}.run();
    return 0;
}
