#pragma once

#include "relay_peer.hpp"
#include "wrong_peers.hpp"

#include <array>

/// Relays that mind no limit: neither ours, nor time, nor their own.
namespace conformance_test {

/// Forgets what its subscribers say of time, and that they leave; ends the session of who is slow.
class patient_relay : public relay_peer {
public:
    using relay_peer::relay_peer;

protected:
    void take(std::size_t index, output& what) override {
        const bool of_request = what.what == output::kind::stop || what.what == output::kind::reset;
        if (of_request && rules().request_streams && !moqt::is_unidirectional(what.stream)) return;
        if (what.what == output::kind::data && !moqt::is_unidirectional(what.stream))
            without_timeouts(what);
        relay_peer::take(index, what);
    }
    bool change_reset(std::size_t index, moqt::stream_id, std::uint64_t& code) override {
        if (code == to_wire(rules(), moqt::reset_code::too_far_behind) ||
            code == to_wire(rules(), moqt::reset_code::delivery_timeout))
            slow_.insert(index);
        return slow_.contains(index);
    }
    bool deliver(std::size_t index) override {
        if (slow_.erase(index) == 0) return relay_peer::deliver(index);
        end(index, 0x1, "too slow");
        return true;
    }

private:
    void without_timeouts(output& what) const {
        const auto all = messages_in(rules(), what.data);
        if (all.size() != 1 || all.front().first != msg::subscribe::code(rules())) return;
        auto m = moqt::parse<msg::subscribe>(rules(), all.front().second);
        if (!m || (!m->params.object_delivery_timeout && !m->params.subgroup_delivery_timeout))
            return;
        m->params.object_delivery_timeout.reset();
        m->params.subgroup_delivery_timeout.reset();
        what.data = framed(rules(), all.front().first, body_of(rules(), *m));
    }

    std::set<std::size_t> slow_{};
};

/// Passes on what belongs to one hop, offers what is blocked, and says more than may be said.
class careless_relay : public relay_peer {
public:
    using relay_peer::relay_peer;

protected:
    void take(std::size_t index, output& what) override {
        if (what.what == output::kind::data) without_limits(what);
        if (what.what == output::kind::data && !moqt::is_unidirectional(what.stream))
            for (const auto& [type, body] : messages_in(rules(), what.data))
                if (type == msg::publish_state_notify::code(rules())) tell_everybody(index, body);
        relay_peer::take(index, what);
    }
    void change_data(std::size_t index, moqt::stream_id stream, octets& data, bool& fin) override {
        if (moqt::is_unidirectional(stream)) return change_objects(index, stream, data, fin);
        const auto all = messages_in(rules(), data);
        if (all.empty()) return;
        data.clear();
        for (const auto& [type, body] : all) {
            const auto one = changed(index, stream, type, body);
            data.insert(data.end(), one.begin(), one.end());
            // As if nothing were to come behind an answer.
            fin = fin || (rules().request_streams && type == msg::subscribe_ok::code(rules()));
        }
    }
    bool change_reset(std::size_t index, moqt::stream_id stream, std::uint64_t&) override {
        return kept_back_.contains({index, stream});
    }

private:
    /// Our SETUP without its limits.
    void without_limits(output& what) const {
        const auto all = messages_in(rules(), what.data);
        if (all.size() != 1 || all.front().first != msg::setup::code(rules())) return;
        auto m = moqt::parse<msg::setup>(rules(), all.front().second);
        if (!m || !m->options.max_request_updates) return;
        m->options.max_request_updates.reset();
        what.data = framed(rules(), all.front().first, body_of(rules(), *m));
    }
    /// No fill has a stream.
    void change_objects(std::size_t index, moqt::stream_id stream, octets& data, bool& fin) {
        const auto type = decode_varint(rules().varint, data.data(), data.size());
        if (rules().fill && type.size != 0 && type.value == moqt::stream_type::fetch &&
            !seen_.contains({index, stream}))
            kept_back_.insert({index, stream});
        seen_.insert({index, stream});
        if (!kept_back_.contains({index, stream})) return;
        data.clear();
        fin = false;
    }
    /// With a range that ends before it starts, which the codec does not write.
    [[nodiscard]] octets backwards(msg::subscribe m) const {
        m.params.subscription_filter =
            moqt::subscription_filter{moqt::filter_type::absolute_range, {7, 0}, 60};
        auto out = body_of(rules(), m);
        constexpr std::array written{std::byte{4}, std::byte{7}, std::byte{0}, std::byte{60}};
        if (const auto found = std::ranges::search(out, written); !found.empty())
            found.back() = std::byte{2};
        return out;
    }
    octets changed(std::size_t index, moqt::stream_id stream, std::uint64_t type, bytes body) {
        const auto& r = rules();
        const auto is = [&](std::uint64_t code) { return code != moqt::no_code && type == code; };
        if (is(msg::subscribe::code(r)))
            if (auto m = moqt::parse<msg::subscribe>(r, body)) {
                if (r.range_filters)
                    m->params.range_filters =
                        moqt::range_filter_list{std::span{moqt::detail::sampled_ranges}.first(1)};
                else if (r.request_credit)
                    return framed(r, type, backwards(*m));
                return framed(r, type, body_of(r, *m));
            }
        if (is(msg::publish::code(r)) && r.fill)
            if (auto m = moqt::parse<msg::publish>(r, body)) {
                m->params.authorization_tokens = moqt::token_list{token_};
                return framed(r, type, body_of(r, *m));
            }
        if (is(msg::subscribe_ok::code(r))) {
            subscribed_[index] = stream;
            if (++granted_[index] > 30 && r.unified_errors)
                return framed(r, msg::request_error::code(r),
                              body_of(r, msg::request_error{.request_id = 0, .error_code = 1}));
        }
        auto out = framed(r, type, body);
        if (is(msg::publish_blocked::code(r)))
            if (const auto m = moqt::parse<msg::publish_blocked>(r, body)) {
                const auto space = space_of("blocked");
                at(index).on_stream(
                    next_ += 4,
                    framed(
                        r, msg::publish::code(r),
                        body_of(r, msg::publish{next_, space.view(), m->track_name, 77, {}, {}})),
                    false);
            }
        return out;
    }
    /// What a publisher says of its state goes to all of the row as it is.
    void tell_everybody(std::size_t from, bytes body) {
        for (const auto& [index, stream] : subscribed_)
            if (index != from && !is_over(index) && are_together(index, from))
                at(index).on_stream(
                    stream, framed(rules(), msg::publish_state_notify::code(rules()), body), false);
    }

    std::array<moqt::authorization_token, 1> token_{
        moqt::authorization_token{moqt::alias_type::use_value, 0, 0, as_bytes("copied")}};
    std::set<std::pair<std::size_t, moqt::stream_id>> seen_{};
    std::set<std::pair<std::size_t, moqt::stream_id>> kept_back_{};
    std::map<std::size_t, moqt::stream_id> subscribed_{};
    std::map<std::size_t, int> granted_{};
    moqt::stream_id next_ = 4001;
};

} // namespace conformance_test
