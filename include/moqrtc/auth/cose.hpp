#pragma once

#include <moqrtc/auth/cbor.hpp>
#include <moqrtc/auth/jws.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/crypto.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::auth {

/// A signed or authenticated CBOR Web Token taken apart; nothing in it is believed yet.
///
/// Spec    RFC 9052 sections 4.2 (COSE_Sign1) and 6.2 (COSE_Mac0), RFC 8392 section 7.
/// Owns    all of it: what is signed is put together from parts.
struct cose {
    signature_algorithm algorithm{};
    std::string key_id{};
    std::vector<std::byte> payload{};
    std::vector<std::byte> signature{};
    std::vector<std::byte> signed_part{};
};

/// How a CAT is put on the wire.
enum class cose_form : std::uint8_t {
    binary, ///< COSE_Sign1 or COSE_Mac0 behind the tag of a CWT
    text,   ///< three parts of base64url with dots, as in the test vectors of draft-ietf-moq-c4m
};

/// Takes a CAT apart, in either form.
///
/// In three parts, what is signed are the first two as text, as in a JWS, and HMAC-SHA-256 has the
/// number -4 in the header: so the test vectors of draft-ietf-moq-c4m have it.
///
/// Errors  limit; what CBOR's reader says; duplicate: a header parameter that stands twice, in
///         either header; unsupported with field "alg", or "crit": one that we do not do;
///         malformed_value: no such structure.
[[nodiscard]] result<cose> read_cose(bytes token, const token_limits& bounds = {});

/// Signs claims. Errors: those of `crypto_provider::sign`; unsupported: no COSE name for it.
[[nodiscard]] result<std::vector<std::byte>>
write_cose(crypto_provider& crypto, const crypto_key& key, signature_algorithm algorithm,
           std::string_view key_id, bytes payload, cose_form form = cose_form::binary);

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* cose_where = "COSE, RFC 9052";
inline constexpr std::int64_t header_alg = 1;
inline constexpr std::int64_t header_crit = 2;
inline constexpr std::int64_t header_kid = 4;
inline constexpr std::int64_t header_typ = 16;
inline constexpr std::uint64_t tag_mac0 = 17;
inline constexpr std::uint64_t tag_sign1 = 18;
inline constexpr std::uint64_t tag_cwt = 61;
inline constexpr std::size_t cbor_depth = 8;
inline constexpr std::size_t header_parameters = 16;

/// The numbers of COSE's algorithms. Spec: RFC 9053 sections 2 and 3.1, RFC 8812 section 2.
[[nodiscard]] MOQRTC_INLINE std::int64_t cose_number(signature_algorithm algorithm) noexcept {
    switch (algorithm) {
    case signature_algorithm::eddsa:
        return -8;
    case signature_algorithm::es256:
        return -7;
    case signature_algorithm::rs256:
        return -257;
    case signature_algorithm::hs256:
        return 5;
    case signature_algorithm::hs384:
        return 6;
    case signature_algorithm::hs512:
        break;
    }
    return 7;
}

/// Reads one header map into `out`; `seen` has the labels of both.
MOQRTC_INLINE result<void> read_header(bytes data, bool in_text, std::vector<std::int64_t>& seen,
                                       bool& has_algorithm, cose& out) {
    cbor_reader io{data};
    const auto count = io.begin(cbor_type::map, "header", header_parameters);
    for (std::size_t i = 0; i < count && io.ok(); ++i) {
        if (io.peek().type == cbor_type::text_string) { // somebody's own parameter
            (void)io.skip(0);
            (void)io.skip(cbor_depth);
            continue;
        }
        const auto label = io.integer("header");
        for (const auto one : seen)
            if (io.ok() && one == label) return fail(errc::duplicate, "header", 0, cose_where);
        seen.push_back(label);
        if (label == header_crit) return fail(errc::unsupported, "crit", 0, cose_where);
        if (label == header_alg) {
            if (io.peek().type == cbor_type::text_string)
                return fail(errc::unsupported, "alg", 0, cose_where);
            const auto number = io.integer("alg");
            for (const auto one : all_algorithms)
                if (number == cose_number(one)) has_algorithm = true, out.algorithm = one;
            constexpr std::int64_t hmac_in_text = -4;
            if (in_text && number == hmac_in_text)
                has_algorithm = true, out.algorithm = signature_algorithm::hs256;
            if (io.ok() && !has_algorithm) return fail(errc::unsupported, "alg", 0, cose_where);
        } else if (label == header_kid) {
            out.key_id = as_text(io.string(cbor_type::byte_string, "kid", jwk_limits{}.id));
        } else {
            (void)io.skip(cbor_depth);
        }
    }
    io.expect_end("header");
    if (!io.ok()) return std::unexpected(io.failure());
    return {};
}

[[nodiscard]] MOQRTC_INLINE std::vector<std::byte>
cose_to_be_signed(signature_algorithm algorithm, bytes protected_header, bytes payload) {
    cbor_writer io;
    io.head(cbor_type::array, 4);
    io.text(kind_for(algorithm) == key_kind::secret ? "MAC0" : "Signature1");
    io.byte_string(protected_header);
    io.byte_string({}); // nothing from outside is covered
    io.byte_string(payload);
    return io.take();
}

