#pragma once

#include "session_peer.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <optional>

namespace conformance_test {

/// Open to everybody who comes in by one path.
class one_door : public moqt::policy {
public:
    moqt::admission admit(const moqt::session_request& asked) override {
        moqt::admission out;
        if (!asked.webtransport && asked.info.door != "/moq")
            out.refused = moqt::close_code::invalid_path;
        return out;
    }
    moqt::decision decide(const moqt::access_request&) override { return moqt::decision::allow(); }
};

/// Demands a token of everybody: `good` is one, `bad` none, `expired` was one.
class demanding : public one_door {
public:
    moqt::decision decide(const moqt::access_request& asked) override {
        using enum moqt::request_error_code;
        constexpr moqt::credential_id good{1};
        const auto welcome = moqt::decision::allow_until(never, good);
        // What follows from a request that was allowed is allowed with it.
        if (asked.standing == good) return welcome;
        for (const auto& one : asked.tokens) {
            if (as_text(one.value) == "good") return welcome;
            if (as_text(one.value) == "bad") return refuse(malformed_auth_token);
            if (as_text(one.value) == "expired") return refuse(expired_auth_token);
        }
        return asked.renewal ? welcome : refuse(unauthorized);
    }

private:
    static moqt::decision refuse(moqt::request_error_code code) {
        return moqt::decision::refuse(code, "token");
    }
};

/// Our relay.
class relay_peer : public session_peer {
public:
    explicit relay_peer(moqt::draft version, moqt::policy* who = nullptr)
        : session_peer{version}, relay_{now_, {}, pool_, who != nullptr ? *who : open_} {}
    ~relay_peer() override = default;

    /// GOAWAY to everybody; and, in the youngest session, one for its request alone.
    void make_leave() override {
        std::optional<std::size_t> youngest;
        for (std::size_t i = 0; i < links(); ++i)
            if (!is_over(i) && keys_[i]) youngest = i;
        for (std::size_t i = 0; i < links(); ++i) {
            if (is_over(i) || !keys_[i]) continue;
            constexpr moqt::request_id second = 2; // the first was the harmless one
            if (i == youngest) (void)session(i).request_goaway(now_, second, {}, milliseconds(300));
            (void)session(i).goaway(now_, {}, milliseconds(600));
            settle(i);
        }
    }

protected:
    moqt::session& session(std::size_t index) override { return relay_.at(*keys_[index]); }
    void opened(std::size_t index) override {
        moqt::session_config config;
        config.self = moqt::role::server;
        config.version = rules().id;
        config.webtransport = webtransport_;
        if (keys_.size() <= index) keys_.resize(index + 1);
        keys_[index] = *relay_.add_session(now_, config, {});
        const auto few = at(index).wanted.streams;
        session(index).handle_stream_credit(few != 0 ? few : 10'000, 10'000);
        settle(index);
    }
    void dropped(std::size_t index) override {
        if (!keys_[index]) return;
        relay_.remove_session(now_, *keys_[index]);
        keys_[index].reset();
        drain_ready();
    }
    instant next_timeout() const override { return relay_.next_timeout(); }
    void handle_timeout() override {
        if (relay_.next_timeout() <= now_) relay_.handle_timeout(now_);
        drain_ready();
    }
    void settle(std::size_t index) override {
        relay_.handle_ready(now_, *keys_[index]);
        drain_ready();
    }

private:
    void drain_ready() {
        while (relay_.poll_ready()) {
        }
    }

    static inline one_door open_{};
    buffer_pool pool_{};
    moqt::relay relay_;
    std::vector<std::optional<moqt::session_key>> keys_{};
};

} // namespace conformance_test
