#include "broadcast_watch.hpp"
#include "caller_limits.hpp"
#include "common/private_file.hpp"
#include "control_api.hpp"
#include "device_tokens.hpp"
#include "route.hpp"

#include <utility>

namespace moqrtc::reference {
namespace {

/// Who makes the API: the database, what it signs with, the first key.
std::shared_ptr<const secret_keeper> keeper_of(const std::filesystem::path& data) {
    if (data.empty()) return std::make_shared<const secret_keeper>(key_digest{std::byte{1}});
    const auto pepper = secret_keeper::load_or_create(data / "pepper");
    if (!pepper) throw storage_failure{pepper.error()};
    return std::make_shared<const secret_keeper>(*pepper);
}

} // namespace

control_api::control_api(config settings, control_outside outside)
    : config_{std::move(settings)},
      state_{std::make_unique<control_state>(config_.data, keeper_of(config_.data), directory_,
                                             events_, config_.open)},
      limits_{std::make_unique<caller_limits>()},
      tokens_{std::make_unique<device_tokens>()},
      watch_{std::make_unique<broadcast_watch>(*state_)} {
    state_->outside = std::move(outside);
    // The key's file is there before the key is: a crash in between leaves one that opens nothing,
    // and the next start writes another.
    state_->first_start(wall_time(), [this](const std::string& key) {
        if (config_.data.empty()) return;
        first_key_ = config_.data / "admin-key";
        if (auto written = write_private_file(first_key_, key + "\n"); !written)
            throw storage_failure{written.error()};
    });
    watch_->close_stale();
    access_snapshot begin;
    begin.required = config_.required;
    directory_.publish(std::move(begin));
    state_->publish();
}

control_api::~control_api() {
    stop();
}

std::expected<std::unique_ptr<control_api>, std::string>
control_api::open(config settings, control_outside outside) {
    try {
        return std::unique_ptr<control_api>{
            new control_api{std::move(settings), std::move(outside)}};
    } catch (const std::exception& failure) {
        return std::unexpected(std::string{failure.what()});
    }
}

void control_api::start(webhook_sender send) {
    send_ = std::move(send);
    thread_.start([this] { tick(); });
}

void control_api::stop() {
    thread_.stop();
}

void control_api::handle(const http_request& request, http_server::reply reply) {
    if (!thread_.post([this, request, reply] { answer_request(request, reply); }))
        reply(problem_response({503, "overloaded", "too much waits to be done", {}, 1}));
}

void control_api::redeem(token_use one, std::function<void(answer)> then) {
    const bool posted = thread_.post([this, one = std::move(one), then] {
        try {
            auto said = answer::refused;
            const auto now = wall_time();
            if (one.expires > now)
                said = state_->calls.redeem(one, usual_call(*directory_.current(), one.org), now);
            then(said);
        } catch (const storage_failure& failure) {
            if (state_->outside.note)
                state_->outside.note("token_not_kept", "reason", failure.what());
            then(answer::failed);
        }
    });
    if (!posted) then(answer::failed);
}

std::vector<token_use> control_api::used() const {
    return state_->calls.used(wall_time());
}

void control_api::set_kill(media_path path, bool killed) {
    thread_.post([this, path, killed] {
        if (auto done = state_->kill.set(path, killed); !done && state_->outside.note)
            state_->outside.note("kill_failed", "reason", done.error());
        state_->watch_kill();
    });
}

/// Four times a second: what time alone brings about.
void control_api::tick() {
    try {
        const auto now = wall_time();
        state_->watch_kill();
        const auto back = [this](std::function<void()> work) { thread_.post(std::move(work)); };
        state_->hooks.send_due(now, send_, back);
        if (now == swept_) return;
        swept_ = now;
        auto& store = state_->store;
        store.run("UPDATE commands SET state = 'expired', updated = ? WHERE state IN ('queued', "
                  "'sent', 'acked') AND expires <= ?",
                  now, now);
        if (state_->calls.sweep(now)) state_->publish();
        if (state_->outside.status && watch_->is_due(now))
            state_->outside.status([this, now](std::shared_ptr<const server_status> status) {
                thread_.post([this, now, status] {
                    try {
                        watch_->look(*status, now);
                    } catch (const std::exception& failure) {
                        if (state_->outside.note)
                            state_->outside.note("analytics_failed", "reason", failure.what());
                    }
                });
            });
        for (const auto& id : state_->streams.stale(now)) {
            store.run("UPDATE streams SET state = 'ended', ended = ? WHERE id = ?", now,
                      std::string_view{id});
            state_->streams.remove(id);
        }
        const auto hooks = state_->hooks.figures();
        counters_.webhooks_waiting = hooks.waiting;
        counters_.webhooks_delivered = hooks.delivered;
        counters_.webhooks_failed = hooks.failed;
        if (now % 60 != 0) return;
        constexpr std::int64_t minute = 60;
        constexpr std::int64_t day = 86400;
        constexpr std::int64_t month = 30 * day;
        store.run("DELETE FROM used_tokens WHERE expires < ?", now - minute);
        store.run("DELETE FROM revocations WHERE expires IS NOT NULL AND expires < ?",
                  now - minute);
        store.run("DELETE FROM repeats WHERE created < ?", now - day);
        store.run(
            "DELETE FROM commands WHERE state IN ('done', 'failed', 'expired') AND updated < ?",
            now - 7 * day);
        store.run("DELETE FROM analytics WHERE updated < ?", now - 13 * month);
        state_->hooks.forget(now);
    } catch (const std::exception& failure) {
        if (state_->outside.note) state_->outside.note("control_failed", "reason", failure.what());
    }
}

} // namespace moqrtc::reference
