// Any bytes as a Common Access Token, and as the claims of one whose MAC is good. What parses says
// the same when it is written again; a grant is never more than its scopes, and lies within its
// time.
#include "auth_stage.hpp"

#include <cstdint>

namespace {

using namespace moqrtc;
using namespace moqrtc::auth;
using fuzz::now;
using fuzz::require;
using stage = fuzz::auth_stage;

void token(bytes in, stage& on) {
    const auto parsed = read_cose(in);
    if (!parsed) require(parsed.error().offset <= in.size());
    if (!parsed) require(!on.checks.verify(token_type_cat, in, now));
}

void signed_claims(bytes in, stage& on) {
    const auto read = read_cat_claims(in);
    if (!read) require(read.error().offset <= in.size());
    if (read) {
        auto plain = *read;
        plain.restrictions.clear();
        if (plain.revalidate && *plain.revalidate < 1e9)
            plain.revalidate = static_cast<double>(static_cast<std::int64_t>(*plain.revalidate));
        else
            plain.revalidate.reset();
        const auto again = read_cat_claims(write_cat_claims(plain));
        // Actions that are not registered yet are dropped; a scope may be left with none.
        bool whole = true;
        for (const auto& one : plain.scopes)
            whole = whole && !one.actions.empty();
        require(!whole || (again.has_value() && *again == plain));
    }
    for (const auto form : {cose_form::binary, cose_form::text}) {
        const auto made = write_cose(on.crypto, *on.key, signature_algorithm::hs256, "k", in, form);
        require(made.has_value());
        const auto got = on.checks.verify(token_type_cat, *made, now);
        if (!got) continue;
        require(read.has_value() && read->restrictions.empty() && read->thumbprint.empty());
        const auto& one = **got;
        require(one.holds(now) && one.kind == profile::c4m && one.scopes == read->scopes);
        require(!read->expires || one.expires == *read->expires);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static stage on{"https://relay.example.com"};
    const auto in = std::as_bytes(std::span{data, size});
    token(in, on);
    if (size <= 4000) signed_claims(in, on);
    return 0;
}
