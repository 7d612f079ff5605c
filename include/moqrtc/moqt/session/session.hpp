#pragma once

#include <moqrtc/core/inline.hpp>
#include <moqrtc/moqt/session/control_framer.hpp>
#include <moqrtc/moqt/session/state.hpp>
#include <moqrtc/moqt/track_parameters.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::moqt {

/// One MoQT session, either role, any draft the rules table speaks; without socket, clock or
/// thread.
///
/// Spec    moq-transport, the drafts of `spoken_drafts`.
/// Drain   after any `handle_*` or command: `poll_event` until empty, then `poll_transmit` and
///         `poll_send` as far as the transport has room.
/// Owns    what it queues, in blocks of the pool, which outlives the session.
/// Borrows spans given to it for the call only.
/// Errors  a command that the state or the draft does not allow returns an error and changes
///         nothing. What a peer does wrong ends the session: op `close`, event `closed`.
class session : detail::session_state {
public:
    session(instant now, session_config config, buffer_pool& pool);
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    // From the transport ------------------------------------------------------------------------

    /// Bytes of a stream, in order; `fin` when they are its last. Returns how many were taken:
    /// fewer than given means that events wait; drain them, then call again with the rest.
    [[nodiscard]] std::size_t handle_stream(instant now, stream_id stream, bytes data, bool fin);
    /// RESET_STREAM with the transport's code number.
    void handle_reset(instant now, stream_id stream, std::uint64_t code);
    /// STOP_SENDING with the transport's code number.
    void handle_stop_sending(instant now, stream_id stream, std::uint64_t code);
    void handle_datagram(instant now, bytes data);
    /// `count` more bytes of a stream of ours reached the peer; `fin` when its end did too.
    void handle_acked(instant now, stream_id stream, std::size_t count, bool fin);
    /// How many further streams the transport would open now. Before the first call: none.
    void handle_stream_credit(std::uint64_t bidirectional, std::uint64_t unidirectional);
    /// Flow control of a stream that was reported blocked has opened.
    void handle_writable(stream_id stream);
    /// The transport is gone; nothing will be sent any more.
    void handle_transport_closed(instant now, std::uint64_t code, std::string_view reason,
                                 bool by_peer);
    void handle_timeout(instant now);

    // To the transport --------------------------------------------------------------------------

    /// The stream of highest priority that has something to send and room to send it, or none.
    /// Follow it with `handle_sent` or `handle_blocked`.
    [[nodiscard]] std::optional<stream_send> poll_send(instant now);
    void expect_send() const noexcept { prefetch(lone_, 128); } ///< `poll_send` comes soon
    /// The transport took `count` bytes of what `poll_send` offered, and the end if `fin`.
    void handle_sent(instant now, stream_id stream, std::size_t count, bool fin);
    /// The stream cannot send until `handle_writable`.
    void handle_blocked(stream_id stream);
    [[nodiscard]] std::optional<transport_op> poll_transmit() { return ops_.pop(); }
    [[nodiscard]] instant next_timeout() const noexcept;

    // To the application ------------------------------------------------------------------------

    [[nodiscard]] std::optional<event> poll_event() { return events_.pop(); }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    /// The peer's SETUP is here.
    [[nodiscard]] bool established() const noexcept { return established_; }
    [[nodiscard]] bool going_away() const noexcept { return goaway_received_ || goaway_sent_; }
    [[nodiscard]] const wire_rules& rules() const noexcept { return *rules_; }
    [[nodiscard]] const session_config& config() const noexcept { return config_; }
    [[nodiscard]] buffer_pool& pool() noexcept { return *pool_; }
    /// A subscription of this session, either direction, or null. Valid until the next non-const
    /// call.
    [[nodiscard]] const subscription_state* subscription(request_id id) const noexcept;
    /// Bytes accepted from the application and not yet handed to the transport.
    [[nodiscard]] std::size_t unsent_bytes() const noexcept { return unsent_data_bytes_; }
    [[nodiscard]] std::size_t unsent_bytes(request_id id) const noexcept;
    /// The same for one data stream of ours; 0 when it is gone.
    [[nodiscard]] std::size_t unsent_bytes_of(data_stream stream) const noexcept;
    /// Requests of both sides that are open.
    [[nodiscard]] std::size_t request_count() const noexcept { return request_ids_.size(); }
    /// Whether a request may be sent now: established, not going away, credit left.
    [[nodiscard]] bool can_request() const noexcept;

