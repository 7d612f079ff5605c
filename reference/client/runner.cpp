#include "common/clock.hpp"
#include "progress.hpp"
#include "runner.hpp"
#include "token_source.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <thread>
#include <utility>

namespace moqrtc::reference {

namespace {

/// What no further attempt changes: a certificate, or that there is no protocol in common.
bool is_lasting(const close_info& info) noexcept {
    using cause = close_info::cause;
    return info.why == cause::certificate || info.why == cause::version ||
           (info.why == cause::transport && info.code == no_application_protocol);
}

} // namespace

instant retry_at(instant now, const moqt::event& refusal) {
    constexpr duration soon = milliseconds(250);
    constexpr duration least = milliseconds(100); // whatever a server says
    return now + std::max(refusal.retry_after().value_or(soon), least);
}

/// The connection in use.
class runner::link final : public moqt_link {
public:
    link(runner& owner, moqt_carrier& carrier) : moqt_link{carrier}, owner_{&owner} {}
    ~link() override {
        if (owner_->link_ == this) owner_->link_ = nullptr;
    }
    [[nodiscard]] moqt::session* current() noexcept { return session_.get(); }
    [[nodiscard]] moqt::draft version() const noexcept { return version_; }
    /// Shows the server the token that is in use now, with the first request that can be updated:
    /// what stands on the old one then stands on it.
    void renew(instant now) {
        if (session_ == nullptr || session_->closed()) return;
        for (const auto id : open_)
            if (const auto sent = session_->update(now, id, owner_->params())) {
                renewal_ = *sent;
                return settle(now);
            }
    }

protected:
    moqt::session* open_session(instant now, moqt::draft version) override {
        version_ = version;
        moqt::session_config config;
        config.self = moqt::role::client;
        config.version = version;
        config.webtransport = carrier().webtransport_path().has_value();
        config.authority = owner_->options_.where.authority;
        config.path = owner_->options_.where.path;
        config.implementation = "moqrtc";
        session_ = std::make_unique<moqt::session>(now, std::move(config), owner_->pool_);
        return session_.get();
    }
    void drain(instant now) override {
        while (auto e = session_->poll_event()) {
            if (owner_->options_.verbose) print_message(*e);
            if (note(*e)) continue;
            if (e->what == moqt::event::kind::established) {
                owner_->on_established(now);
                owner_->app_->established(now, *session_);
            } else if (e->what != moqt::event::kind::closed && !owner_->finishing_) {
                if (e->what == moqt::event::kind::goaway) owner_->follow(*e);
                owner_->app_->handle(now, *session_, *e);
            }
        }
        owner_->arm();
    }
    void ended(instant now, const close_info& info) override {
        owner_->link_ = nullptr;
        if (owner_->status_) return owner_->context_.stop();
        auto text = to_text(info, version_);
        if (info.silence.us > 0) {
            std::array<char, 64> heard{};
            std::snprintf(heard.data(), heard.size(), ", %.3f s after it was last heard",
                          static_cast<double>(info.silence.us) / 1e6);
            text += heard.data();
        }
        progress_line::erase();
        std::fprintf(stderr, "connection to %s:%u ended: %s\n", owner_->options_.where.host.c_str(),
                     owner_->options_.where.port, text.c_str());
        owner_->on_lost(now, info);
        owner_->app_->lost(now, info);
        owner_->retry(info);
    }

private:
    /// Keeps the requests that are open; whether the event is an answer to `renew`.
    [[nodiscard]] bool note(const moqt::event& e) {
        using kind = moqt::event::kind;
        if (e.what == kind::accepted && e.request != moqt::request_kind::track_status &&
            e.request != moqt::request_kind::fetch)
            open_.push_back(e.id);
        else if (e.what == kind::publish_done || e.what == kind::cancelled)
            std::erase(open_, e.id);
        const bool ours = renewal_ && e.update_id == *renewal_ &&
                          (e.what == kind::update_accepted || e.what == kind::update_rejected);
        if (!ours) return false;
        if (e.what == kind::update_rejected) std::fprintf(stderr, "the new token was refused\n");
        renewal_.reset();
        return true;
    }

