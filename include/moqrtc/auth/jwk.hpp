#pragma once

#include <moqrtc/auth/scope.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/crypto.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/json/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::auth {

/// The algorithms that a key may be used with.
using algorithm_set = enum_set<signature_algorithm>;

inline constexpr signature_algorithm all_algorithms[] = {
    signature_algorithm::eddsa, signature_algorithm::es256, signature_algorithm::rs256,
    signature_algorithm::hs256, signature_algorithm::hs384, signature_algorithm::hs512};

/// The algorithm of a JOSE name; nothing for `none` and for what we do not do. EdDSA is Ed25519
/// here, which RFC 9864 calls so.
[[nodiscard]] constexpr std::optional<signature_algorithm>
algorithm_named(std::string_view name) noexcept {
    if (name == "Ed25519") return signature_algorithm::eddsa;
    for (const auto one : all_algorithms)
        if (to_string(one) == name) return one;
    return std::nullopt;
}
/// The algorithms that a key may be used with if nobody says more: those of its kind, and of HMAC
/// those whose hash is not longer than the secret (RFC 7518 section 3.2).
[[nodiscard]] inline algorithm_set algorithms_for(const key_numbers& key) noexcept {
    algorithm_set out;
    for (const auto one : all_algorithms) {
        if (kind_for(one) != key.kind) continue;
        const std::size_t least = one == signature_algorithm::hs512   ? 64
                                  : one == signature_algorithm::hs384 ? 48
                                                                      : 0;
        if (key.d.size() >= least || key.kind != key_kind::secret) out.insert(one);
    }
    return out;
}

/// A JSON Web Key.
///
/// Spec    RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
/// Fields  `algorithms` is `alg` where it stands, else all that go with the kind.
struct jwk {
    std::string id{}; ///< `kid`; empty where there is none
    algorithm_set algorithms{};
    key_numbers numbers{};
};

/// What a key or set of keys may cost its reader. Units: `size` in bytes.
struct jwk_limits {
    std::size_t size = 64 << 10;
    std::size_t keys = 64;
    std::size_t id = 128;
};

/// Reads one key, public or private.
///
/// Errors  what JSON's reader says; limit; bad_value with the member as field: a number that is
///         missing, of the wrong length or not in base64url, an `alg` that does not go with `kty`,
///         `use` or `key_ops` that are not for signatures; unsupported: `kty` or `crv`.
[[nodiscard]] result<jwk> read_jwk(std::string_view text, const jwk_limits& bounds = {});

/// Reads a set, leaving out what it does not understand, as RFC 7517 section 5 asks.
///
/// Errors  as `read_jwk` for JSON and limits; duplicate: two keys of one name.
[[nodiscard]] result<std::vector<jwk>> read_jwks(std::string_view text,
                                                 const jwk_limits& bounds = {});

enum class key_part : std::uint8_t { public_part, private_part };

/// Writes one key; of a shared secret the public part is its name alone.
[[nodiscard]] std::string write_jwk(const jwk& key, key_part part);
/// Writes the public parts as a set: what a JWKS endpoint serves. Leaves shared secrets out.
[[nodiscard]] std::string write_jwks(const std::vector<jwk>& keys);

/// SHA-256 over the key's required members: its name where nobody gave it one.
///
/// Spec    RFC 7638.
[[nodiscard]] sha256_digest thumbprint(crypto_provider& crypto, const key_numbers& numbers);
/// A thumbprint as text: base64url.
[[nodiscard]] std::string thumbprint_text(const sha256_digest& digest);

/// A new key, named by its thumbprint (a secret: by random bytes).
[[nodiscard]] result<jwk> generate_jwk(crypto_provider& crypto, signature_algorithm algorithm);

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* jwk_where = "JWK, RFC 7517";

/// A member that is text, or null.
[[nodiscard]] MOQRTC_INLINE const std::string* text_member(const json_document& object,
                                                           const char* name) {
    const auto found = object.find(name);
    return found == object.end() || !found->is_string()
               ? nullptr
               : found->template get_ptr<const std::string*>();
}

/// Reads a number of a key; absent is empty, and so is what must be there and is not.
[[nodiscard]] MOQRTC_INLINE result<std::vector<std::byte>>
number_member(const json_document& object, const char* name, bool cut_zeros) {
    if (!object.contains(name)) return std::vector<std::byte>{};
    const auto* text = text_member(object, name);
    if (text == nullptr || text->empty()) return fail(errc::bad_value, name, 0, jwk_where);
    if (text->find('=') != std::string::npos) return fail(errc::bad_value, name, 0, jwk_where);
    auto out = base64_decode(*text, base64_alphabet::url);
    if (!out) return fail(errc::bad_value, name, 0, jwk_where);
    const auto first =
        std::find_if(out->begin(), out->end(), [](std::byte one) { return one != std::byte{0}; });
    if (cut_zeros) out->erase(out->begin(), first);
    return out;
}