    // Requests ----------------------------------------------------------------------------------
    // Each returns the new request's identifier; its fate comes as `accepted` or `rejected`.

    result<request_id> subscribe(instant now, const full_track_name& track,
                                 const message_params& params = {});
    /// `alias` names the track in data streams; objects may be sent at once when Forward is 1.
    result<request_id> publish(instant now, const full_track_name& track, track_alias alias,
                               const message_params& params = {}, bytes properties = {});
    /// `end.object` is one more than the last wanted object, 0 for the whole group.
    result<request_id> fetch(instant now, const full_track_name& track, location start,
                             location end, const message_params& params = {});
    /// The same with any range that the draft can say: from draft 20 on a relative one too.
    result<request_id> fetch(instant now, const full_track_name& track,
                             const subscription_filter& range, const message_params& params = {});
    /// Up to draft 19; later `params.fill` of `subscribe` and `update` asks for the past.
    result<request_id> joining_fetch(instant now, msg::fetch_type type, request_id subscription,
                                     std::uint64_t start, const message_params& params = {});
    result<request_id> track_status(instant now, const full_track_name& track,
                                    const message_params& params = {});
    result<request_id> publish_namespace(instant now, const track_namespace& space,
                                         const message_params& params = {});
    result<request_id>
    subscribe_namespace(instant now, const track_namespace& prefix,
                        msg::subscribe_options options = msg::subscribe_options::namespaces,
                        const message_params& params = {});
    /// Draft 18 and later; before, SUBSCRIBE_NAMESPACE with its options asks the same.
    result<request_id> subscribe_tracks(instant now, const track_namespace& prefix,
                                        const message_params& params = {});
    /// REQUEST_UPDATE of a request of ours, or of a subscription that the peer started by PUBLISH.
    result<request_id> update(instant now, request_id id, const message_params& params);
    /// Ends a request of ours, or one of the peer's that we had accepted and do not want any more.
    result<void> cancel(instant now, request_id id, reset_code code = reset_code::cancelled);
    /// Ends the fill that message `fill` of subscription `id` asked for; the subscription goes on.
    result<void> cancel_fill(instant now, request_id id, request_id fill);

    // Answers -----------------------------------------------------------------------------------

    result<void> accept_subscribe(instant now, request_id id, track_alias alias,
                                  const message_params& params = {}, bytes properties = {});
    result<void> accept_publish(instant now, request_id id, const message_params& params = {});
    result<void> accept_fetch(instant now, request_id id, location end, bool end_of_track,
                              const message_params& params = {}, bytes properties = {});
    /// REQUEST_OK: TRACK_STATUS and the namespace requests. `properties` for TRACK_STATUS only.
    result<void> accept(instant now, request_id id, const message_params& params = {},
                        bytes properties = {});
    /// REQUEST_ERROR. `retry_after` unset: the peer should not try again. `target` makes it a
    /// redirect where the draft has that.
    result<void> reject(instant now, request_id id, request_error_code code,
                        std::string_view reason, std::optional<duration> retry_after = {},
                        const msg::redirect* target = nullptr);
    result<void> accept_update(instant now, request_id update_id,
                               const message_params& params = {});
    /// Refuses the update; what the draft ends then (anchor `message-request-update`) is ended.
    result<void> reject_update(instant now, request_id update_id, request_error_code code,
                               std::string_view reason);
    /// PUBLISH_STATE_NOTIFY, from draft 20 on: what we have changed of a subscription by ourselves.
    result<void> notify_state(instant now, request_id id, const message_params& params);
    /// NAMESPACE and NAMESPACE_DONE in answer to SUBSCRIBE_NAMESPACE `id`.
    result<void> announce_namespace(instant now, request_id id, const track_namespace& suffix);
    result<void> withdraw_namespace(instant now, request_id id, const track_namespace& suffix);
    result<void> publish_blocked(instant now, request_id id, const track_namespace& suffix,
                                 std::string_view track_name);
    /// PUBLISH_DONE, as soon as every open stream of the subscription has been finished or reset.
    /// Streams still open are finished when `code` is track_ended or subscription_ended, else
    /// reset.
    result<void> publish_done(instant now, request_id id, publish_done_code code,
                              std::string_view reason);

    // Objects out -------------------------------------------------------------------------------

