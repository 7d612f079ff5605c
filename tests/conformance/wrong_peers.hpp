#pragma once

#include "session_peer.hpp"

#include <map>
#include <set>

/// Peers that are wrong on purpose: against them no row may pass that they break.
namespace conformance_test {

namespace msg = moqt::msg;

/// Says yes to every request, and minds nothing else.
class yes_sayer {
public:
    explicit yes_sayer(side& to) : to_{&to} {}

    void take(moqt::stream_id stream, bytes data) {
        auto& kept = streams_[stream];
        kept.insert(kept.end(), data.begin(), data.end());
        const auto& rules = to_->rules();
        for (;;) {
            const bytes left{kept};
            const auto type = decode_varint(rules.varint, left.data(), left.size());
            if (type.size == 0 || left.size() < type.size + 2) return;
            const auto size = static_cast<std::size_t>(load_be<2>(left.subspan(type.size)));
            if (left.size() < type.size + 2 + size) return;
            octets body{left.begin() + static_cast<std::ptrdiff_t>(type.size + 2),
                        left.begin() + static_cast<std::ptrdiff_t>(type.size + 2 + size)};
            kept.erase(kept.begin(),
                       kept.begin() + static_cast<std::ptrdiff_t>(type.size + 2 + size));
            answer(stream, type.value, body);
        }
    }
    /// The yes to a request, when it is one.
    [[nodiscard]] static octets yes_to(const moqt::wire_rules& rules, std::uint64_t type,
                                       moqt::request_id id) {
        const auto framed_of = [&](const auto& m) {
            using M = std::remove_cvref_t<decltype(m)>;
            return framed(rules, M::code(rules), body_of(rules, m));
        };
        if (type == msg::subscribe::code(rules))
            return framed_of(msg::subscribe_ok{id, 900 + id, {}, {}});
        if (type == msg::fetch::code(rules)) return framed_of(msg::fetch_ok{id, 0, {9, 0}, {}, {}});
        if (type == msg::publish::code(rules) && !rules.publish_ok_is_request_ok)
            return framed_of(msg::publish_ok{id, {}});
        const auto plain = [&]<class M>(M m) {
            m.request_id = id;
            return framed_of(m);
        };
        if (!rules.unified_errors) {
            if (type == msg::publish_namespace::code(rules))
                return plain(msg::publish_namespace_ok{});
            if (type == msg::subscribe_namespace::code(rules))
                return plain(msg::subscribe_namespace_ok{});
            if (type == msg::track_status::code(rules)) return plain(msg::track_status_ok{});
            return {};
        }
        for (const auto one :
             {msg::publish::code(rules), msg::publish_namespace::code(rules),
              msg::subscribe_namespace::code(rules), msg::subscribe_tracks::code(rules),
              msg::track_status::code(rules), msg::request_update::code(rules)})
            if (one == type && one != moqt::no_code) return framed_of(msg::request_ok{id, {}, {}});
        return {};
    }

private:
    void answer(moqt::stream_id stream, std::uint64_t type, bytes body) {
        const auto& rules = to_->rules();
        if (type == msg::client_setup::code(rules))
            return to_->on_stream(
                0,
                framed(rules, msg::server_setup::code(rules),
                       body_of(rules, msg::server_setup{options(), rules.version})),
                false);
        if (type == msg::setup::code(rules))
            return to_->on_stream(3, framed(rules, type, body_of(rules, msg::setup{options()})),
                                  false);
        const auto id = decode_varint(rules.varint, body.data(), body.size());
        const auto yes = yes_to(rules, type, id.value);
        if (!yes.empty() && !moqt::is_unidirectional(stream)) to_->on_stream(stream, yes, false);
    }
    [[nodiscard]] moqt::setup_options options() const {
        moqt::setup_options out;
        if (to_->rules().request_credit) out.max_request_id = 1000;
        out.max_auth_token_cache_size = 4096;
        return out;
    }

