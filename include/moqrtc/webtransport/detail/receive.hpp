#pragma once

#include <moqrtc/webtransport/connection.hpp>

/// Receiving: what a stream is, and whose.
namespace moqrtc::webtransport {

MOQRTC_INLINE std::uint32_t connection::add_stream(stream_id id, kind what) {
    const auto slot = streams_.take();
    auto& s = streams_[slot];
    s.id = id;
    s.kind = what;
    s.local = is_local(id);
    s.in_over = s.local && is_unidirectional(id);
    s.out_over = !s.local && is_unidirectional(id);
    stream_ids_.set(id, slot);
    return slot;
}

MOQRTC_INLINE std::uint32_t connection::add_channel_stream(stream_id id, kind what) {
    const auto slot = add_stream(id, what);
    streams_[slot].channel = channels_.take();
    return slot;
}

MOQRTC_INLINE void connection::stream_op(transport_op::kind what, stream_id stream,
                                         http_code code) {
    if (!closed_) ops_.push({what, stream, static_cast<std::uint64_t>(code), {}});
}

/// Ends both directions of a stream that nobody has use for.
MOQRTC_INLINE void connection::refuse(std::uint32_t slot, http_code code) {
    auto& s = streams_[slot];
    if (s.kind == kind::early) --early_streams_;
    if (!s.in_over) stream_op(transport_op::kind::stop_sending, s.id, code);
    if (!s.out_over) stream_op(transport_op::kind::reset, s.id, code);
    s.in_over = s.out_over = true;
    s.kind = kind::ignored;
    if (s.channel != no_slot) drop_out(channels_[s.channel]);
}

/// What follows `consumed` stays in the transport. As long as events wait, one of them may bring
/// the very thing that it waits for, and a `resume` for bytes that the transport does not hold yet
/// would be lost.
MOQRTC_INLINE stream_input connection::wait(session_id session,
                                            std::size_t consumed) const noexcept {
    if (!events_.empty()) return {stream_input::owner::connection, no_session, consumed};
    return {stream_input::owner::held, session, consumed};
}

MOQRTC_INLINE stream_input connection::handle_stream(instant now, stream_id id, bytes data,
                                                     bool fin) {
    const stream_input taken{stream_input::owner::connection, no_session, data.size()};
    if (closed_) return taken;
    auto slot = stream_ids_.find(id);
    if (slot == id_map::none) {
        if (is_local(id)) return taken; // closed already
        slot = add_stream(id, kind::untyped);
    }
    auto& s = streams_[slot];
    switch (s.kind) {
    case kind::session:
        return session_bytes(now, slot, 0, data.size(), fin);
    case kind::message:
        return read_message(now, slot, data, fin);
    case kind::untyped:
        return read_type(now, slot, data, fin);
    case kind::early:
        return read_session_id(now, slot, data, data, fin);
    case kind::control:
    case kind::qpack_encoder:
    case kind::qpack_decoder:
        return read_typed(now, slot, data, data, fin);
    case kind::own_control:
    case kind::ignored:
        break;
    }
    if (fin) s.in_over = true;
    return taken;
}

MOQRTC_INLINE stream_input connection::read_type(instant now, std::uint32_t slot, bytes data,
                                                 bool fin) {
    auto& s = streams_[slot];
    auto rest = data;
    const bool typed = s.type.read(rest);
    s.prefix_in = static_cast<std::uint8_t>(s.prefix_in + data.size() - rest.size());
    if (!typed) {
        // A stream that ends before its type is here was given up: on a request stream that is an
        // incomplete request, elsewhere nothing.
        if (fin) {
            s.in_over = true;
            refuse(slot, http_code::h3_request_incomplete);
        }
        return {stream_input::owner::connection, no_session, data.size()};
    }
    const auto type = s.type.value[0];
    if (is_unidirectional(s.id))
        set_uni_type(slot, type);
    else if (type == frame_type::wt_stream && !config_.dialects.empty())
        s.kind = kind::early;
    else if (config_.self == role::server)
        begin_request(now, slot, type);
    else
        fail_connection(http_code::h3_stream_creation_error, "bidirectional stream of a server");
    if (s.kind == kind::early) ++early_streams_;
    return read_typed(now, slot, data, rest, fin);
}

/// What is behind the type of a stream.
MOQRTC_INLINE stream_input connection::read_typed(instant now, std::uint32_t slot, bytes data,
                                                  bytes rest, bool fin) {
    auto& s = streams_[slot];
    const stream_input taken{stream_input::owner::connection, no_session, data.size()};
    if (closed_) return taken;
    switch (s.kind) {
    case kind::early:
        return read_session_id(now, slot, data, rest, fin);
    case kind::message: {
        auto input = read_message(now, slot, rest, fin);
        input.consumed += data.size() - rest.size();
        return input;
    }
    case kind::control:
        read_control(now, slot, rest, fin);
        return taken;
    case kind::qpack_encoder:
        if (!qpack_.handle_encoder_stream(rest))
            fail_connection(http_code::qpack_encoder_stream_error, "encoder stream");
        break;
    case kind::qpack_decoder:
        if (!qpack_.handle_decoder_stream(rest))
            fail_connection(http_code::qpack_decoder_stream_error, "decoder stream");
        break;
    default:
        if (fin) s.in_over = true;
        return taken;
    }
    if (fin) fail_connection(http_code::h3_closed_critical_stream, "QPACK stream ended");
    return taken;
}

MOQRTC_INLINE void connection::set_uni_type(std::uint32_t slot, std::uint64_t type) {
    auto& s = streams_[slot];
    const auto second = [&](bool& seen) {
        if (std::exchange(seen, true))
            fail_connection(http_code::h3_stream_creation_error, "second stream of its type");
    };
    switch (type) {
    case stream_type::control:
        second(control_in_);
        s.kind = kind::control;
        s.channel = channels_.take();
        return;
    case stream_type::qpack_encoder:
        second(qpack_in_[0]);
        s.kind = kind::qpack_encoder;
        return;
    case stream_type::qpack_decoder:
        second(qpack_in_[1]);
        s.kind = kind::qpack_decoder;
        return;
    case stream_type::push:
        return fail_connection(config_.self == role::client ? http_code::h3_id_error
                                                            : http_code::h3_stream_creation_error,
                               "push stream");
    case stream_type::webtransport:
        if (config_.dialects.empty()) break;
        s.kind = kind::early;
        return;
    default:
        break;
    }
    refuse(slot, http_code::h3_stream_creation_error);
}

/// The session that a stream belongs to. Of a stream that has to wait, the bytes that complete its
/// prefix stay with the transport, and what follows them does too.
MOQRTC_INLINE stream_input connection::read_session_id(instant now, std::uint32_t slot, bytes data,
                                                       bytes rest, bool fin) {
    auto& s = streams_[slot];
    const stream_input taken{stream_input::owner::connection, no_session, data.size()};
    const auto before = data.size() - rest.size();
    auto trial = s.session;
    const bool whole = trial.read(rest);
    const auto used = data.size() - before - rest.size();
    if (!whole) {
        s.session = trial;
        s.prefix_in = static_cast<std::uint8_t>(s.prefix_in + used);
        if (fin) {
            s.in_over = true;
            refuse(slot, http_code::h3_request_incomplete);
        }
        return taken;
    }
    const auto id = trial.value[0];
    if (!is_request_stream(id)) {
        fail_connection(http_code::h3_id_error, "session of a stream");
        return taken;
    }
    auto* const session = find_session(id);
    if ((session == nullptr && was_session(id)) ||
        (session != nullptr && session->phase == phase::over)) {
        s.in_over = s.in_over || fin;
        refuse(slot, http_code::wt_session_gone);
        return taken;
    }
    if (session == nullptr || session->phase != phase::open) {
        if (s.of == no_session) {
            s.of = id;
            early_deadlines_.push({now + config_.early_timeout, s.id});
            if (early_streams_ > config_.max_early_streams) {
                s.in_over = s.in_over || fin;
                refuse(slot, http_code::wt_buffered_stream_rejected);
                return taken;
            }
        }
        return wait(id, before);
    }
    s.session = trial;
    s.prefix_in = static_cast<std::uint8_t>(s.prefix_in + used);
    s.of = id;
    s.kind = kind::session;
    --early_streams_;
    s.session_slot = session_ids_.find(id);
    ++session->streams;
    if (!count_stream_in(*session, is_unidirectional(s.id))) return taken;
    return session_bytes(now, slot, data.size() - rest.size(), rest.size(), fin);
}

MOQRTC_INLINE stream_input connection::session_bytes(instant, std::uint32_t slot,
                                                     std::size_t consumed, std::size_t count,
                                                     bool fin) {
    auto& s = streams_[slot];
    s.content_in += count;
    if (fin) s.in_over = true;
    if (!count_in(sessions_[s.session_slot], count))
        return {stream_input::owner::connection, no_session, consumed + count};
    return {stream_input::owner::session, s.of, consumed};
}

/// The record of a stream that a signal names. A stream of the peer's may begin with one: when it
/// has two directions, ours has to be ended too.
MOQRTC_INLINE std::uint32_t connection::heard_of(stream_id id) {
    if (closed_) return no_slot;
    const auto slot = stream_ids_.find(id);
    if (slot != id_map::none) return slot;
    return is_local(id) || is_unidirectional(id) ? no_slot : add_stream(id, kind::untyped);
}

/// WT_SESSION_GONE is no word of the application's: the session is over and its CONNECT stream,
/// which says why, is a little behind. When it does not come, that is the end too.
MOQRTC_INLINE stream_signal connection::session_signal(instant now, const stream_record& s,
                                                       std::uint64_t code) {
    if (http_code{code} != http_code::wt_session_gone) return {s.of, to_application_code(code)};
    if (!std::exchange(sessions_[s.session_slot].gone, true))
        request_deadlines_.push({now + config_.request_timeout, s.of});
    return {};
}

MOQRTC_INLINE stream_signal connection::handle_reset(instant now, stream_id id, std::uint64_t code,
                                                     std::optional<std::uint64_t> final_size) {
    const auto slot = heard_of(id);
    if (slot == no_slot) return {};
    auto& s = streams_[slot];
    s.in_over = true;
    switch (s.kind) {
    case kind::session: {
        const auto seen = s.content_in + s.prefix_in;
        if (final_size && *final_size > seen &&
            !count_in(sessions_[s.session_slot], *final_size - seen))
            return {};
        return session_signal(now, s, code);
    }
    case kind::control:
    case kind::qpack_encoder:
    case kind::qpack_decoder:
        fail_connection(http_code::h3_closed_critical_stream, "critical stream reset");
        break;
    case kind::message:
        break_message(slot, http_code::h3_request_cancelled, http_code{code});
        break;
    case kind::untyped:
        refuse(slot, http_code::h3_request_cancelled);
        break;
    case kind::early:
        refuse(slot, http_code::wt_buffered_stream_rejected);
        break;
    case kind::own_control:
    case kind::ignored:
        break;
    }
    return {};
}

MOQRTC_INLINE stream_signal connection::handle_stop_sending(instant now, stream_id id,
                                                            std::uint64_t code) {
    const auto slot = heard_of(id);
    if (slot == no_slot) return {};
    auto& s = streams_[slot];
    s.out_over = true;
    switch (s.kind) {
    case kind::session:
        return session_signal(now, s, code);
    case kind::own_control:
        fail_connection(http_code::h3_closed_critical_stream, "control stream stopped");
        break;
    case kind::message: {
        auto& c = channels_[s.channel];
        const bool pending = !c.out.fin_sent;
        drop_out(c);
        if (c.session != no_slot) {
            // A response or the capsule that closes the session is likely to be on its way and says
            // more; when nothing comes, that is the end of the session too.
            if (s.in_over)
                break_session(c.session, http_code{code});
            else
                request_deadlines_.push({now + config_.request_timeout, id});
        } else if (c.told && pending) {
            emit(event::kind::stopped, id).code = http_code{code};
        }
        break;
    }
    default:
        break;
    }
    return {};
}

MOQRTC_INLINE datagram_input connection::handle_datagram(instant now, bytes data) {
    if (closed_) return {};
    const auto quarter = decode_varint(varint_form::quic, data.data(), data.size());
    if (quarter.size == 0 || quarter.value > varint_max(varint_form::quic) / 4) {
        fail_connection(http_code::h3_datagram_error, "quarter stream ID");
        return {};
    }
    const auto id = quarter.value * 4;
    const auto payload = data.subspan(quarter.size);
    const auto* const session = find_session(id);
    if (session != nullptr && session->phase == phase::open) return {id, payload};
    const bool gone = session == nullptr ? was_session(id) : session->phase == phase::over;
    if (gone || early_datagrams_.size() >= config_.max_early_datagrams ||
        payload.size() > config_.max_early_datagram_bytes - early_datagram_bytes_)
        return {};
    auto kept = keep(payload);
    if (kept.size() != payload.size()) return {};
    early_datagram_bytes_ += kept.size();
    early_datagrams_.push({id, std::move(kept), now + config_.early_timeout});
    return {};
}

MOQRTC_INLINE session_id connection::handle_closed(instant, stream_id id) {
    const auto slot = stream_ids_.find(id);
    if (slot == id_map::none) return no_session;
    auto& s = streams_[slot];
    const auto of = s.kind == kind::session ? s.of : no_session;
    const auto session = s.session_slot;
    if (s.kind == kind::early) --early_streams_;
    if (s.counted) --open_requests_;
    if (session != no_slot) {
        auto& record = sessions_[session];
        --record.streams;
        if (!s.local) count_stream_end(record, is_unidirectional(id));
    }
    auto connect = no_slot;
    if (s.channel != no_slot) {
        connect = channels_[s.channel].session;
        channels_.give(s.channel);
    }
    stream_ids_.erase(id);
    streams_.give(slot);
    if (connect != no_slot) {
        auto& record = sessions_[connect];
        record.connect_closed = true;
        if (record.phase != phase::over && !closed_) {
            event e;
            e.what = event::kind::session_closed;
            end_session(connect, std::move(e));
        }
        release_session(connect);
    }
    if (session != no_slot) release_session(session);
    return of;
}

MOQRTC_INLINE session_id connection::session_of(stream_id stream) const noexcept {
    const auto slot = stream_ids_.find(stream);
    if (slot == id_map::none || streams_[slot].kind != kind::session) return no_session;
    return streams_[slot].of;
}

} // namespace moqrtc::webtransport
