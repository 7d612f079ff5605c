#pragma once

#include "records.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// A POST that is to be made.
struct webhook_request {
    std::string url;
    std::string body;
    std::string event;
    std::string signature; ///< of `t=SECONDS,v1=HMAC-SHA256 of "SECONDS.body"`
    std::string delivery;  ///< the same at every attempt
};

/// Who makes it: `then` gets the HTTP status, or 0 when there was no answer in time. Called on the
/// control thread, answers on any.
using webhook_sender = std::function<void(webhook_request, std::function<void(unsigned)> then)>;

/// Events on their way to other servers: written down before they are sent, tried again with
/// growing pauses for about a day, and still there after a crash.
///
/// A receiver checks the field `moqrtc-signature` with the webhook's secret, which is derived from
/// the pepper and the webhook's name and stored nowhere.
///
/// Threads one.
class webhooks {
public:
    webhooks(database& store, std::shared_ptr<const secret_keeper> secrets)
        : store_{&store}, secrets_{std::move(secrets)} {}

    /// Writes an event down for each webhook of the organisation that wants it. What does not fit
    /// any more is counted and left out.
    void add(std::string_view org, std::string_view event, std::string_view body, wall_seconds now);
    /// Sends what is due. `finish` brings a result back to this thread.
    void send_due(wall_seconds now, const webhook_sender& send,
                  const std::function<void(std::function<void()>)>& finish);
    /// Forgets what was delivered or given up a week ago.
    void forget(wall_seconds now);

    [[nodiscard]] std::string secret_of(std::string_view id, std::int64_t version) const;
    [[nodiscard]] api_json deliveries(std::string_view id);

    struct counters {
        std::uint64_t delivered = 0;
        std::uint64_t failed = 0; ///< attempts
        std::uint64_t given_up = 0;
        std::uint64_t dropped = 0; ///< the queue was full
        std::uint64_t waiting = 0; ///< gauge
    };
    [[nodiscard]] counters figures();

    static constexpr std::int64_t most_waiting = 10'000;
    static constexpr std::int64_t most_attempts = 12;
    /// Seconds until attempt `n` (counted from 1) is made again: 5, 10, 20, … up to 6 hours.
    [[nodiscard]] static std::int64_t pause_after(std::int64_t n);

private:
    void finished(std::int64_t delivery, std::int64_t attempts, unsigned status, wall_seconds now);

    static constexpr std::size_t most_at_once = 16;

    database* store_;
    std::shared_ptr<const secret_keeper> secrets_;
    std::size_t under_way_ = 0;
    counters counted_{};
};

} // namespace moqrtc::reference
