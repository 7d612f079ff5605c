#include "rows.hpp"

#include <array>

// Authorization tokens: every one travels in a PUBLISH_NAMESPACE, which every draft allows.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

constexpr std::uint64_t token_type = 0x03;

/// Announces a namespace of its own with these tokens, each made by hand.
request announces(stage& s, side& at, std::initializer_list<octets> tokens, const char* note) {
    const auto id = at.next_id();
    const auto space = s.space("token" + std::to_string(id));
    auto body = announcement(at, id, space);
    body.count(tokens.size());
    for (const auto& token : tokens)
        body.data(token_type, token);
    return at.ask_body<msg::publish_namespace>(id, body.get(), note);
}
octets registers(const wire_rules& rules, std::uint64_t alias, std::string_view value) {
    return token_bytes(rules, {alias_type::register_alias, alias, 0, as_bytes(value)});
}
octets removes(const wire_rules& rules, std::uint64_t alias) {
    return token_bytes(rules, {alias_type::delete_alias, alias, 0, {}});
}
octets uses(const wire_rules& rules, std::uint64_t alias) {
    return token_bytes(rules, {alias_type::use_alias, alias, 0, {}});
}
request one(stage& s, side& at, const octets& token, const char* note) {
    return announces(s, at, {token}, note);
}
/// The peer keeps tokens, or the row has nothing to stand on.
std::uint64_t cache_of(const side& at) {
    const auto size = peer_options(at).max_auth_token_cache_size.value_or(0);
    if (size < 64) throw inconclusive{"the peer keeps no tokens: MAX_AUTH_TOKEN_CACHE_SIZE"};
    return size;
}

task<verdict> broken_token(stage& s) {
    for (const bool unknown : {true, false}) {
        auto* at = co_await ready(s);
        raw token{at->rules()};
        unknown ? token.v(9).v(1) : token.v(1);
        one(s, *at, token.get(), unknown ? "a token of alias type 9" : "REGISTER cut short");
        auto v = co_await closes(s, at, close_code::key_value_formatting_error);
        if (v.what != verdict::kind::pass) co_return v;
    }
    co_return pass();
}
task<verdict> registered_twice(stage& s) {
    auto* at = co_await ready(s);
    (void)cache_of(*at);
    const auto token = registers(at->rules(), 5, "one");
    const auto first = one(s, *at, token, "REGISTER of alias 5");
    co_await answer_to(s, at, first);
    if (at->closed) throw inconclusive{"the session ended at the first REGISTER"};
    one(s, *at, token, "REGISTER of alias 5 again");
    co_return co_await closes(s, at, close_code::duplicate_auth_token_alias);
}
task<verdict> cache_overflows(stage& s) {
    auto* at = co_await ready(s);
    const auto size = peer_options(*at).max_auth_token_cache_size.value_or(0);
    constexpr std::uint64_t each = 8000;
    if (size > 8'000'000)
        throw inconclusive{"the peer's token cache is larger than a row can fill"};
    std::uint64_t alias = 1;
    std::uint64_t used = 0;
    for (; used + each + 16 <= size; used += each + 16) {
        const auto r = one(s, *at, registers(at->rules(), alias++, std::string(each, 't')),
                           "REGISTER that fits");
        co_await answer_to(s, at, r);
        if (at->closed) throw inconclusive{"the session ended at a REGISTER that fits"};
    }
    const auto left = static_cast<std::size_t>(size - used);
    one(s, *at, registers(at->rules(), alias, std::string(left, 't')),
        "REGISTER that does not fit any more");
    co_return co_await closes(s, at, close_code::auth_token_cache_overflow);
}
task<verdict> unknown_alias(stage& s) {
    auto* at = co_await ready(s);
    const auto r = one(s, *at, uses(at->rules(), 77), "USE_ALIAS of an alias that is not there");
    auto v = co_await rejects(s, at, r, std::nullopt);
    if (v.what != verdict::kind::pass) co_return v;
    const auto d = one(s, *at, removes(at->rules(), 78), "DELETE of an alias that is not there");
    co_return co_await rejects(s, at, d, std::nullopt);
}
task<verdict> registered_by_a_failure(stage& s) {
    auto* at = co_await ready(s);
    (void)cache_of(*at);
    // The second token makes the message fail; the first one counts nevertheless.
    const auto first = registers(at->rules(), 6, "kept");
    const auto bad = uses(at->rules(), 99);
    const auto r = announces(s, *at, {first, bad}, "REGISTER beside an unknown alias");
    const auto* m = co_await answer_to(s, at, r);
    if (m == nullptr || !is_error(*at, *m))
        co_return undecided("the message with the REGISTER does not fail");
    one(s, *at, first, "REGISTER of the same alias");
    co_return co_await closes(s, at, close_code::duplicate_auth_token_alias);
}
task<verdict> deleted(stage& s) {
    auto* at = co_await ready(s);
    const auto size = cache_of(*at);
    if (size > 8'000'000)
        throw inconclusive{"the peer's token cache is larger than a row can fill"};
    // More in sum than the cache holds: only what DELETE releases makes room.
    const auto each = std::min<std::uint64_t>(size - 16, 8000);
    const auto rounds = size / each + 2;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        const auto token = registers(at->rules(), 3, std::string(each, 't'));
        const auto added = one(s, *at, token, "REGISTER of alias 3");
        co_await answer_to(s, at, added);
        const auto gone = one(s, *at, removes(at->rules(), 3), "DELETE of alias 3");
        co_await answer_to(s, at, gone);
        if (at->closed) co_return co_await goes_on(s, at);
    }
    const auto r = one(s, *at, uses(at->rules(), 3), "USE_ALIAS of what was deleted");
    auto v = co_await rejects(s, at, r, std::nullopt);
    if (v.what == verdict::kind::pass) v.reason = "retired, and its size released";
    co_return v;
}

constexpr std::array table{
    row{"MUST-18-026", fits::all, broken_token},
    row{"MUST-18-027", fits::all, registered_twice},
    row{"MUST-18-028", fits::all, cache_overflows},
    row{"MUST-18-080", fits::all, unknown_alias},
    row{"MUST-18-122", fits::all, registered_by_a_failure},
    row{"MUST-18-124", fits::all, deleted},
};

} // namespace

std::span<const row> token_rows() {
    return table;
}

} // namespace moqrtc::conformance
