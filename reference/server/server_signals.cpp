#include "common/clock.hpp"
#include "server.hpp"
#include "setting_table.hpp"
#include "setting_values.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>

/// What a running server does on signals and on time.
namespace moqrtc::reference {
namespace {

constexpr std::chrono::hours certificate_interval{1};
constexpr std::chrono::milliseconds drain_interval{50};
constexpr duration closing_time = seconds(1);
/// A certificate that somebody else renews: when to warn that nobody did.
constexpr std::chrono::hours expiry_warning{7 * 24};

} // namespace

void server::wait_for_signal() {
    signals_.async_wait([this](std::error_code failed, int number) {
        if (failed) return;
        if (number == SIGUSR1) {
            api_->set_kill(media_path::moq, true);
        } else if (number != SIGHUP) {
            // The second one: somebody is in a hurry.
            if (draining_) std::_Exit(0);
            begin_drain();
        } else if (!draining_) {
            reload();
        }
        wait_for_signal();
    });
}

void server::watch_certificate() {
    if (!settings_.cert.empty() &&
        identity_.current.not_after < std::chrono::system_clock::now() + expiry_warning)
        log_line{log_level::warning, "certificate_ends_soon"}.with("cert", settings_.cert);
    certificate_timer_.expires_after(certificate_interval);
    certificate_timer_.async_wait([this](std::error_code failed) {
        if (failed) return;
        reload_certificate();
        watch_certificate();
    });
}

void server::reload() {
    auto fresh = read_settings(line_);
    if (!fresh) {
        log_line{log_level::error, "reload_refused"}.with("reason", fresh.error());
        return;
    }
    for (const auto& row : setting_table()) {
        if (row.show(settings_) == row.show(*fresh)) continue;
        if (row.reloads)
            log_line{log_level::info, "setting_changed"}
                .with("key", row.key)
                .with("value", shown(row, *fresh));
        else
            log_line{log_level::warning, "setting_needs_restart"}.with("key", row.key);
    }
    settings_.level = fresh->level;
    settings_.drain = fresh->drain;
    settings_.cert = fresh->cert;
    settings_.key = fresh->key;
    set_log_level(settings_.level);
    reload_certificate();
    log_line{log_level::info, "reloaded"};
}

/// Whoever gives a certificate of an authority means it so; the page then does without a hash.
void server::check_hash() const {
    if (!identity_.current.hash_problem.empty())
        log_line{log_level::warning, "certificate_hash_unusable"}
            .with("sha256", identity_.current.sha256)
            .with("reason", identity_.current.hash_problem);
}

/// New connections see what is there now; when it is of no use, what was there before.
void server::reload_certificate() {
    auto fresh = load_identity(settings_, data_);
    if (!fresh) {
        log_line{log_level::error, "certificate_refused"}.with("reason", fresh.error());
        return;
    }
    const bool changed = fresh->current.sha256 != identity_.current.sha256;
    if (changed) {
        const auto tls = make_tls(*fresh);
        if (!tls) {
            log_line{log_level::error, "certificate_refused"}.with("reason", tls.error());
            return;
        }
        for (auto& one : lanes_)
            one->machine->post(
                [machine = one->machine.get(), tls = *tls] { machine->use_tls(tls); });
        if (settings_.https != "off")
            if (auto taken = http_.use({fresh->current.chain_pem, fresh->current.key_pem}); !taken)
                log_line{log_level::error, "certificate_refused"}.with("reason", taken.error());
        log_line{log_level::info, "certificate_changed"}.with("sha256", fresh->current.sha256);
    }
    identity_ = std::move(*fresh);
    board_.set_certificate(identity_.status());
    if (!changed) return;
    check_hash();
    // The names in it are those that pages may call us by.
    for (auto& one : lanes_)
        one->machine->post(
            [machine = one->machine.get(), doors = make_doors()] { machine->use_doors(doors); });
}

void server::every_lane(void (*work)(lane&)) {
    for (auto& one : lanes_)
        one->machine->post([at = one.get(), work] { work(*at); });
}

void server::begin_drain() {
    draining_ = true;
    board_.set_phase(server_phase::draining);
    certificate_timer_.cancel();
    log_line{log_level::info, "draining"}.with("seconds", show_seconds(settings_.drain));
    for (auto& one : lanes_)
        one->machine->post(
            [machine = one->machine.get(), time = settings_.drain] { machine->drain(time); });
    watch_drain(steady_now() + settings_.drain);
}

void server::watch_drain(instant deadline) {
    every_lane([](lane& at) { at.clients = at.machine->clients(); });
    drain_timer_.expires_after(drain_interval);
    drain_timer_.async_wait([this, deadline](std::error_code failed) {
        if (failed) return;
        std::size_t left = 0;
        for (const auto& one : lanes_)
            left += one->clients != 0 ? 1 : 0;
        if (left == 0 || steady_now() >= deadline) return close_connections();
        watch_drain(deadline);
    });
}

void server::close_connections() {
    log_line{log_level::info, "closing"};
    every_lane([](lane& at) { at.machine->close_all(); });
    watch_close(steady_now() + closing_time);
}

void server::watch_close(instant deadline) {
    every_lane([](lane& at) { at.connections = at.machine->connections(); });
    drain_timer_.expires_after(drain_interval);
    drain_timer_.async_wait([this, deadline](std::error_code failed) {
        if (failed) return;
        std::size_t left = 0;
        for (const auto& one : lanes_)
            left += one->connections != 0 ? 1 : 0;
        if (left != 0 && steady_now() < deadline) return watch_close(deadline);
        context_.stop();
    });
}

} // namespace moqrtc::reference
