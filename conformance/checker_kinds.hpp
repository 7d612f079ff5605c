#pragma once

#include "checkers.hpp"
#include "rows/rows.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What checkers are made of.
namespace moqrtc::conformance {

inline constexpr unsigned publishing = fits::relay | fits::publisher;

/// A checker that is one function.
template <class Look>
class simple final : public checker {
public:
    simple(std::string_view key, unsigned peers, Look look)
        : checker{key, peers}, look_{std::move(look)} {}
    void look(const side& at, std::string_view where) override {
        look_(at, [this] { occasion(); }, [&](std::string what) { wrong(where, std::move(what)); });
    }

private:
    Look look_;
};
template <class Look>
void add(std::vector<std::unique_ptr<checker>>& to, std::string_view key, unsigned peers,
         Look look) {
    to.push_back(std::make_unique<simple<Look>>(key, peers, std::move(look)));
}

/// The peer's messages of type `M` that parse.
template <class M, class Visit>
void each(const side& at, Visit&& visit) {
    if (M::code(at.rules()) == moqt::no_code) return;
    for (const auto& m : at.inbox)
        if (m.type == M::code(at.rules()))
            if (const auto parsed = moqt::parse<M>(at.rules(), m.body)) visit(*parsed, m);
}
/// Why a message of the peer does not parse; `errc::ok` when it does.
inline error problem_of(const side& at, const inbound& m) {
    error out{};
    moqt::msg::all::dispatch(at.rules(), m.type, [&]<class M> {
        const auto parsed = moqt::parse<M>(at.rules(), m.body);
        if (!parsed) out = parsed.error();
    });
    return out;
}

/// Rules about messages, their parameters and the ends of their streams.
void add_message_checkers(std::vector<std::unique_ptr<checker>>& to);

} // namespace moqrtc::conformance