[[nodiscard]] MOQRTC_INLINE result<cose> read_text_cose(std::string_view token,
                                                        const token_limits& bounds) {
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return fail(errc::malformed_value, "token", 0, cose_where);
    const auto header = decode_base64url(token.substr(0, first), bounds.header, "header");
    if (!header) return std::unexpected(header.error());
    cose out;
    std::vector<std::int64_t> seen;
    bool has_algorithm = false;
    if (const auto done = read_header(*header, true, seen, has_algorithm, out); !done)
        return std::unexpected(done.error());
    if (!has_algorithm) return fail(errc::unsupported, "alg", 0, cose_where);
    auto payload =
        decode_base64url(token.substr(first + 1, second - first - 1), bounds.payload, "payload");
    if (!payload) return std::unexpected(payload.error());
    auto signature = decode_base64url(token.substr(second + 1), bounds.signature, "signature");
    if (!signature) return std::unexpected(signature.error());
    out.payload = std::move(*payload);
    out.signature = std::move(*signature);
    const auto covered = as_bytes(token.substr(0, second));
    out.signed_part.assign(covered.begin(), covered.end());
    return out;
}

} // namespace detail

MOQRTC_INLINE result<cose> read_cose(bytes token, const token_limits& bounds) {
    using detail::cose_where;
    if (token.size() > bounds.token) return fail(errc::limit, "token", 0, cose_where);
    if (token.empty()) return fail(errc::truncated, "token", 0, cose_where);
    if (byte_at(token, 0) < 0x80) return detail::read_text_cose(as_text(token), bounds);

    cbor_reader io{token};
    std::uint64_t structure = 0;
    for (int tags = 0; tags < 2 && io.peek().type == cbor_type::tag; ++tags) {
        const auto number = io.head().argument;
        if (tags == 0 && number == detail::tag_cwt) continue;
        if (number != detail::tag_mac0 && number != detail::tag_sign1)
            return fail(errc::unsupported, "tag", 0, cose_where);
        structure = number;
        break;
    }
    if (io.begin(cbor_type::array, "COSE", 4) != 4 && io.ok())
        io.reject(errc::malformed_value, "COSE");
    const auto covered = io.string(cbor_type::byte_string, "protected", bounds.header);
    const auto open = io.skip(detail::cbor_depth);
    const auto payload = io.string(cbor_type::byte_string, "payload", bounds.payload);
    const auto signature = io.string(cbor_type::byte_string, "signature", bounds.signature);
    io.expect_end("COSE");
    if (!io.ok()) return std::unexpected(io.failure());

    cose out;
    std::vector<std::int64_t> seen;
    bool has_algorithm = false;
    if (!covered.empty())
        if (const auto done = detail::read_header(covered, false, seen, has_algorithm, out); !done)
            return std::unexpected(done.error());
    if (!has_algorithm) return fail(errc::unsupported, "alg", 0, cose_where); // only if protected
    auto from_open = out;
    if (const auto done = detail::read_header(open, false, seen, has_algorithm, from_open); !done)
        return std::unexpected(done.error());
    if (out.key_id.empty()) out.key_id = from_open.key_id;
    // A MAC behind the tag of a signature, or the other way round, is a key confusion.
    const bool is_mac = kind_for(out.algorithm) == key_kind::secret;
    if (structure != 0 && is_mac != (structure == detail::tag_mac0))
        return fail(errc::malformed_value, "tag", 0, cose_where);
    out.payload.assign(payload.begin(), payload.end());
    out.signature.assign(signature.begin(), signature.end());
    out.signed_part = detail::cose_to_be_signed(out.algorithm, covered, payload);
    return out;
}

MOQRTC_INLINE result<std::vector<std::byte>>
write_cose(crypto_provider& crypto, const crypto_key& key, signature_algorithm algorithm,
           std::string_view key_id, bytes payload, cose_form form) {
    const bool is_text = form == cose_form::text;
    cbor_writer header;
    header.head(cbor_type::map, key_id.empty() ? 2 : 3);
    header.integer(detail::header_alg);
    header.integer(
        is_text && algorithm == signature_algorithm::hs256 ? -4 : detail::cose_number(algorithm));
    if (!key_id.empty()) {
        header.integer(detail::header_kid);
        header.byte_string(as_bytes(key_id));
    }
    header.integer(detail::header_typ);
    header.text("CAT");
    if (is_text) {
        auto text = base64_encode(header.data(), base64_alphabet::url) + '.' +
                    base64_encode(payload, base64_alphabet::url);
        const auto signature = crypto.sign(key, algorithm, as_bytes(text));
        if (!signature) return std::unexpected(signature.error());
        text += '.' + base64_encode(*signature, base64_alphabet::url);
        const auto out = as_bytes(text);
        return std::vector<std::byte>(out.begin(), out.end());
    }
    const auto signature =
        crypto.sign(key, algorithm, detail::cose_to_be_signed(algorithm, header.data(), payload));
    if (!signature) return std::unexpected(signature.error());
    cbor_writer out;
    out.head(cbor_type::tag, detail::tag_cwt);
    out.head(cbor_type::tag,
             kind_for(algorithm) == key_kind::secret ? detail::tag_mac0 : detail::tag_sign1);
    out.head(cbor_type::array, 4);
    out.byte_string(header.data());
    out.head(cbor_type::map, 0);
    out.byte_string(payload);
    out.byte_string(*signature);
    return out.take();
}
#endif

} // namespace moqrtc::auth