    side* to_;
    std::map<moqt::stream_id, octets> streams_{};
};

/// A peer without a relay behind it.
class plain_peer : public peer {
public:
    enum class manner : std::uint8_t {
        silent,       ///< one good connection, then nothing at all
        falls_silent, ///< SETUP and one answer on each connection
        says_yes,     ///< to everything
        rude,         ///< yes, but not as a peer may
    };
    plain_peer(moqt::draft version, manner how) : peer{version}, how_{how} {}

protected:
    void opened(std::size_t index) override {
        if (sayers_.size() <= index) sayers_.resize(index + 1);
        sayers_[index] = std::make_unique<yes_sayer>(at(index));
    }
    void take(std::size_t index, output& what) override {
        if (what.what != output::kind::data) return;
        const auto number = taken_[index]++;
        if (how_ == manner::silent && index != 0) return;
        if (how_ == manner::falls_silent && number >= 2) return;
        if (how_ == manner::rude && rude(index, number, what)) return;
        sayers_[index]->take(what.stream, what.data);
        poke(index);
    }
    bool deliver(std::size_t) override { return false; }
    void dropped(std::size_t) override {}

private:
    /// SETUP with PATH and AUTHORITY; no patience with a SETUP that is unlike the first; unknown
    /// messages, parameters twice, and requests to those who leave.
    bool rude(std::size_t index, int number, const output& what) {
        const auto& r = rules();
        auto& to = at(index);
        if (number == 0) {
            if (usual_ == 0) usual_ = what.data.size();
            if (what.data.size() != usual_) return end(index, 0x3, "what is that?"), true;
            moqt::setup_options options;
            if (r.request_credit) options.max_request_id = 1000;
            options.path = as_bytes("/mine");
            options.authority = as_bytes("me");
            const bool one = r.setup == moqt::setup_form::symmetric;
            to.on_stream(one ? 3 : 0,
                         one ? framed(r, msg::setup::code(r), body_of(r, msg::setup{options}))
                             : framed(r, msg::server_setup::code(r),
                                      body_of(r, msg::server_setup{options, r.version})),
                         false);
            const auto twice = raw{r, body_before_parameters(r, msg::subscribe_ok{700, 1, {}, {}})}
                                   .count(2)
                                   .number(r.fixed_request_fields ? 0x02 : 0x08, 5)
                                   .number(r.fixed_request_fields ? 0x02 : 0x08, 5)
                                   .take();
            to.on_stream(r.request_streams ? 401 : 0, framed(r, 0x4, twice), false);
            to.on_stream(r.request_streams ? 401 : 0, framed(r, 0x3f7, {}), false);
            if (r.request_streams) { // a type behind the last
                const auto back =
                    raw{r, body_before_parameters(r, msg::subscribe_ok{701, 1, {}, {}})};
                to.on_stream(417,
                             framed(r, msg::subscribe_ok::code(r),
                                    raw{back}.v(2).v(8).v(5).v(UINT64_MAX - 5).v(5).take()),
                             false);
            }
            poke(index);
            return true;
        }
        if (what.data.size() > 1 && what.data[0] == std::byte{0x10}) {
            const auto space = space_of("late");
            to.on_stream(r.request_streams ? 405 : 0,
                         framed(r, msg::subscribe::code(r),
                                body_of(r, msg::subscribe{1, space.view(), as_bytes("t"), {}})),
                         false);
        }
        return false;
    }