    /// Starts a subgroup of subscription `id` (we are its publisher).
    result<data_stream> open_subgroup(instant now, request_id id, const subgroup_start& start);
    /// Appends an object. `properties` are Key-Value-Pairs in this draft's encoding.
    result<void> write_object(instant now, data_stream stream, std::uint64_t object_id,
                              const slice& properties, const slice& payload,
                              object_status status = object_status::normal);
    /// Appends an object whose header was encoded before, for many subscribers of one draft.
    /// `previous` is the object the header's delta counts from; it must be the last one written.
    result<void> write_encoded(instant now, data_stream stream,
                               std::optional<std::uint64_t> previous, std::uint64_t object_id,
                               const slice& head, const slice& payload);
    /// The last object written to a stream of ours, or none.
    [[nodiscard]] std::optional<std::uint64_t> last_object(data_stream stream) const noexcept;
    result<void> finish_stream(instant now, data_stream stream);
    result<void> reset_stream(instant now, data_stream stream, reset_code code);
    /// One object in a datagram; dropped silently when the transport cannot carry it.
    result<void> send_datagram(instant now, request_id id, const object& item);

    /// Opens the data stream of a FETCH that we answered with `accept_fetch`, or are going to.
    result<data_stream> open_fetch_stream(instant now, request_id id);
    result<void> write_fetch_object(instant now, data_stream stream, const object& item);
    /// From the location behind what was written before up to `last`. A draft that cannot say that
    /// nobody answered in time says that nobody knows.
    result<void> write_fetch_gap(instant now, data_stream stream, location last, range_end why);
    result<void> write_fetch_gap(instant now, data_stream stream, location last, bool unknown) {
        return write_fetch_gap(now, stream, last,
                               unknown ? range_end::unknown : range_end::non_existent);
    }

    /// The next fill that subscription `id` has become entitled to, by `accept_subscribe` or
    /// `accept_update`; it is the caller's then, who opens its stream, or lets it fail.
    [[nodiscard]] std::optional<fill_request> next_fill(request_id id);
    /// Opens the stream of a fill: objects are written and it is finished as for a FETCH.
    result<data_stream> open_fill_stream(instant now, request_id id, const fill_request& what);
    /// Tells the subscriber that a fill cannot be served.
    result<void> fail_fill(instant now, request_id id, const fill_request& what, reset_code code);
    /// Range filters for a PUBLISH of ours, from the SUBSCRIBE_TRACKS that asked for it: PUBLISH
    /// itself cannot carry them.
    void keep_filters(request_id id, shared_filters filters);
    /// The range filters of a request of the peer; null for none.
    [[nodiscard]] shared_filters filters(request_id id) const noexcept;

    // Leaving -----------------------------------------------------------------------------------

    /// GOAWAY; `uri` only from a server. `timeout` 0: the configured one is kept to ourselves.
    result<void> goaway(instant now, std::string_view uri = {}, duration timeout = {});
    /// GOAWAY for one request of the peer, draft 18 and later.
    result<void> request_goaway(instant now, request_id id, std::string_view uri = {},
                                duration timeout = {});
    /// Ends the session; `closed` follows.
    void close(instant, close_code code, std::string_view reason) { close(code, reason); }

    /// The token behind what a message carried, with aliases resolved. Borrows until the next call.
    [[nodiscard]] std::optional<authorization_token>
    resolve(const authorization_token& token) const {
        return tokens_.resolve(token);
    }

private:
    using out_stream = detail::out_stream;
    using in_stream = detail::in_stream;
    using out_kind = detail::out_kind;
    using in_kind = detail::in_kind;
    using request = detail::request;
    using refusal = std::optional<request_error_code>;
    static constexpr std::uint32_t no_slot = detail::no_slot;

    // detail/setup.hpp
    void close(close_code code, std::string_view reason);
    void start();
    template <class M>
    void handle_setup(instant now, bytes body);
    [[nodiscard]] bool check_setup_options(const setup_options& options);
    void become_established(instant now, bytes body);
    void fail_codec(const error& failure);
    void handle_goaway(instant now, request* on, bytes body);