    runner* owner_;
    std::vector<moqt::request_id> open_;
    std::optional<moqt::request_id> renewal_;
    moqt::draft version_ = moqt::draft::d18;
    std::unique_ptr<moqt::session> session_;
};

runner::runner(client_options options) : options_{std::move(options)} {
    use_token(options_.token);
    if (!options_.token_file.empty()) watch_token();
    if (!options_.token_command.empty()) ask_for_token();
}

void runner::use_token(std::string token) {
    options_.token = std::move(token);
    tokens_.clear();
    if (!options_.token.empty())
        tokens_.push_back({moqt::alias_type::use_value, 0, 0, as_bytes(options_.token)});
}

void runner::watch_token() {
    token_timer_.expires_after(std::chrono::milliseconds{250});
    token_timer_.async_wait([this](std::error_code failure) {
        if (failure || finishing_) return;
        // Half of a file that somebody writes just now is not the token: the next look has it all.
        if (auto text = read_token(options_.token_file); text && *text != options_.token)
            renew_token(std::move(*text));
        watch_token();
    });
}

void runner::renew_token(std::string token) {
    use_token(std::move(token));
    if (link_ != nullptr) link_->renew(steady_now());
}

/// The command takes its time on a thread of its own: media goes on meanwhile.
void runner::ask_for_token(bool soon) {
    constexpr std::chrono::seconds least{1};
    constexpr std::chrono::seconds unknown{30};
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto left = time_to_renewal(
        options_.token, std::chrono::duration_cast<std::chrono::seconds>(now).count());
    token_timer_.expires_after(
        soon ? least : std::max<std::chrono::milliseconds>(left.value_or(unknown), least));
    token_timer_.async_wait([this](std::error_code failure) {
        if (failure || finishing_) return;
        // Nobody waits for its end when the run is over.
        std::packaged_task<std::expected<std::string, std::string>()> run{
            [command = options_.token_command] { return run_token_command(command); }};
        token_answer_ = run.get_future();
        std::thread{std::move(run)}.detach();
        take_token();
    });
}

void runner::take_token() {
    token_timer_.expires_after(std::chrono::milliseconds{50});
    token_timer_.async_wait([this](std::error_code failure) {
        if (failure || finishing_) return;
        if (token_answer_.wait_for(std::chrono::seconds{0}) != std::future_status::ready)
            return take_token();
        auto text = token_answer_.get();
        if (!text) std::fprintf(stderr, "--token-command: %s\n", text.error().c_str());
        const bool changed = text && *text != options_.token;
        if (changed) renew_token(std::move(*text));
        ask_for_token(!changed);
    });
}

runner::~runner() {
    endpoint_.reset(); // what the connections hold of the pool goes before the pool
}

moqt::session* runner::session() noexcept {
    return link_ == nullptr ? nullptr : link_->current();
}

quic_connection* runner::connection() noexcept {
    return link_ == nullptr ? nullptr : &link_->transport();
}

moqt::message_params runner::params() const {
    moqt::message_params out;
    if (!tokens_.empty()) out.authorization_tokens = moqt::token_list{tokens_};
    return out;
}

int runner::run(application& app) {
    app_ = &app;
    auto tls = tls_client::make(options_.trust);
    if (!tls) {
        std::fprintf(stderr, "TLS: %s\n", tls.error().c_str());
        return exit_status::bad_arguments;
    }
    tls_ = *tls;
    quic_config config;
    config.qlog_directory = options_.qlog_directory;
    endpoint_ = std::make_unique<quic_endpoint>(context_, config);
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    std::function<void()> wait = [&] {
        signals_.async_wait([&](std::error_code failure, int) {
            if (failure) return;
            if (++interrupts_ > 1) {
                status_ = status_.value_or(exit_status::done);
                return context_.stop();
            }
            app_->interrupted(steady_now());
            settle();
            wait();
        });
    };
    wait();
    connect();
    context_.run();
    endpoint_.reset();
    return status_.value_or(exit_status::failed);
}

void runner::connect() {
    connect_options to;
    to.host = options_.where.host;
    to.port = options_.where.port;
    to.tls = tls_;
    to.protocols = client_protocols(options_.transport, options_.drafts);
    endpoint_->connect(to, [this](quic_connection& connection) {
        return make_client_handler(connection, pool_,
                                   {options_.where, options_.drafts, options_.origin},
                                   [this](moqt_carrier& carrier) {
                                       auto made = std::make_unique<link>(*this, carrier);
                                       link_ = made.get();
                                       return made;
                                   });
    });
    connect_timer_.expires_after(options_.connect_timeout);
    connect_timer_.async_wait([this](std::error_code failure) {
        if (failure || link_ == nullptr) return;
        link_->transport().close(0, "no answer");
    });
}

void runner::on_established(instant now) {
    backoff_ = std::chrono::milliseconds{100};
    connect_timer_.cancel();
    ++connections_;
    connected_ = true;
    if (!outages_.empty()) outages_.back().lasted = now - outages_.back().began;
}

void runner::on_lost(instant now, const close_info& info) {
    if (!std::exchange(connected_, false)) return; // an attempt that failed is part of the outage
    if (outages_.size() == 100) outages_.erase(outages_.begin());
    outages_.push_back({info.why, info.silence, now, {}});
}

void runner::retry(const close_info& info) {
    const bool by_status = info.why == close_info::cause::http_status;
    const bool refused =
        by_status ? info.code == 401 || info.code == 403
                  : info.why == close_info::cause::application && info.by_peer && info.code == 0x2;
    // What may pass: too many sessions, a server that starts or leaves.
    const bool passing = info.code == 429 || info.code >= 500;
    if (refused || (by_status && !passing)) {
        // 400 answers a request that offers no draft of the server's: the same as an ALPN that no
        // protocol was chosen from.
        const bool speechless = info.code == 400 && connections_ == 0;
        status_ = refused      ? exit_status::refused
                  : speechless ? exit_status::unreachable
                               : exit_status::failed;
        return context_.stop();
    }
    if (is_lasting(info)) {
        std::fprintf(stderr, "another attempt would end the same way\n");
        status_ = status_.value_or(exit_status::unreachable);
        return context_.stop();
    }
    if (!options_.reconnect) {
        const bool never_there = connections_ == 0 && !by_status;
        status_ = status_.value_or(never_there ? exit_status::unreachable : exit_status::failed);
        return context_.stop();
    }
    std::fprintf(stderr, "reconnecting in %lld ms\n", static_cast<long long>(backoff_.count()));
    retry_timer_.expires_after(backoff_);
    backoff_ = std::min(backoff_ * 2, std::chrono::milliseconds{2000});
    retry_timer_.async_wait([this](std::error_code failure) {
        if (!failure && !status_) connect();
    });
}

/// Where the server wants us next. Spec: moq-transport, anchor `message-goaway`.
void runner::follow(const moqt::event& goaway) {
    const auto m = goaway.as<moqt::msg::goaway>();
    if (!m || m->new_session_uri.empty()) return;
    auto next = parse_locator(as_text(m->new_session_uri));
    if (!next) {
        std::fprintf(stderr, "the server names no other: %s\n", next.error().c_str());
        return;
    }
    // What we speak was chosen for the scheme that we came by.
    if (next->how != options_.where.how) {
        std::fprintf(stderr, "the server names one of another scheme, which is left out: %s\n",
                     std::string{as_text(m->new_session_uri)}.c_str());
        return;
    }
    options_.where = std::move(*next);
}

void runner::finish(int status, std::string complaint) {
    if (finishing_) return;
    finishing_ = true;
    status_ = status;
    if (!complaint.empty()) std::fprintf(stderr, "%s\n", complaint.c_str());
    retry_timer_.cancel();
    if (link_ == nullptr || session() == nullptr || session()->closed()) return context_.stop();
    // Not at once: what the application has just said is not on its way yet.
    drain_timer_.expires_after(std::chrono::milliseconds{1});
    drain_timer_.async_wait([this](std::error_code failure) {
        if (!failure) wait_for_delivery(200);
    });
}

/// Lost packets are repeated only while the connection lives, so the close waits until everything
/// was acknowledged.
void runner::wait_for_delivery(int polls) {
    if (link_ == nullptr || session() == nullptr) return context_.stop();
    const auto info = link_->transport().info();
    const bool idle = session()->unsent_bytes() == 0 && info.bytes_in_flight == 0;
    if (polls == 0 || idle || session()->closed()) {
        session()->close(steady_now(), moqt::close_code::no_error, "done");
        link_->settle(steady_now());
        drain_timer_.expires_after(std::chrono::seconds{1});
        drain_timer_.async_wait([this](std::error_code) { context_.stop(); });
        return;
    }
    link_->transport().wake();
    drain_timer_.expires_after(std::chrono::milliseconds{10});
    drain_timer_.async_wait([this, polls](std::error_code failure) {
        if (!failure) wait_for_delivery(polls - 1);
    });
}

void runner::settle() {
    if (link_ != nullptr) link_->settle(steady_now());
    arm();
}

void runner::arm() {
    const auto next = finishing_ ? never : app_->next_timeout();
    if (next == armed_) return;
    armed_ = next;
    if (next == never) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point{std::chrono::microseconds{next.us}});
    timer_.async_wait([this](std::error_code failure) {
        if (failure || finishing_) return;
        armed_ = never;
        app_->handle_timeout(steady_now());
        settle();
    });
}

} // namespace moqrtc::reference