struct number_place {
    const char* name;
    std::vector<std::byte> key_numbers::* open;
    secret_bytes key_numbers::* secret;
    std::size_t width; ///< 0: as many bytes as it needs
    bool needed;
};

[[nodiscard]] MOQRTC_INLINE std::span<const number_place> places_of(key_kind kind) noexcept {
    using k = key_numbers;
    static constexpr number_place ed25519[] = {{"x", &k::x, nullptr, 32, true},
                                               {"d", nullptr, &k::d, 32, false}};
    static constexpr number_place p256[] = {{"x", &k::x, nullptr, 32, true},
                                            {"y", &k::y, nullptr, 32, true},
                                            {"d", nullptr, &k::d, 32, false}};
    static constexpr number_place rsa[] = {
        {"n", &k::n, nullptr, 0, true},    {"e", &k::e, nullptr, 0, true},
        {"d", nullptr, &k::d, 0, false},   {"p", nullptr, &k::p, 0, false},
        {"q", nullptr, &k::q, 0, false},   {"dp", nullptr, &k::dp, 0, false},
        {"dq", nullptr, &k::dq, 0, false}, {"qi", nullptr, &k::qi, 0, false}};
    static constexpr number_place secret[] = {{"k", nullptr, &k::d, 0, true}};
    switch (kind) {
    case key_kind::ed25519:
        return ed25519;
    case key_kind::p256:
        return p256;
    case key_kind::rsa:
        return rsa;
    case key_kind::secret:
        break;
    }
    return secret;
}

[[nodiscard]] MOQRTC_INLINE std::optional<key_kind> kind_of(const json_document& object) {
    const auto* type = text_member(object, "kty");
    const auto* curve = text_member(object, "crv");
    if (type == nullptr) return std::nullopt;
    if (*type == "OKP" && curve != nullptr && *curve == "Ed25519") return key_kind::ed25519;
    if (*type == "EC" && curve != nullptr && *curve == "P-256") return key_kind::p256;
    if (*type == "RSA") return key_kind::rsa;
    if (*type == "oct") return key_kind::secret;
    return std::nullopt;
}

/// Whether what the key says it is for are signatures.
[[nodiscard]] MOQRTC_INLINE bool is_for_signatures(const json_document& object) {
    if (object.contains("use")) {
        const auto* use = text_member(object, "use");
        if (use == nullptr || *use != "sig") return false;
    }
    const auto operations = object.find("key_ops");
    if (operations == object.end()) return true;
    if (!operations->is_array()) return false;
    for (const auto& one : *operations)
        if (one == "verify" || one == "sign") return true;
    return false;
}

[[nodiscard]] MOQRTC_INLINE result<jwk> read_key(const json_document& object,
                                                 const jwk_limits& bounds) {
    if (!object.is_object()) return fail(errc::bad_value, "key", 0, jwk_where);
    const auto kind = kind_of(object);
    if (!kind) return fail(errc::unsupported, "kty", 0, jwk_where);
    if (!is_for_signatures(object)) return fail(errc::bad_value, "use", 0, jwk_where);
    jwk out;
    out.numbers.kind = *kind;
    if (object.contains("kid")) {
        const auto* id = text_member(object, "kid");
        if (id == nullptr) return fail(errc::bad_value, "kid", 0, jwk_where);
        if (id->size() > bounds.id) return fail(errc::limit, "kid", 0, jwk_where);
        out.id = *id;
    }
    for (const auto& place : places_of(*kind)) {
        auto value = number_member(object, place.name, *kind == key_kind::rsa);
        if (!value) return std::unexpected(value.error());
        if (value->empty() && place.needed) return fail(errc::bad_value, place.name, 0, jwk_where);
        if (!value->empty() && place.width != 0 && value->size() != place.width)
            return fail(errc::bad_value, place.name, 0, jwk_where);
        if (place.secret != nullptr)
            out.numbers.*place.secret = secret_bytes{std::move(*value)};
        else
            out.numbers.*place.open = std::move(*value);
    }
    out.algorithms = algorithms_for(out.numbers);
    if (object.contains("alg")) {
        const auto* name = text_member(object, "alg");
        const auto algorithm = name != nullptr ? algorithm_named(*name) : std::nullopt;
        if (!algorithm || !out.algorithms.contains(*algorithm))
            return fail(errc::bad_value, "alg", 0, jwk_where);
        out.algorithms = {*algorithm};
    }
    return out;
}