    // detail/send.hpp
    [[nodiscard]] stream_id next_local_id(bool unidirectional) noexcept;
    [[nodiscard]] std::uint32_t add_out(stream_id id, out_kind kind, send_rank rank);
    void make_ready(out_stream& s);
    void rerank(std::uint32_t slot, send_rank rank);
    void queue(out_stream& s, slice chunk);
    void queued(out_stream& s, std::size_t size);
    void finish_out(instant now, std::uint32_t slot);
    void reset_out(instant now, std::uint32_t slot, reset_code code);
    void free_out(std::uint32_t slot);
    [[nodiscard]] out_stream* next_out(instant now);
    void sent_first_or_last(instant now, out_stream& s, std::size_t count, bool fin);
    [[nodiscard]] bool expired(const out_stream& s, instant now) const noexcept;
    template <class M>
    [[nodiscard]] result<slice> encode(const M& message);
    template <class M>
    result<void> send_on(request& r, const M& message, bool fin = false);
    result<void> send_ok(request& r, const msg::request_ok& m, bool fin);
    result<void> send_error(request& r, const msg::request_error& m, bool fin);
    void op(transport_op::kind what, stream_id stream, reset_code code);
    [[nodiscard]] out_stream* find_out(stream_id id) noexcept;
    [[nodiscard]] out_stream* look_up_out(stream_id id) noexcept;

    // detail/receive.hpp
    [[nodiscard]] std::uint32_t in_slot_for(instant now, stream_id id);
    [[nodiscard]] std::uint32_t add_in(stream_id id, in_kind kind);
    [[nodiscard]] std::size_t read_stream(instant now, std::uint32_t slot, bytes data, bool fin);
    [[nodiscard]] bool read_type(instant now, std::uint32_t slot, bytes& in);
    void read_messages(instant now, std::uint32_t slot, bytes& in);
    void hold(std::uint32_t slot, bytes& in, std::size_t& total, std::size_t limit);
    void replay(instant now, std::uint32_t slot);
    void finish_in(instant now, std::uint32_t slot);
    void discard_in(std::uint32_t slot, reset_code code);
    void free_in(std::uint32_t slot);
    [[nodiscard]] bool is_slot_of(std::uint32_t slot, stream_id id) const noexcept;

    // detail/dispatch.hpp
    void handle_message(instant now, std::uint32_t in, std::uint64_t type, bytes body);
    void handle_first_message(instant now, std::uint32_t in, std::uint64_t type, bytes body);
    void handle_control_message(instant now, std::uint64_t type, bytes body);
    void handle_request_message(instant now, std::uint32_t in, std::uint64_t type, bytes body);
    [[nodiscard]] bool is_request(std::uint64_t type) const noexcept;
    void handle_new_request(instant now, std::uint64_t type, bytes body, std::uint32_t in);
    void handle_credit_message(instant now, std::uint64_t type, bytes body);
    void handle_end_message(instant now, std::uint64_t type, bytes body);
    [[nodiscard]] bool take_request_id(instant now, request_id id);
    void watch_request_gap(instant now);
    void on_request_gap(instant now, request_id missing);
    [[nodiscard]] refusal apply_tokens(const token_list& tokens, bool in_setup = false);

    // detail/requests_in.hpp
    template <class M>
    void on_request(instant now, request_kind kind, const M& message, bytes body, std::uint32_t in);
    [[nodiscard]] bool must_wait(instant now, std::uint32_t slot,
                                 const control_framer::message& message, bytes& rest);
    void release_dependents(instant now);
    [[nodiscard]] refusal admit(request& r, const msg::subscribe& m);
    [[nodiscard]] refusal admit(request& r, const msg::publish& m);
    [[nodiscard]] refusal admit(request& r, const msg::fetch& m);
    [[nodiscard]] refusal admit(request& r, const msg::track_status& m);
    [[nodiscard]] refusal admit(request& r, const msg::publish_namespace& m);
    [[nodiscard]] refusal admit(request& r, const msg::subscribe_namespace& m);
    [[nodiscard]] refusal admit(request& r, const msg::subscribe_tracks& m);
    [[nodiscard]] refusal check_prefix(const request& r) const;
    [[nodiscard]] refusal check_reserved(const request& r, bool is_track) const;
    void on_peer_cancel(instant now, request& r, reset_code code);
    void on_stream_end(instant now, request& r, bool reset, reset_code code);