    manner how_;
    std::vector<std::unique_ptr<yes_sayer>> sayers_{};
    std::map<std::size_t, int> taken_{};
    std::size_t usual_ = 0;
};

/// The messages in what a stream carries, when it is whole messages and nothing else.
inline std::vector<std::pair<std::uint64_t, octets>> messages_in(const moqt::wire_rules& rules,
                                                                 bytes left) {
    std::vector<std::pair<std::uint64_t, octets>> out;
    while (!left.empty()) {
        const auto type = decode_varint(rules.varint, left.data(), left.size());
        if (type.size == 0 || left.size() < type.size + 2) return {};
        const auto size = static_cast<std::size_t>(load_be<2>(left.subspan(type.size)));
        if (left.size() < type.size + 2 + size) return {};
        const auto body = left.subspan(type.size + 2, size);
        out.push_back({type.value, {body.begin(), body.end()}});
        left = left.subspan(type.size + 2 + size);
    }
    return out;
}

inline bool is_refusal(const moqt::wire_rules& rules, std::uint64_t type) {
    return msg::name_of(rules, type).ends_with("_ERROR");
}
/// A refusal that has its request's number in front of the code, with another code.
inline octets with_other_code(const moqt::wire_rules& rules, bytes body) {
    const auto id = decode_varint(rules.varint, body.data(), body.size());
    const auto rest = body.subspan(id.size);
    const auto code = decode_varint(rules.varint, rest.data(), rest.size());
    return raw{rules}.v(id.value).v(code.value == 1 ? 3 : 1).append(rest.subspan(code.size)).take();
}

/// Closes, refuses and ends with other codes than it should.
template <class Base>
class wrong_codes : public Base {
public:
    using Base::Base;

protected:
    bool change_close(std::size_t, std::uint64_t& code) override {
        code = code == 0x11 ? 0x12 : 0x11; // a timeout, of all things
        return true;
    }
    bool change_reset(std::size_t, moqt::stream_id, std::uint64_t& code) override {
        code += 0x100;
        return false;
    }
    void change_data(std::size_t index, moqt::stream_id stream, octets& data, bool&) override {
        if (moqt::is_unidirectional(stream)) return;
        const auto all = messages_in(this->rules(), data);
        if (all.empty()) return;
        data.clear();
        for (auto [type, body] : all) {
            if (is_refusal(this->rules(), type) && !this->rules().unified_errors)
                body = with_other_code(this->rules(), body);
            if (type == msg::request_error::code(this->rules()))
                if (auto m = moqt::parse<msg::request_error>(this->rules(), body)) {
                    m->error_code = m->error_code == 1 ? 3 : 1;
                    m->target.reset();
                    body = body_of(this->rules(), *m);
                }
            if (type == msg::publish_done::code(this->rules()))
                if (auto m = moqt::parse<msg::publish_done>(this->rules(), body)) {
                    m->status_code = 1;
                    m->stream_count += 7;
                    body = body_of(this->rules(), *m);
                }
            const auto one = framed(this->rules(), type, body);
            data.insert(data.end(), one.begin(), one.end());
        }
        (void)index;
    }
};

/// Never closes and never refuses: it accepts what it must not.
template <class Base>
class lenient : public Base {
public:
    using Base::Base;

protected:
    void opened(std::size_t index) override {
        Base::opened(index);
        if (sayers_.size() <= index) sayers_.resize(index + 1);
    }
    void take(std::size_t index, output& what) override {
        if (what.what == output::kind::data && !moqt::is_unidirectional(what.stream))
            for (const auto& [type, body] : messages_in(this->rules(), what.data)) {
                const auto id = decode_varint(this->rules().varint, body.data(), body.size());
                types_[index][{what.stream, id.value}] = type;
                if (this->rules().request_streams)
                    types_[index].try_emplace({what.stream, 0}, type);
            }
        if (!sayers_[index]) return Base::take(index, what);
        if (what.what != output::kind::data) return;
        sayers_[index]->take(what.stream, what.data);
        this->poke(index);
    }
    bool change_close(std::size_t index, std::uint64_t&) override {
        sayers_[index] = std::make_unique<yes_sayer>(this->at(index));
        return false;
    }
    void change_data(std::size_t index, moqt::stream_id stream, octets& data, bool& fin) override {
        if (moqt::is_unidirectional(stream)) return;
        const auto all = messages_in(this->rules(), data);
        if (all.empty()) return;
        data.clear();
        for (const auto& [type, body] : all) {
            auto one = framed(this->rules(), type, body);
            if (is_refusal(this->rules(), type)) {
                std::uint64_t id = 0;
                if (!this->rules().request_streams)
                    id = decode_varint(this->rules().varint, body.data(), body.size()).value;
                one = yes_sayer::yes_to(this->rules(), types_[index][{stream, id}], id);
                fin = false;
            }
            data.insert(data.end(), one.begin(), one.end());
        }
    }

private:
    std::vector<std::unique_ptr<yes_sayer>> sayers_{};
    std::map<std::size_t, std::map<std::pair<moqt::stream_id, std::uint64_t>, std::uint64_t>>
        types_{};
};

/// Changes what passes through it: payloads, ends of streams, datagrams.
template <class Base>
class meddling : public Base {
public:
    using Base::Base;

protected:
    void change_data(std::size_t index, moqt::stream_id stream, octets& data, bool& fin) override {
        if (!moqt::is_unidirectional(stream) || data.empty() ||
            stream == this->at(index).their_control)
            return;
        data.back() ^= std::byte{0x20};
        fin = false;
    }
    bool change_reset(std::size_t index, moqt::stream_id stream, std::uint64_t&) override {
        this->at(index).on_stream(stream, {}, true);
        return true;
    }
    bool change_datagram(octets&) override { return false; }
};

/// Leaves messages of some types out.
template <class Base>
class forgetful : public Base {
public:
    template <class... Arguments>
    explicit forgetful(std::set<std::string_view> names, Arguments... arguments)
        : Base{arguments...}, names_{std::move(names)} {}

protected:
    void change_data(std::size_t, moqt::stream_id stream, octets& data, bool&) override {
        if (moqt::is_unidirectional(stream)) return;
        const auto all = messages_in(this->rules(), data);
        if (all.empty()) return;
        data.clear();
        for (const auto& [type, body] : all) {
            if (names_.contains(msg::name_of(this->rules(), type))) continue;
            const auto one = framed(this->rules(), type, body);
            data.insert(data.end(), one.begin(), one.end());
        }
    }

private:
    std::set<std::string_view> names_;
};

/// Says everything twice, and offers everybody a track.
template <class Base>
class talkative : public Base {
public:
    using Base::Base;

protected:
    void change_data(std::size_t index, moqt::stream_id stream, octets& data, bool&) override {
        if (moqt::is_unidirectional(stream)) {
            // What it says on data streams, too: each subgroup on two of them.
            if (stream != this->at(index).their_control && stream > 3)
                this->at(index).on_stream(stream + 4096, data, false);
            return;
        }
        const auto all = messages_in(this->rules(), data);
        if (all.empty() || all.front().first == msg::server_setup::code(this->rules())) return;
        const auto once = data;
        data.insert(data.end(), once.begin(), once.end());
        if (!offered_.insert(index).second) return;
        const auto space = space_of("nobody", "asked");
        const auto body =
            body_of(this->rules(), msg::publish{1001, space.view(), as_bytes("track"), 5, {}, {}});
        this->at(index).on_stream(this->rules().request_streams ? 401 : 0,
                                  framed(this->rules(), msg::publish::code(this->rules()), body),
                                  false);
    }

private:
    std::set<std::size_t> offered_{};
};

} // namespace conformance_test
