#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/moqt/relay/relay.hpp>

#include <algorithm>
#include <conformance/suite.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Peers for the rows, without a network between: what a row sends is there at once, and time
/// passes when nobody has anything to say.
namespace conformance_test {

using namespace moqrtc;
using namespace moqrtc::conformance;

/// A peer that the rows talk to.
class peer : public connector {
public:
    explicit peer(moqt::draft version) : version_{version} {}
    virtual ~peer() = default;

    void connect(stage& owner, side& fresh) override { waiting_.push_back({&owner, &fresh}); }

    /// Runs a suite to its end, in virtual time; returns it.
    std::unique_ptr<suite> run(suite_options options = {}, target_info target = {}) {
        target.version = version_;
        target.nonce = "n";
        if (target.authority.empty()) target.authority = "relay.example";
        if (target.path.empty()) target.path = "/moq";
        auto out = std::make_unique<suite>(target, std::move(options), *this);
        suite_ = out.get();
        webtransport_ = target.webtransport;
        out->begin(now_);
        for (std::size_t steps = 0; !out->done() && steps < 2'000'000; ++steps) {
            if (turn()) continue;
            const auto next = std::min(out->next_timeout(), next_timeout());
            if (next == never) break;
            now_ = std::max(now_, next);
            handle_timeout();
            out->poke(now_);
        }
        drop_all();
        suite_ = nullptr;
        return out;
    }

protected:
    /// Something of a session between the peer and one side.
    struct link {
        stage* owner = nullptr;
        side* to = nullptr;
        bool over = false;
    };
    virtual void opened(std::size_t index) = 0;
    virtual void take(std::size_t index, output& what) = 0;
    /// Gives what the peer has for a side; true when there was something.
    virtual bool deliver(std::size_t index) = 0;
    virtual void dropped(std::size_t index) = 0;
    [[nodiscard]] virtual instant next_timeout() const { return never; }
    virtual void handle_timeout() {}

    [[nodiscard]] const moqt::wire_rules& rules() const { return moqt::rules_for(version_); }
    [[nodiscard]] side& at(std::size_t index) { return *links_[index].to; }
    [[nodiscard]] link& link_of(std::size_t index) { return links_[index]; }
    void poke(std::size_t index) { suite_->poke(now_, *links_[index].owner); }
    void end(std::size_t index, std::uint64_t code, std::string reason) {
        if (std::exchange(links_[index].over, true)) return;
        at(index).on_closed({ending::how::application, true, code, std::move(reason)});
        dropped(index);
        poke(index);
    }
    instant now_{seconds(1).us};
    bool webtransport_ = false;

private:
    bool turn() {
        const auto alive = suite_->running();
        const auto lives = [&](const stage* s) {
            return std::ranges::find(alive, s) != alive.end();
        };
        for (std::size_t i = 0; i < links_.size(); ++i)
            if (!links_[i].over && !lives(links_[i].owner)) {
                links_[i].over = true;
                dropped(i);
            }
        bool moved = false;
        for (const auto& w : std::exchange(waiting_, {})) {
            if (!lives(w.owner)) continue;
            links_.push_back(w);
            const auto index = links_.size() - 1;
            w.to->on_open(webtransport_);
            opened(index);
            poke(index);
            moved = true;
        }
        for (std::size_t i = 0; i < links_.size(); ++i) {
            while (!links_[i].over && !links_[i].to->outbox.empty()) {
                auto what = std::move(links_[i].to->outbox.front());
                links_[i].to->outbox.pop_front();
                moved = true;
                if (what.what == output::kind::close) {
                    links_[i].over = true;
                    dropped(i);
                    break;
                }
                take(i, what);
            }
        }
        for (std::size_t i = 0; i < links_.size(); ++i)
            if (!links_[i].over && deliver(i)) {
                moved = true;
                if (!links_[i].over) poke(i);
            }
        return moved;
    }
    void drop_all() {
        for (std::size_t i = 0; i < links_.size(); ++i)
            if (!std::exchange(links_[i].over, true)) dropped(i);
        links_.clear();
        waiting_.clear();
    }

