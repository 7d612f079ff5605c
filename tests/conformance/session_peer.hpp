#pragma once

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/moqt/session/session.hpp>

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
    void expect(stage&, side&) override {} // nothing comes by itself

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
        std::optional<std::size_t> left{}; ///< bytes that still come through a path that is held
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
    [[nodiscard]] std::size_t links() const { return links_.size(); }
    [[nodiscard]] std::optional<std::size_t>& left(std::size_t index) { return links_[index].left; }
    /// Whether two connections are of one row.
    [[nodiscard]] bool are_together(std::size_t a, std::size_t b) const {
        return links_[a].owner == links_[b].owner;
    }
    [[nodiscard]] bool is_over(std::size_t index) const { return links_[index].over; }
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
                if (what.what == output::kind::hold) {
                    links_[i].left = static_cast<std::size_t>(what.code);
                    continue;
                }
                if (what.what == output::kind::release) {
                    links_[i].left.reset();
                    continue;
                }
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

/// A peer with sessions of the library. What they say can be changed on its way, which makes it a
/// wrong one.
class session_peer : public peer {
public:
    using peer::peer;

protected:
    [[nodiscard]] virtual moqt::session& session(std::size_t index) = 0;
    /// After every input.
    virtual void settle(std::size_t index) = 0;

    // What a wrong one changes.
    /// False keeps the session open.
    virtual bool change_close(std::size_t /*index*/, std::uint64_t& /*code*/) { return true; }
    virtual void change_data(std::size_t /*index*/, moqt::stream_id /*stream*/, octets& /*data*/,
                             bool& /*fin*/) {}
    /// True when the reset is not to be told.
    virtual bool change_reset(std::size_t /*index*/, moqt::stream_id /*stream*/,
                              std::uint64_t& /*code*/) {
        return false;
    }
    virtual bool change_datagram(octets& /*data*/) { return true; }

    void take(std::size_t index, output& what) override {
        auto& to = session(index);
        switch (what.what) {
        case output::kind::data: {
            bytes left = what.data;
            for (int i = 0; i < 1000; ++i) {
                const auto taken = to.handle_stream(now_, what.stream, left, what.fin);
                settle(index);
                left = left.subspan(std::min(taken, left.size()));
                if (left.empty() || to.closed()) break;
            }
            break;
        }
        case output::kind::reset:
            to.handle_reset(now_, what.stream, what.code);
            break;
        case output::kind::stop:
            to.handle_stop_sending(now_, what.stream, what.code);
            break;
        case output::kind::datagram:
            to.handle_datagram(now_, what.data);
            break;
        case output::kind::close:
        case output::kind::hold:
        case output::kind::release:
            break;
        }
        settle(index);
    }
    bool deliver(std::size_t index) override {
        auto& from = session(index);
        bool moved = false;
        auto& room = left(index);
        if (room == 0) return false; // nothing comes through, whatever it is
        if (!tell_operations(index, from, moved)) return true;
        while (const auto offer = from.poll_send(now_)) {
            moved = true;
            octets data;
            for (std::size_t i = 0; i < offer->count; ++i)
                data.insert(data.end(), offer->chunks[i].begin(), offer->chunks[i].end());
            const auto stream = offer->stream;
            bool fin = offer->fin;
            if (room && data.size() >= *room) {
                fin = fin && data.size() == *room;
                data.resize(*room);
            }
            if (room) *room -= data.size();
            from.handle_sent(now_, stream, data.size(), fin);
            from.handle_acked(now_, stream, data.size(), fin);
            change_data(index, stream, data, fin);
            at(index).on_stream(stream, data, fin);
            if (room == 0) break;
        }
        if (moved) settle(index);
        if (room == 0) return moved;
        (void)tell_operations(index, from, moved);
        return moved;
    }

private:
    /// False when the session is over.
    bool tell_operations(std::size_t index, moqt::session& from, bool& moved) {
        using kind = moqt::transport_op::kind;
        while (auto op = from.poll_transmit()) {
            moved = true;
            auto code = op->code;
            switch (op->what) {
            case kind::reset:
                if (!change_reset(index, op->stream, code)) at(index).on_reset(op->stream, code);
                break;
            case kind::stop_sending:
                at(index).on_stop(op->stream, code);
                break;
            case kind::datagram: {
                octets data{op->data.view().begin(), op->data.view().end()};
                if (change_datagram(data)) at(index).on_datagram(data);
                break;
            }
            case kind::close:
                if (!change_close(index, code)) break;
                end(index, code, std::string{as_text(op->data.view())});
                return false;
            }
        }
        return true;
    }
};

} // namespace conformance_test
