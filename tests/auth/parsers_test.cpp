// Every parser of auth against input that is nearly right: cut at every byte, and with every single
// bit turned. What comes out is an error, or a value that is written and read again as itself; no
// signature is accepted over it, and no other key accepts the signature.
#include "support.hpp"

#include <moqrtc/auth/cat.hpp>
#include <moqrtc/auth/cbor.hpp>
#include <moqrtc/auth/claims.hpp>
#include <moqrtc/auth/cose.hpp>
#include <moqrtc/auth/jwk.hpp>
#include <moqrtc/auth/jws.hpp>
#include <moqrtc/core/base64.hpp>

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {
namespace {

using test::crypto;
using test::now;
using test::pair_of;

/// What a parser made of its input, as one text; an error's offset lies within the input.
using reading = result<std::string>;

/// A parser with an input that it takes.
struct row {
    std::string name;
    std::string seed;
    std::function<reading(std::string_view)> read;
    /// Whether the input says itself where it ends, so that no beginning of it is one.
    bool ends_by_itself = true;
};

/// `reading` of a value that has a writer: written and read again it is the same text.
template <class Value, class Write, class Read>
reading written(const result<Value>& value, Write write, Read read) {
    if (!value) return std::unexpected(value.error());
    const auto once = write(*value);
    const auto again = read(once);
    EXPECT_EQ(again ? write(*again) : "an error", once);
    return once;
}

std::string b64(bytes data) {
    return base64_encode(data, base64_alphabet::url);
}

reading jwk_text(std::string_view text) {
    return written(
        read_jwk(text), [](const jwk& key) { return write_jwk(key, key_part::private_part); },
        [](const std::string& again) { return read_jwk(again); });
}
reading jwks_text(std::string_view text) {
    const auto all = read_jwks(text);
    if (!all) return std::unexpected(all.error());
    std::string out;
    for (const auto& key : *all)
        out += write_jwk(key, key_part::private_part);
    return out;
}
reading jws_text(std::string_view text) {
    const auto parsed = read_jws(text);
    if (!parsed) return std::unexpected(parsed.error());
    const auto again =
        b64(parsed->header) + '.' + b64(parsed->payload) + '.' + b64(parsed->signature);
    EXPECT_EQ(again, text) << "a second spelling of the same token";
    return again;
}
reading claims_text(std::string_view text) {
    return written(
        read_claims(as_bytes(text)), [](const claims& all) { return write_claims(all); },
        [](const std::string& again) { return read_claims(as_bytes(again)); });
}
reading cose_text(std::string_view text) {
    const auto parsed = read_cose(as_bytes(text));
    if (!parsed) return std::unexpected(parsed.error());
    return std::string{to_string(parsed->algorithm)} + parsed->key_id + '.' + b64(parsed->payload) +
           '.' + b64(parsed->signature) + '.' + b64(parsed->signed_part);
}
reading cat_text(std::string_view text) {
    auto read = read_cat_claims(as_bytes(text));
    if (!read) return std::unexpected(read.error());
    // What is not written: restrictions, fractions of a second, scopes of unknown actions only.
    read->restrictions.clear();
    read->revalidate.reset();
    std::erase_if(read->scopes, [](const scope& one) { return one.actions.empty(); });
    const auto once = write_cat_claims(*read);
    const auto again = read_cat_claims(once);
    EXPECT_TRUE(again && *again == *read) << hex_encode(once);
    return std::string{as_text(once)};
}
/// One item and nothing behind it, whatever is in it.
reading cbor_item(std::string_view text) {
    cbor_reader io{as_bytes(text)};
    const auto item = io.skip(8);
    io.expect_end("item");
    if (!io.ok()) return std::unexpected(io.failure());
    EXPECT_EQ(item.size(), text.size());
    return std::string{as_text(item)};
}

claims all_claims() {
    claims out;
    out.issuer = "https://auth.example.com";
    out.subject = "viewer";
    out.audience = {"relay", "api"};
    out.expires = now + 60;
    out.not_before = now;
    out.issued = now;
    out.token_id = "t";
    out.call_id = "c";
    out.role = "publisher";
    out.transport = {{"moq", "webrtc"}};
    out.capabilities = {std::string{media_broadcast}};
    return out;
}
std::vector<std::byte> all_cat_claims() {
    using kind = name_match::kind;
    cat_claims out;
    out.issuer = "issuer";
    out.audience = {"relay"};
    out.expires = now + 60;
    out.token_id.assign(4, std::byte{7});
    out.revalidate = 300;
    out.scopes = {{{action::subscribe, action::fetch},
                   {{kind::exact, "stream"}, {kind::prefix, "ac"}},
                   true,
                   name_match{kind::suffix, "-audio"}},
                  {{action::publish}, {}, false, {}}};
    return write_cat_claims(out);
}
std::string cat_token(signature_algorithm algorithm, cose_form form) {
    const auto& own = pair_of(algorithm);
    const auto made =
        write_cose(crypto(), *own.handle, algorithm, own.key.id, all_cat_claims(), form);
    return made ? std::string{as_text(*made)} : std::string{};
}
std::string playback(signature_algorithm algorithm) {
    const auto made = mint(crypto(), pair_of(algorithm).by(), playback_token{"acme", "show"}, now);
    return made ? made->token : std::string{};
}

std::vector<row> parsers() {
    std::vector<row> out;
    for (const auto one : {signature_algorithm::eddsa, signature_algorithm::es256,
                           signature_algorithm::rs256, signature_algorithm::hs256}) {
        const auto name = std::string{to_string(one)};
        const auto part =
            one == signature_algorithm::rs256 ? key_part::public_part : key_part::private_part;
        out.push_back({"JWK " + name, write_jwk(pair_of(one).key, part), jwk_text});
        out.push_back({"JWS " + name, playback(one), jws_text, false});
        out.push_back({"COSE " + name, cat_token(one, cose_form::binary), cose_text});
    }
    out.push_back({"JWK set",
                   write_jwks({pair_of(signature_algorithm::eddsa).key,
                               pair_of(signature_algorithm::es256).key}),
                   jwks_text});
    out.push_back({"claims", write_claims(all_claims()), claims_text});
    out.push_back(
        {"COSE text", cat_token(signature_algorithm::hs256, cose_form::text), cose_text, false});
    const auto cat = all_cat_claims();
    out.push_back({"CAT claims", std::string{as_text(cat)}, cat_text});
    out.push_back({"CBOR", std::string{as_text(cat)}, cbor_item});
    return out;
}

/// Every text that is `seed` with one bit turned.
template <class Use>
void each_flip(const std::string& seed, Use use) {
    auto text = seed;
    for (std::size_t at = 0; at < seed.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            text[at] = static_cast<char>(static_cast<unsigned char>(seed[at]) ^ (1U << bit));
            use(std::string_view{text}, at);
            text[at] = seed[at];
        }
}

void expect_in_order(const reading& got, std::size_t size, const std::string& name) {
    if (got) return;
    EXPECT_NE(got.error().code, errc::ok) << name;
    EXPECT_LE(got.error().offset, size) << name;
}

TEST(auth_parsers, input_that_is_cut_is_an_error) {
    for (const auto& one : parsers()) {
        ASSERT_TRUE(one.read(one.seed)) << one.name << ' ' << one.seed;
        for (std::size_t size = 0; size < one.seed.size(); ++size) {
            const auto got = one.read(std::string_view{one.seed}.substr(0, size));
            expect_in_order(got, size, one.name);
            EXPECT_FALSE(got && one.ends_by_itself) << one.name << ' ' << size;
        }
    }
}

TEST(auth_parsers, input_with_a_bit_turned_is_an_error_or_another_value_that_holds) {
    for (const auto& one : parsers())
        each_flip(one.seed, [&](std::string_view text, std::size_t) {
            expect_in_order(one.read(text), text.size(), one.name); // the readings check the rest
        });
}

TEST(auth_parsers, no_signature_is_accepted_over_anything_else) {
    auto keys = std::make_shared<key_set>();
    for (const auto one : all_algorithms)
        ASSERT_TRUE(keys->add(crypto(), pair_of(one).key));
    verifier checks{crypto(), {.audiences = {"relay"}}};
    checks.use(std::shared_ptr<const key_set>{keys});
    for (const auto algorithm : {signature_algorithm::eddsa, signature_algorithm::es256,
                                 signature_algorithm::rs256, signature_algorithm::hs256}) {
        const auto form =
            algorithm == signature_algorithm::hs256 ? cose_form::text : cose_form::binary;
        for (const auto& token : {playback(algorithm), cat_token(algorithm, form)}) {
            ASSERT_TRUE(checks.verify(token, now)) << to_string(algorithm);
            for (std::size_t size = 0; size < token.size(); ++size)
                EXPECT_FALSE(checks.verify(std::string_view{token}.substr(0, size), now)) << size;
            each_flip(token, [&](std::string_view text, std::size_t at) {
                EXPECT_FALSE(checks.verify(text, now)) << to_string(algorithm) << ' ' << at;
            });
        }
    }
}

TEST(auth_parsers, no_other_key_accepts_the_signature) {
    for (const auto algorithm : {signature_algorithm::eddsa, signature_algorithm::es256,
                                 signature_algorithm::rs256, signature_algorithm::hs256}) {
        const auto& own = pair_of(algorithm);
        const auto message = as_bytes("message");
        const auto signature = crypto().sign(*own.handle, algorithm, message);
        ASSERT_TRUE(signature);
        const bool secret = own.key.numbers.kind == key_kind::secret;
        const auto same = thumbprint(crypto(), own.key.numbers);
        // To take in a key of RSA takes its time: one bit of some is enough.
        const std::size_t every = algorithm == signature_algorithm::rs256 ? 29 : 1;
        std::size_t turned = 0;
        std::size_t others = 0;
        each_flip(write_jwk(own.key, secret ? key_part::private_part : key_part::public_part),
                  [&](std::string_view text, std::size_t at) {
                      if (turned++ % every != 0) return;
                      const auto key = read_jwk(text);
                      if (!key || thumbprint(crypto(), key->numbers) == same) return;
                      const auto handle = crypto().import_key(key->numbers);
                      if (!handle) return;
                      ++others;
                      EXPECT_FALSE(crypto().verify(**handle, algorithm, message, *signature))
                          << to_string(algorithm) << ' ' << at;
                  });
        // A point of P-256 with one bit turned lies beside the curve.
        EXPECT_EQ(others == 0, algorithm == signature_algorithm::es256) << to_string(algorithm);
    }
}

} // namespace
} // namespace moqrtc::auth
