#pragma once

#include "common/offered_draft.hpp"
#include "common/webtransport_connection.hpp"
#include "doors.hpp"
#include "http3_statistics.hpp"
#include "http_server.hpp"
#include "rate_limit.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moqrtc::reference {

class http3_connection;

/// What a shard's HTTP/3 connections share.
struct http3_host {
    webtransport::connection_config connection;
    offered_drafts_list drafts; ///< best first
    /// Spoken with clients that offer no protocol; none: they are refused.
    std::optional<moqt::draft> fallback;
    buffer_pool* pool = nullptr;
    std::function<door_answer(const door_request&)> decide;
    moqt_link_maker make_link;
    /// A session was let in, with the `pass` of its answer; may be empty.
    std::function<void(carried&, std::shared_ptr<const void>)> admitted;
    http_server::handler answer; ///< plain GET and HEAD; may be called back from any thread
    /// Runs work on the shard's thread.
    std::function<void(std::function<void()>)> post;
    http3_statistics statistics;
    rate_limit refusals;              ///< in the log
    std::set<http3_connection*> open; ///< where HTTP/3 has begun
};

/// A server's connection of HTTP/3: WebTransport sessions, each with a MoQT session in it, and
/// plain requests for small files.
///
/// Borrows the host, which outlives it.
class http3_connection final : public webtransport_connection {
public:
    http3_connection(quic_connection& connection, http3_host& host)
        : webtransport_connection{connection, *host.pool, host.connection}, host_{&host} {}
    ~http3_connection() override { host_->open.erase(this); }

    /// Takes no more requests; what is open goes on.
    void leave(instant now);

private:
    /// What is left of an answer's content.
    struct content {
        std::string body;
        std::size_t written = 0;
    };

    void started(instant) override { host_->open.insert(this); }
    void handle(instant now, const webtransport::event& event) override;
    void session_over(instant now, webtransport_session& session, const close_info& info) override {
        end(now, session, info);
    }
    void decide(instant now, const webtransport::event& request);
    void serve(instant now, const webtransport::event& request);
    void answer(instant now, webtransport::stream_id stream, bool head, const http_response& with);
    void write(instant now, webtransport::stream_id stream);

    http3_host* host_;
    std::map<webtransport::stream_id, content> contents_;
    std::shared_ptr<http3_connection*> self_ = std::make_shared<http3_connection*>(this);
};

} // namespace moqrtc::reference
