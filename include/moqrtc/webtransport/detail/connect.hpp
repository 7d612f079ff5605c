#pragma once

#include <moqrtc/webtransport/connection.hpp>
#include <moqrtc/webtransport/message_head.hpp>
#include <moqrtc/webtransport/structured_field.hpp>

/// The client's side of opening a session.
namespace moqrtc::webtransport {

MOQRTC_INLINE result<void> connection::connect(instant now, stream_id stream,
                                               const session_request& request) {
    constexpr const char* where = "session";
    if (closed_ || config_.self != role::client || going_away() || config_.dialects.empty())
        return fail(errc::bad_state, "connection", 0, where);
    if (!is_request_stream(stream) || stream_ids_.contains(stream))
        return fail(errc::bad_value, "stream", 0, where);
    if (settings_here_ && sessions_in_use_ >= session_limit())
        return fail(errc::limit, "sessions", 0, where);
    if (request.authority.empty() || !request.path.starts_with('/'))
        return fail(errc::bad_value, "authority or path", 0, where);
    const auto protocols = serialize_string_list(request.protocols);
    if (!protocols) return std::unexpected(protocols.error());

    std::vector<std::pair<std::string, std::string>> fields;
    const auto add = [&](std::string_view name, std::string_view value) {
        fields.emplace_back(name, value);
    };
    add(":method", "CONNECT");
    add(":protocol", ""); // known when the server's SETTINGS are
    add(":scheme", "https");
    add(":authority", request.authority);
    add(":path", request.path);
    if (!request.origin.empty()) add("origin", request.origin);
    if (!request.protocols.empty()) add("wt-available-protocols", *protocols);
    for (const auto& each : request.fields) {
        if (!may_send(each)) return fail(errc::bad_value, "field", 0, where);
        add(each.name, each.value);
    }
    for (const auto& [name, value] : fields)
        if (!detail::is_field_value(value)) return fail(errc::bad_value, "field", 0, where);

    const auto slot = add_session(stream, add_channel_stream(stream, kind::message));
    auto& s = sessions_[slot];
    s.unsent = std::move(fields);
    s.offered.assign(request.protocols.begin(), request.protocols.end());
    s.require_protocol = request.require_protocol;
    s.told = true;
    ++sessions_in_use_;
    if (settings_here_) send_connect(now, slot);
    return {};
}

/// The server's SETTINGS are here: the request can go, or never will.
MOQRTC_INLINE void connection::send_connect(instant, std::uint32_t slot) {
    auto& s = sessions_[slot];
    const auto stream = stream_ids_.find(s.id);
    const bool able = config_.datagrams && peer_settings_.h3_datagram &&
                      peer_settings_.enable_connect_protocol && version_ != dialect::none;
    if (!able)
        return break_message(stream, http_code::h3_request_cancelled,
                             http_code::wt_requirements_not_met);
    if (sessions_in_use_ > session_limit())
        return break_message(stream, http_code::h3_request_cancelled,
                             http_code::h3_request_rejected);
    std::vector<field> fields;
    for (const auto& [name, value] : s.unsent)
        fields.push_back({name, value});
    fields[1].value = version_ == dialect::draft_15 ? "webtransport-h3" : "webtransport";
    if (version_ == dialect::draft_02) fields.push_back({"sec-webtransport-http3-draft02", "1"});
    auto encoded = encode_head(s.id, fields, {});
    if (!encoded)
        return break_message(stream, http_code::h3_request_cancelled, http_code::h3_internal_error);
    s.unsent.clear();
    s.phase = phase::requested;
    apply_window(s);
    queue(stream, std::move(*encoded));
}

/// The final response to a request for a session.
MOQRTC_INLINE void connection::handle_session_response(instant now, std::uint32_t stream,
                                                       std::uint16_t status, field_list fields) {
    const auto slot = channels_[streams_[stream].channel].session;
    auto& s = sessions_[slot];
    const auto refused = [&](http_code code) {
        event e;
        e.what = event::kind::session_refused;
        e.by_peer = true;
        e.status = status;
        e.code = code;
        e.fields = fields;
        end_session(slot, std::move(e));
    };
    if (status >= 300) {
        refused(http_code::h3_no_error);
        return refuse(stream, http_code::h3_request_cancelled);
    }
    // Something else than one string is as good as nothing; a string that was not offered is not.
    const auto chosen = parse_string_item(fields.combined("wt-protocol"));
    const bool offered = chosen && std::ranges::find(s.offered, *chosen) != s.offered.end();
    if (chosen ? !offered && !s.offered.empty() : s.require_protocol) {
        refused(http_code::wt_alpn_error);
        return refuse(stream, http_code::wt_alpn_error);
    }
    auto& e = emit(event::kind::session_opened, s.id);
    e.status = status;
    e.fields = std::move(fields);
    if (offered) e.data = keep(as_bytes(*chosen));
    open_session(now, slot);
}

} // namespace moqrtc::webtransport
