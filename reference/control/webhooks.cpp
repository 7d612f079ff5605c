#include "control_state.hpp"
#include "webhooks.hpp"

#include <algorithm>
#include <vector>

namespace moqrtc::reference {

std::int64_t webhooks::pause_after(std::int64_t n) {
    constexpr std::int64_t first = 5;
    constexpr std::int64_t longest = 6 * 3600;
    return std::min(first << std::min<std::int64_t>(n - 1, 20), longest);
}

std::string webhooks::secret_of(std::string_view id, std::int64_t version) const {
    return "whsec_" +
           secrets_->derive("webhook/" + std::string{id} + "/" + std::to_string(version));
}

void webhooks::add(std::string_view org, std::string_view event, std::string_view body,
                   wall_seconds now) {
    std::vector<std::string> to;
    {
        auto asked = store_->prepare("SELECT id, events FROM webhooks WHERE org = ? AND enabled");
        asked.bind(org);
        while (asked.step()) {
            const auto events = api_json::parse(asked.text(1), nullptr, false);
            if (events.is_array() && std::ranges::find(events, api_json(event)) != events.end())
                to.push_back(asked.text(0));
        }
    }
    if (to.empty()) return;
    const auto waiting = store_->count("SELECT count(*) FROM deliveries WHERE state = 'waiting'");
    if (waiting + static_cast<std::int64_t>(to.size()) > most_waiting) {
        counted_.dropped += to.size();
        return;
    }
    database::transaction change{*store_};
    for (const auto& id : to)
        store_->run("INSERT INTO deliveries (webhook, event, body, state, attempts, next, status, "
                    "created) VALUES (?, ?, ?, 'waiting', 0, ?, 0, ?)",
                    std::string_view{id}, event, body, now, now);
    change.commit();
}

void webhooks::send_due(wall_seconds now, const webhook_sender& send,
                        const std::function<void(std::function<void()>)>& finish) {
    if (!send || under_way_ >= most_at_once) return;
    struct due {
        std::int64_t id;
        std::int64_t attempts;
        webhook_request request;
    };
    std::vector<due> all;
    {
        auto asked = store_->prepare(
            "SELECT d.id, d.attempts, w.url, d.body, d.event, w.id, w.secret_version FROM "
            "deliveries d JOIN webhooks w ON w.id = d.webhook WHERE d.state = 'waiting' AND "
            "d.next <= ? ORDER BY d.id LIMIT ?");
        asked.bind(now).bind(static_cast<std::int64_t>(most_at_once - under_way_));
        while (asked.step()) {
            due one{asked.integer(0), asked.integer(1) + 1, {}};
            const auto time = std::to_string(now);
            one.request.url = asked.text(2);
            one.request.body = asked.text(3);
            one.request.event = asked.text(4);
            one.request.delivery = std::to_string(one.id);
            one.request.signature =
                "t=" + time + ",v1=" +
                hmac_hex(secret_of(asked.text(5), asked.integer(6)), time + "." + one.request.body);
            all.push_back(std::move(one));
        }
    }
    for (auto& one : all) {
        ++under_way_;
        // The next attempt is written down first: a crash means another one, never none.
        store_->run("UPDATE deliveries SET attempts = ?, next = ? WHERE id = ?", one.attempts,
                    now + pause_after(one.attempts), one.id);
        send(std::move(one.request), [this, finish, id = one.id,
                                      attempts = one.attempts](unsigned status) {
            finish([this, id, attempts, status] { finished(id, attempts, status, wall_time()); });
        });
    }
}

void webhooks::finished(std::int64_t delivery, std::int64_t attempts, unsigned status,
                        wall_seconds now) {
    --under_way_;
    const bool good = status >= 200 && status < 300;
    const bool over = !good && attempts >= most_attempts;
    counted_.delivered += good ? 1 : 0;
    counted_.failed += good ? 0 : 1;
    counted_.given_up += over ? 1 : 0;
    const std::string_view state = good ? "delivered" : over ? "failed" : "waiting";
    store_->run("UPDATE deliveries SET state = ?, status = ?, next = ? WHERE id = ?", state,
                std::int64_t{status}, good || over ? now : now + pause_after(attempts), delivery);
}

void webhooks::forget(wall_seconds now) {
    constexpr std::int64_t week = 7 * 86400;
    store_->run("DELETE FROM deliveries WHERE state != 'waiting' AND created < ?", now - week);
}

api_json webhooks::deliveries(std::string_view id) {
    auto asked = store_->prepare("SELECT id, event, state, attempts, next, status, created FROM "
                                 "deliveries WHERE webhook = ? ORDER BY id DESC LIMIT 100");
    asked.bind(id);
    api_json out{{"deliveries", api_json::array()}};
    while (asked.step())
        out["deliveries"].push_back({{"id", asked.text(0)},
                                     {"event", asked.text(1)},
                                     {"state", asked.text(2)},
                                     {"attempts", asked.integer(3)},
                                     {"next", asked.integer(4)},
                                     {"status", asked.integer(5)},
                                     {"created", asked.integer(6)}});
    return out;
}

webhooks::counters webhooks::figures() {
    auto out = counted_;
    out.waiting = static_cast<std::uint64_t>(
        store_->count("SELECT count(*) FROM deliveries WHERE state = 'waiting'"));
    return out;
}

} // namespace moqrtc::reference
