#pragma once

#include <moqrtc/webtransport/connection.hpp>

/// How a connection begins, and what time does to it.
namespace moqrtc::webtransport {

MOQRTC_INLINE connection::connection(instant, const connection_config& config, buffer_pool& pool)
    : config_{config}, pool_{&pool} {}

/// A request of a client begins; `first_type` is the type of its first frame.
MOQRTC_INLINE void connection::begin_request(instant now, std::uint32_t slot,
                                             std::uint64_t first_type) {
    auto& s = streams_[slot];
    s.kind = kind::message;
    s.channel = channels_.take();
    channels_[s.channel].frames.begin(first_type);
    next_request_ = std::max(next_request_, s.id + 4);
    if ((goaway_sent_ && s.id >= *goaway_sent_) || open_requests_ >= config_.max_requests)
        return break_message(slot, http_code::h3_request_rejected, http_code::h3_request_rejected);
    s.counted = true;
    ++open_requests_;
    request_deadlines_.push({now + config_.request_timeout, s.id});
}

MOQRTC_INLINE instant connection::next_timeout() const noexcept {
    if (closed_) return never;
    auto next = settings_deadline_;
    for (const auto* list : {&early_deadlines_, &request_deadlines_})
        if (!list->empty()) next = std::min(next, list->front().at);
    if (!early_datagrams_.empty()) next = std::min(next, early_datagrams_.front().until);
    return next;
}

MOQRTC_INLINE void connection::handle_timeout(instant now) {
    if (closed_) return;
    if (now >= settings_deadline_)
        return fail_connection(http_code::h3_missing_settings, "SETTINGS did not come");
    for (; !early_deadlines_.empty() && early_deadlines_.front().at <= now;
         early_deadlines_.pop_front()) {
        const auto slot = stream_ids_.find(early_deadlines_.front().stream);
        if (slot != id_map::none && streams_[slot].kind == kind::early)
            refuse(slot, http_code::wt_buffered_stream_rejected);
    }
    while (!early_datagrams_.empty() && early_datagrams_.front().until <= now) {
        early_datagram_bytes_ -= early_datagrams_.front().data.size();
        early_datagrams_.pop_front();
    }
    for (; !request_deadlines_.empty() && request_deadlines_.front().at <= now;
         request_deadlines_.pop_front()) {
        const auto slot = stream_ids_.find(request_deadlines_.front().stream);
        if (slot == id_map::none) continue;
        const auto& s = streams_[slot];
        if (s.kind != kind::message) continue;
        const auto& c = channels_[s.channel];
        if (c.session != no_slot && (s.out_over || sessions_[c.session].gone))
            break_session(c.session, http_code::h3_request_cancelled);
        else if (c.in == message_phase::head && !s.local)
            refuse(slot, http_code::h3_request_incomplete);
    }
}

} // namespace moqrtc::webtransport
