#include "side_link.hpp"

#include <moqrtc/core/slice.hpp>

namespace moqrtc::conformance {

using reference::close_info;
using reference::quic_stream;

side_link::side_link(network& owner, reference::moqt_carrier& carrier, network::waiting who)
    : owner_{&owner}, carrier_{&carrier}, who_{std::move(who)} {
    owner_->links_.insert(this);
}

side_link::~side_link() {
    owner_->links_.erase(this);
}

bool side_link::is_local(std::uint64_t id) {
    return moqt::opened_by_server(id) == carrier_->connection().is_server();
}

std::optional<quic_stream> side_link::quic_of(moqt::stream_id id) {
    if (!is_local(id)) return static_cast<quic_stream>(id);
    if (const auto found = quic_.find(id); found != quic_.end()) return found->second;
    const auto opened = carrier_->open_stream(moqt::is_unidirectional(id));
    if (!opened) return std::nullopt;
    quic_[id] = *opened;
    ours_[*opened] = id;
    return opened;
}

moqt::stream_id side_link::side_of(quic_stream stream) const {
    const auto found = ours_.find(stream);
    return found == ours_.end() ? static_cast<moqt::stream_id>(stream) : found->second;
}

void side_link::take_outbox() {
    auto* const to = at();
    if (gone_) return;
    if (to == nullptr) { // the row is over
        gone_ = true;
        return carrier_->close(0, "");
    }
    bool moved = false;
    while (!to->outbox.empty()) {
        auto& what = to->outbox.front();
        const bool on_stream = what.what == output::kind::data ||
                               what.what == output::kind::reset || what.what == output::kind::stop;
        const auto stream = on_stream ? quic_of(what.stream) : std::nullopt;
        if (on_stream && !stream) break; // no more streams for now
        moved = true;
        switch (what.what) {
        case output::kind::data: {
            auto& queue = sending_[*stream];
            if (!what.data.empty()) queue.chunks.push_back(std::move(what.data));
            queue.fin = queue.fin || what.fin;
            break;
        }
        case output::kind::reset:
            sending_[*stream].over = true;
            carrier_->reset_stream(*stream, what.code);
            break;
        case output::kind::stop:
            carrier_->stop_sending(*stream, what.code);
            break;
        case output::kind::datagram:
            carrier_->send_datagram(slice::copy(owner_->pool_, what.data));
            break;
        case output::kind::close:
            gone_ = true;
            carrier_->close(what.code, "");
            break;
        case output::kind::hold:
            if (auto* const path = owner_->path_of(*to))
                path->hold(static_cast<std::size_t>(what.code));
            break;
        case output::kind::release:
            if (auto* const path = owner_->path_of(*to)) path->release();
            break;
        }
        to->outbox.pop_front();
    }
    if (moved) carrier_->connection().wake();
}

bool side_link::begin(instant, moqt::draft version) {
    auto* const to = at();
    if (to == nullptr || version != to->rules().id) return false;
    to->on_open(carrier_->webtransport_path().has_value());
    owner_->stirred(who_.owner);
    return true;
}

void side_link::handle_stream(instant, quic_stream stream, bytes data, bool fin) {
    if (auto* const to = at()) {
        to->on_stream(side_of(stream), data, fin);
        owner_->stirred(who_.owner);
    }
}
void side_link::handle_reset(instant, quic_stream stream, std::uint64_t code) {
    if (auto* const to = at()) {
        to->on_reset(side_of(stream), code);
        owner_->stirred(who_.owner);
    }
}
void side_link::handle_stop_sending(instant, quic_stream stream, std::uint64_t code) {
    sending_[stream].over = true;
    if (auto* const to = at()) {
        to->on_stop(side_of(stream), code);
        owner_->stirred(who_.owner);
    }
}
void side_link::handle_datagram(instant, bytes data) {
    if (auto* const to = at()) {
        to->on_datagram(data);
        owner_->stirred(who_.owner);
    }
}
void side_link::handle_stream_credit(instant) {
    take_outbox();
}
void side_link::handle_writable(quic_stream stream) {
    sending_[stream].blocked = false;
}
bool side_link::next_send(instant, reference::pending_send& next) {
    for (auto& [stream, queue] : sending_) {
        if (!queue.wants()) continue;
        next.stream = stream;
        next.count = 0;
        auto offset = queue.offset;
        auto i = queue.chunk;
        for (; i < queue.chunks.size() && next.count < reference::pending_send::max_chunks; ++i) {
            next.chunks[next.count++] = bytes{queue.chunks[i]}.subspan(offset);
            offset = 0;
        }
        next.fin = queue.fin && i == queue.chunks.size();
        return true;
    }
    return false;
}
void side_link::handle_sent(instant, quic_stream stream, std::size_t count, bool fin) {
    auto& queue = sending_[stream];
    if (fin) queue.fin_sent = true;
    while (queue.chunk < queue.chunks.size()) {
        const auto left = queue.chunks[queue.chunk].size() - queue.offset;
        if (count < left) {
            queue.offset += count;
            return;
        }
        count -= left;
        queue.offset = 0;
        ++queue.chunk;
    }
}
void side_link::handle_blocked(quic_stream stream) {
    sending_[stream].blocked = true;
}

void side_link::carrier_closed(instant, const close_info& info) {
    gone_ = true;
    auto* const to = at();
    if (to == nullptr) return;
    ending how;
    how.by_peer = info.by_peer;
    how.code = info.code;
    how.reason = info.reason;
    if (info.why == close_info::cause::application)
        how.what = ending::how::application;
    else
        how.what = to->open ? ending::how::lost : ending::how::refused;
    if (how.reason.empty() && info.why != close_info::cause::application)
        how.reason = std::string{to_string(info.why)};
    to->on_closed(std::move(how));
    owner_->stirred(who_.owner);
}

} // namespace moqrtc::conformance