    // detail/fills.hpp
    [[nodiscard]] refusal take_filters(subscription_state& s, const range_filter_list& list);
    [[nodiscard]] result<void> check_filters(const message_params& params) const;
    [[nodiscard]] static message_params fill_to_ask(const message_params& params,
                                                    group_order order);
    void expect_fill(request& r, request_id id, group_order order);
    [[nodiscard]] refusal note_fill(request& r, request_id id, const message_params& params);
    void settle_fill(request& r, request_id id, const std::optional<location>& largest);
    void expect_fill_of(request& r);
    [[nodiscard]] bool bind_fill(std::uint32_t slot, request_id fill);
    void on_state_notify(instant now, request& r, bytes body);

    // detail/answers_in.hpp
    void on_ok(instant now, request* on, std::uint64_t type, bytes body);
    void on_error(instant now, request* on, std::uint64_t type, bytes body);
    void tell_properties(event& e, const message_params& params, bytes properties);
    [[nodiscard]] moqt::track_properties known_properties(const message_params& params,
                                                          bytes properties) const;
    void on_subscribe_ok(instant now, request& r, const msg::subscribe_ok& m, bytes body);
    void on_fetch_ok(instant now, request& r, const msg::fetch_ok& m, bytes body);
    void on_publish_done(instant now, request* on, bytes body);
    void on_namespace(instant now, request* on, std::uint64_t type, bytes body);
    void finish_done(instant now, request& r);

    // detail/updates.hpp, detail/implied.hpp
    void on_update(instant now, request* on, bytes body);
    void refuse_updates(instant now, request_id id);
    result<void> send_refusal(request& r, request_id update_id, request_error_code code,
                              std::string_view reason);
    [[nodiscard]] request* find_namespace(const track_namespace& space, request_kind kind,
                                          bool ours) noexcept;
    [[nodiscard]] request* discovery_of(const request& offered) noexcept;
    void announce_implied(instant now, const track_namespace& space);
    void announce_waiting(instant now);
    void withdraw_implied(instant now, const track_namespace& space);
    void tell_namespace(event::kind what, const request& discovery, const track_namespace& space);

    [[nodiscard]] bool bind_alias(request& r);
    void release_waiting(instant now, track_alias alias);

    // detail/data_in.hpp
    void read_data(instant now, std::uint32_t slot, bytes& in);
    void handle_header(instant now, std::uint32_t slot, const stream_item& item);
    [[nodiscard]] std::uint32_t receiver_of(track_alias alias, std::uint64_t group) noexcept;
    void emit_object(instant now, std::uint32_t slot, stream_item& item);
    void end_data(instant now, std::uint32_t slot, bool reset, reset_code code);
    void data_ended(instant now, std::uint32_t request_slot, stream_id id, bool reset,
                    reset_code code, std::optional<request_id> fill = {});
    void malformed(instant now, request& r);

    // detail/requests_out.hpp
    [[nodiscard]] result<request_id> next_request() noexcept;
    [[nodiscard]] std::uint32_t add_request(request_id id, request_kind kind, bool ours);
    template <class M>
    result<request_id> start_request(instant now, request_kind kind, M& message,
                                     full_track_name name);
    void apply_params(subscription_state& s, const message_params& params) const;
    void end_request(instant now, request_id id);
    void close_own_stream(instant now, request& r, reset_code code);
    void reset_data_streams(instant now, request& r, reset_code code);
    void reset_unwanted_streams(instant now, request& r);
    void drop_request(instant now, request& r, reset_code code);
    void stop_data_streams(request& r, reset_code code);
    void forget_names(const request& r);
    void grow_credit();
    [[nodiscard]] request* find_request(request_id id) noexcept;
    [[nodiscard]] request* open_request(request_id id) noexcept;
    [[nodiscard]] out_stream* open_stream(data_stream stream) noexcept;
    [[nodiscard]] bool alias_is_free(track_alias alias, const full_track_name& track) noexcept;

    // detail/data_out.hpp, detail/setup.hpp
    void data_stream_closed(instant now, std::uint32_t slot);
    void try_publish_done(instant now, request& r);
    void note_object(out_stream& s, instant now, std::uint64_t object_id);

    event& emit(event::kind what, const request* r = nullptr, bytes message = {});
    [[nodiscard]] slice keep(bytes data);
    [[nodiscard]] bool peer_is_server() const noexcept { return config_.self == role::client; }
};

} // namespace moqrtc::moqt

#if MOQRTC_DEFINITIONS
#include <moqrtc/moqt/session/detail/all.hpp>
#endif
