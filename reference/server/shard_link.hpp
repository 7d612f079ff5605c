#pragma once

#include "common/moqt_link.hpp"
#include "shard.hpp"

#include <moqrtc/moqt/relay/relay.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace moqrtc::reference {

/// A session of the relay on its connection.
class shard::link final : public moqt_link {
public:
    link(shard& owner, moqt_carrier& carrier, std::size_t upstream)
        : moqt_link{carrier}, owner_{&owner}, upstream_{upstream} {
        if (!is_upstream()) counted_ = std::move(owner.arriving_);
    }
    ~link() override { forget(steady_now()); }

    [[nodiscard]] std::size_t upstream_index() const noexcept { return upstream_; }
    [[nodiscard]] bool is_upstream() const noexcept { return upstream_ != none; }
    [[nodiscard]] std::string label() {
        auto out = transport().peer().to_string();
        if (session() != nullptr)
            out += " draft " + std::to_string(moqt::number(session()->rules().id));
        return out;
    }
    [[nodiscard]] bool established() noexcept {
        return session() != nullptr && session()->established();
    }
    void leave(instant now, std::string_view reason = "the relay ends") {
        if (session() == nullptr) return;
        session()->close(now, moqt::close_code::no_error, reason);
        push();
    }
    /// What it came in with, from before there was a session.
    void came_in_with(std::shared_ptr<const void> pass) { pass_ = std::move(pass); }
    /// The relay has something for this session's transport.
    void flush() { push(); }
    /// Bytes that the connection has moved since this was asked last.
    [[nodiscard]] std::uint64_t moved() {
        const auto now = transport().info();
        const auto all = now.bytes_sent + now.bytes_received;
        return all - std::exchange(moved_, all);
    }

    [[nodiscard]] bool may_move() const override {
        const auto& doors = owner_->doors_;
        return is_upstream() || !doors.current().required || doors.is_authorized(key_);
    }
    /// What it stands on is looked at again before anything goes to the new address for good.
    void handle_moved(instant now) override {
        if (session() == nullptr || may_move()) return;
        session()->close(now, moqt::close_code::unauthorized, moqt::auth_failed);
        push();
    }

protected:
    moqt::session* open_session(instant now, moqt::draft version) override {
        moqt::session_config config;
        config.version = version;
        config.implementation = owner_->config_.implementation;
        const auto path = carrier().webtransport_path();
        config.webtransport = path.has_value();
        config.max_requests = owner_->config_.requests_per_session;
        moqt::session_info info;
        info.peer = transport().peer().to_string();
        info.label = transport().name();
        info.transport = path ? "webtransport" : "quic";
        if (upstream_ != none) {
            const auto& where = owner_->upstreams_[upstream_].where;
            config.self = moqt::role::client;
            config.authority = where.authority;
            config.path = where.path;
            info.upstream = true;
            info.door = where.path;
        } else {
            config.self = moqt::role::server;
            info.door = path.value_or("");
        }
        const auto key = owner_->relay_->add_session(now, std::move(config), std::move(info));
        if (!key) return nullptr;
        key_ = *key;
        owner_->links_[key_] = this;
        owner_->doors_.bind(key_, pass_);
        if (counted_) owner_->gate_.bind(key_, counted_.address());
        return &owner_->relay_->at(key_);
    }
    void drain(instant now) override {
        if (!key_.valid()) return;
        owner_->relay_->handle_ready(now, key_);
        // Who has shown nothing yet stays at the address that he began with.
        if (!may_move_ && owner_->doors_.is_authorized(key_)) {
            may_move_ = true;
            transport().allow_migration(true);
            transport().trust();
        }
        owner_->settle();
    }
    void ended(instant now, const close_info&) override {
        (carrier().webtransport_path() ? owner_->sent_webtransport_ : owner_->sent_quic_) +=
            transport().info().bytes_sent;
        forget(now);
        owner_->settle();
        if (upstream_ != none) owner_->connect(upstream_);
    }

private:
    static constexpr std::size_t none = SIZE_MAX;

    void forget(instant now) {
        if (upstream_ != none && owner_->upstreams_[upstream_].connection == this)
            owner_->upstreams_[upstream_].connection = nullptr;
        if (!key_.valid()) return;
        owner_->links_.erase(key_);
        owner_->relay_->remove_session(now, key_);
        key_ = {};
    }

    shard* owner_;
    std::size_t upstream_;
    moqt::session_key key_{};
    bool may_move_ = false;
    std::shared_ptr<const void> pass_;
    admission_ledger::session_pass counted_;
    std::uint64_t moved_ = 0;
};

} // namespace moqrtc::reference