    moqt::draft version_;
    suite* suite_ = nullptr;
    std::vector<link> links_{};
    std::vector<link> waiting_{};
};

/// Our relay. What it says can be changed on its way, which makes it a wrong one.
class relay_peer : public peer {
public:
    explicit relay_peer(moqt::draft version, moqt::relay_config config = {})
        : peer{version}, relay_{now_, config, pool_, open_} {}
    ~relay_peer() override = default;

protected:
    // What a wrong relay changes.
    /// False keeps the session open.
    virtual bool change_close(std::size_t /*index*/, std::uint64_t& /*code*/) { return true; }
    virtual void change_data(std::size_t /*index*/, moqt::stream_id /*stream*/, octets& /*data*/,
                             bool& /*fin*/) {}
    /// True when the reset is not to be told.
    virtual bool change_reset(std::size_t /*index*/, moqt::stream_id /*stream*/) { return false; }
    virtual bool change_datagram(octets& /*data*/) { return true; }

    void opened(std::size_t index) override {
        moqt::session_config config;
        config.self = moqt::role::server;
        config.version = rules().id;
        config.webtransport = webtransport_;
        if (keys_.size() <= index) keys_.resize(index + 1);
        keys_[index] = *relay_.add_session(now_, config, {});
        auto& session = relay_.at(*keys_[index]);
        session.handle_stream_credit(10'000, 10'000);
        settle(index);
    }
    void take(std::size_t index, output& what) override {
        auto& session = relay_.at(*keys_[index]);
        switch (what.what) {
        case output::kind::data: {
            bytes left = what.data;
            for (int i = 0; i < 1000; ++i) {
                const auto taken = session.handle_stream(now_, what.stream, left, what.fin);
                settle(index);
                left = left.subspan(std::min(taken, left.size()));
                if (left.empty() || session.closed()) break;
            }
            break;
        }
        case output::kind::reset:
            session.handle_reset(now_, what.stream, what.code);
            break;
        case output::kind::stop:
            session.handle_stop_sending(now_, what.stream, what.code);
            break;
        case output::kind::datagram:
            session.handle_datagram(now_, what.data);
            break;
        case output::kind::close:
            break;
        }
        settle(index);
    }
    bool deliver(std::size_t index) override {
        auto& session = relay_.at(*keys_[index]);
        bool moved = false;
        const auto operations = [&] {
            while (auto op = session.poll_transmit()) {
                moved = true;
                using kind = moqt::transport_op::kind;
                switch (op->what) {
                case kind::reset:
                    if (!change_reset(index, op->stream)) at(index).on_reset(op->stream, op->code);
                    break;
                case kind::stop_sending:
                    at(index).on_stop(op->stream, op->code);
                    break;
                case kind::datagram: {
                    octets data{op->data.view().begin(), op->data.view().end()};
                    if (change_datagram(data)) at(index).on_datagram(data);
                    break;
                }
                case kind::close: {
                    auto code = op->code;
                    if (!change_close(index, code)) return true;
                    end(index, code, std::string{as_text(op->data.view())});
                    return false;
                }
                }
            }
            return true;
        };
        if (!operations()) return true;
        while (const auto offer = session.poll_send(now_)) {
            moved = true;
            octets data;
            for (std::size_t i = 0; i < offer->count; ++i)
                data.insert(data.end(), offer->chunks[i].begin(), offer->chunks[i].end());
            const auto stream = offer->stream;
            bool fin = offer->fin;
            session.handle_sent(now_, stream, data.size(), fin);
            session.handle_acked(now_, stream, data.size(), fin);
            change_data(index, stream, data, fin);
            at(index).on_stream(stream, data, fin);
        }
        if (moved) settle(index);
        if (!operations()) return true;
        return moved;
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

private:
    void settle(std::size_t index) {
        relay_.handle_ready(now_, *keys_[index]);
        drain_ready();
    }
    void drain_ready() {
        while (relay_.poll_ready()) {
        }
    }

    /// Open to everybody who comes in by one path.
    class one_door final : public moqt::policy {
    public:
        moqt::admission admit(const moqt::session_request& asked) override {
            moqt::admission out;
            if (!asked.webtransport && asked.info.door != "/moq")
                out.refused = moqt::close_code::invalid_path;
            return out;
        }
        moqt::decision decide(const moqt::access_request&) override {
            return moqt::decision::allow();
        }
    };
    static inline one_door open_{};
    buffer_pool pool_{};
    moqt::relay relay_;
    std::vector<std::optional<moqt::session_key>> keys_{};
};

} // namespace conformance_test