[[nodiscard]] MOQRTC_INLINE json_document key_object(const jwk& key, key_part part) {
    auto out = json_document::object();
    if (!key.id.empty()) out["kid"] = key.id;
    constexpr const char* types[] = {"OKP", "EC", "RSA", "oct"};
    out["kty"] = types[static_cast<std::size_t>(key.numbers.kind)];
    if (key.numbers.kind == key_kind::ed25519) out["crv"] = "Ed25519";
    if (key.numbers.kind == key_kind::p256) out["crv"] = "P-256";
    out["use"] = "sig";
    for (const auto one : all_algorithms) // named where there is no choice
        if (key.algorithms == algorithm_set{one}) out["alg"] = to_string(one);
    for (const auto& place : places_of(key.numbers.kind)) {
        if (place.secret != nullptr && part == key_part::public_part) continue;
        const auto value = place.secret != nullptr ? (key.numbers.*place.secret).view()
                                                   : bytes{key.numbers.*place.open};
        if (!value.empty()) out[place.name] = base64_encode(value, base64_alphabet::url);
    }
    return out;
}

[[nodiscard]] MOQRTC_INLINE std::string dump(const json_document& value) {
    return value.dump(-1, ' ', false, json_document::error_handler_t::replace);
}

} // namespace detail

MOQRTC_INLINE result<jwk> read_jwk(std::string_view text, const jwk_limits& bounds) {
    const auto parsed = read_json(as_bytes(text), {bounds.size, 4, 64});
    if (!parsed) return std::unexpected(parsed.error());
    return detail::read_key(*parsed, bounds);
}

MOQRTC_INLINE result<std::vector<jwk>> read_jwks(std::string_view text, const jwk_limits& bounds) {
    const auto parsed = read_json(as_bytes(text), {bounds.size, 6, bounds.keys * 64 + 64});
    if (!parsed) return std::unexpected(parsed.error());
    const auto keys = parsed->is_object() ? parsed->find("keys") : parsed->end();
    if (!parsed->is_object() || keys == parsed->end() || !keys->is_array())
        return fail(errc::bad_value, "keys", 0, detail::jwk_where);
    if (keys->size() > bounds.keys) return fail(errc::limit, "keys", 0, detail::jwk_where);
    std::vector<jwk> out;
    for (const auto& one : *keys) {
        auto key = detail::read_key(one, bounds);
        if (!key) continue;
        for (const auto& other : out)
            if (other.id == key->id) return fail(errc::duplicate, "kid", 0, detail::jwk_where);
        out.push_back(std::move(*key));
    }
    return out;
}

MOQRTC_INLINE std::string write_jwk(const jwk& key, key_part part) {
    return detail::dump(detail::key_object(key, part));
}

MOQRTC_INLINE std::string write_jwks(const std::vector<jwk>& keys) {
    auto list = json_document::array();
    for (const auto& one : keys)
        if (one.numbers.kind != key_kind::secret)
            list.push_back(detail::key_object(one, key_part::public_part));
    auto out = json_document::object();
    out["keys"] = std::move(list);
    return detail::dump(out);
}

MOQRTC_INLINE sha256_digest thumbprint(crypto_provider& crypto, const key_numbers& numbers) {
    const auto text = [](bytes data) { return base64_encode(data, base64_alphabet::url); };
    std::string all;
    switch (numbers.kind) {
    case key_kind::ed25519: // RFC 8037 appendix A.3
        all = R"({"crv":"Ed25519","kty":"OKP","x":")" + text(numbers.x) + "\"}";
        break;
    case key_kind::p256:
        all = R"({"crv":"P-256","kty":"EC","x":")" + text(numbers.x) + R"(","y":")" +
              text(numbers.y) + "\"}";
        break;
    case key_kind::rsa:
        all = R"({"e":")" + text(numbers.e) + R"(","kty":"RSA","n":")" + text(numbers.n) + "\"}";
        break;
    case key_kind::secret:
        all = R"({"k":")" + text(numbers.d.view()) + R"(","kty":"oct"})";
        break;
    }
    const auto digest = crypto.sha256(as_bytes(all));
    wipe(std::as_writable_bytes(std::span{all}));
    return digest;
}

MOQRTC_INLINE std::string thumbprint_text(const sha256_digest& digest) {
    return base64_encode(digest, base64_alphabet::url);
}

MOQRTC_INLINE result<jwk> generate_jwk(crypto_provider& crypto, signature_algorithm algorithm) {
    auto numbers = crypto.generate(kind_for(algorithm));
    if (!numbers) return std::unexpected(numbers.error());
    jwk out{{}, {algorithm}, std::move(*numbers)};
    if (out.numbers.kind != key_kind::secret) {
        out.id = thumbprint_text(thumbprint(crypto, out.numbers));
        return out;
    }
    // Of a secret nothing is told, not even a hash.
    out.numbers.d = secret_bytes{std::size_t{64}};
    std::array<std::byte, 16> id{};
    if (const auto done = crypto.random(out.numbers.d.writable()); !done)
        return std::unexpected(done.error());
    if (const auto done = crypto.random(id); !done) return std::unexpected(done.error());
    out.id = base64_encode(id, base64_alphabet::url);
    return out;
}
#endif

} // namespace moqrtc::auth
