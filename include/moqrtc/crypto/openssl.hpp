#pragma once

#include <moqrtc/core/crypto.hpp>
#include <moqrtc/crypto/openssl_key.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace moqrtc {

/// The provider of cryptography that is shipped: OpenSSL 3.0 or newer.
///
/// Algorithms are fetched once for each object, and contexts are kept; a key is parsed once, when
/// it is imported.
class openssl_crypto final : public crypto_provider {
public:
    openssl_crypto()
        : sha256_{EVP_MD_fetch(nullptr, "SHA256", nullptr)},
          hmac_{EVP_MAC_fetch(nullptr, "HMAC", nullptr)},
          context_{EVP_MD_CTX_new()},
          signing_{EVP_MD_CTX_new()},
          mac_{hmac_ ? EVP_MAC_CTX_new(hmac_.get()) : nullptr} {}

    [[nodiscard]] sha256_digest sha256(bytes data) override {
        sha256_digest out{};
        unsigned size = 0;
        if (EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) != 1 ||
            EVP_DigestUpdate(context_.get(), data.data(), data.size()) != 1 ||
            EVP_DigestFinal_ex(context_.get(), ossl::raw(mutable_bytes{out}), &size) != 1)
            std::abort(); // a digest that is the same for everything would open every door
        return out;
    }

    [[nodiscard]] sha256_digest hmac_sha256(bytes key, bytes data) override {
        sha256_digest out{};
        if (!hmac("SHA256", key, data, out)) std::abort();
        return out;
    }

    [[nodiscard]] result<void> random(mutable_bytes out) override {
        if (RAND_priv_bytes(ossl::raw(out), static_cast<int>(out.size())) != 1)
            return fail(errc::unsupported, "random", 0, where);
        return {};
    }

    [[nodiscard]] result<std::shared_ptr<const crypto_key>>
    import_key(const key_numbers& numbers) override {
        auto done = import_any(numbers);
        ERR_clear_error(); // what a bad key left behind is nobody else's
        return done;
    }

    [[nodiscard]] result<key_numbers> generate(key_kind kind) override {
        key_numbers out;
        out.kind = kind;
        if (kind == key_kind::secret) {
            out.d = secret_bytes{ossl::least_secret};
            if (const auto done = random(out.d.writable()); !done)
                return std::unexpected(done.error());
            return out;
        }
        ossl::pkey made;
        if (kind == key_kind::ed25519)
            made.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        else if (kind == key_kind::p256)
            made.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
        else
            made.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", ossl::least_modulus * 8));
        if (!made) return fail(errc::unsupported, "key", 0, where);
        read_numbers(made.get(), out);
        return out;
    }

    [[nodiscard]] result<std::vector<std::byte>>
    sign(const crypto_key& with, signature_algorithm algorithm, bytes message) override {
        const auto& key = static_cast<const ossl::key&>(with);
        if (key.kind() != kind_for(algorithm) || !key.is_private())
            return fail(errc::bad_state, "key", 0, where);
        if (key.kind() == key_kind::secret) {
            std::vector<std::byte> out(mac_size(algorithm));
            if (!hmac(mac_digest(algorithm), key.secret(), message, out))
                return fail(errc::unsupported, "HMAC", 0, where);
            return out;
        }
        std::size_t size = 0;
        EVP_MD_CTX_reset(signing_.get());
        if (EVP_DigestSignInit(signing_.get(), nullptr, digest_of(algorithm), nullptr,
                               key.handle()) != 1 ||
            EVP_DigestSign(signing_.get(), nullptr, &size, ossl::raw(message), message.size()) != 1)
            return failed("signature");
        std::vector<std::byte> out(size);
        if (EVP_DigestSign(signing_.get(), ossl::raw(mutable_bytes{out}), &size, ossl::raw(message),
                           message.size()) != 1)
            return failed("signature");
        out.resize(size);
        return algorithm == signature_algorithm::es256 ? from_der(out) : out;
    }

    [[nodiscard]] bool verify(const crypto_key& with, signature_algorithm algorithm, bytes message,
                              bytes signature) override {
        const auto& key = static_cast<const ossl::key&>(with);
        if (key.kind() != kind_for(algorithm)) return false;
        if (key.kind() == key_kind::secret) {
            std::array<std::byte, EVP_MAX_MD_SIZE> out{};
            const auto made = mutable_bytes{out}.first(mac_size(algorithm));
            return hmac(mac_digest(algorithm), key.secret(), message, made) &&
                   equal_in_constant_time(made, signature);
        }
        std::array<std::byte, der_size> der{};
        if (algorithm == signature_algorithm::es256) {
            if (signature.size() != 2 * ossl::coordinate) return false;
            signature = to_der(signature, der);
        }
        EVP_MD_CTX_reset(signing_.get());
        const bool good = EVP_DigestVerifyInit(signing_.get(), nullptr, digest_of(algorithm),
                                               nullptr, key.handle()) == 1 &&
                          EVP_DigestVerify(signing_.get(), ossl::raw(signature), signature.size(),
                                           ossl::raw(message), message.size()) == 1;
        if (!good) ERR_clear_error();
        return good;
    }

private:
    static constexpr const char* where = "OpenSSL";
    static constexpr std::size_t der_size = 72; ///< two numbers of 33 bytes and three heads

    [[nodiscard]] static std::unexpected<error> failed(const char* field) noexcept {
        ERR_clear_error();
        return fail(errc::unsupported, field, 0, where);
    }
    [[nodiscard]] static const EVP_MD* digest_of(signature_algorithm algorithm) noexcept {
        return algorithm == signature_algorithm::eddsa ? nullptr : EVP_sha256();
    }
    [[nodiscard]] static const char* mac_digest(signature_algorithm algorithm) noexcept {
        if (algorithm == signature_algorithm::hs256) return "SHA256";
        return algorithm == signature_algorithm::hs384 ? "SHA384" : "SHA512";
    }
    [[nodiscard]] static std::size_t mac_size(signature_algorithm algorithm) noexcept {
        if (algorithm == signature_algorithm::hs256) return 32;
        return algorithm == signature_algorithm::hs384 ? 48 : 64;
    }

    [[nodiscard]] bool hmac(const char* digest, bytes key, bytes data, mutable_bytes out) noexcept {
        const OSSL_PARAM settings[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
            OSSL_PARAM_construct_end()};
        static constexpr unsigned char nothing = 0; // a key without bytes is still a key
        std::size_t size = 0;
        return mac_ &&
               EVP_MAC_init(mac_.get(), key.empty() ? &nothing : ossl::raw(key), key.size(),
                            settings) == 1 &&
               EVP_MAC_update(mac_.get(), ossl::raw(data), data.size()) == 1 &&
               EVP_MAC_final(mac_.get(), ossl::raw(out), &size, out.size()) == 1 &&
               size == out.size();
    }

    /// r and s as ASN.1 writes them. Spec: RFC 7518 section 3.4, X.690 section 8.3.
    [[nodiscard]] static bytes to_der(bytes plain, std::array<std::byte, der_size>& out) noexcept {
        std::size_t at = 2;
        for (std::size_t half = 0; half < 2; ++half) {
            auto value = plain.subspan(half * ossl::coordinate, ossl::coordinate);
            while (value.size() > 1 && value[0] == std::byte{0})
                value = value.subspan(1);
            const bool sign = byte_at(value, 0) >= 0x80; // else it would be negative
            out[at++] = std::byte{0x02};
            out[at++] = static_cast<std::byte>(value.size() + (sign ? 1 : 0));
            if (sign) out[at++] = std::byte{0};
            std::copy(value.begin(), value.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
            at += value.size();
        }
        out[0] = std::byte{0x30};
        out[1] = static_cast<std::byte>(at - 2);
        return bytes{out}.first(at);
    }
    [[nodiscard]] static result<std::vector<std::byte>> from_der(bytes der) {
        const auto* at = ossl::raw(der);
        const ossl::signature value{d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()))};
        std::vector<std::byte> out(2 * ossl::coordinate);
        constexpr auto width = static_cast<int>(ossl::coordinate);
        const auto both = mutable_bytes{out};
        if (!value ||
            BN_bn2binpad(ECDSA_SIG_get0_r(value.get()), ossl::raw(both), width) != width ||
            BN_bn2binpad(ECDSA_SIG_get0_s(value.get()), ossl::raw(both.subspan(ossl::coordinate)),
                         width) != width)
            return failed("signature");
        return out;
    }

    static void read_numbers(const EVP_PKEY* from, key_numbers& out) {
        const auto secret = [from](const char* name, int width = 0) {
            return secret_bytes{ossl::read_number(from, name, width)};
        };
        if (out.kind == key_kind::ed25519) {
            std::size_t size = ossl::ed25519_key;
            out.x.resize(size);
            out.d = secret_bytes{size};
            EVP_PKEY_get_raw_public_key(from, ossl::raw(mutable_bytes{out.x}), &size);
            EVP_PKEY_get_raw_private_key(from, ossl::raw(out.d.writable()), &size);
        } else if (out.kind == key_kind::p256) {
            constexpr auto width = static_cast<int>(ossl::coordinate);
            out.x = ossl::read_number(from, OSSL_PKEY_PARAM_EC_PUB_X, width);
            out.y = ossl::read_number(from, OSSL_PKEY_PARAM_EC_PUB_Y, width);
            out.d = secret(OSSL_PKEY_PARAM_PRIV_KEY, width);
        } else {
            out.n = ossl::read_number(from, OSSL_PKEY_PARAM_RSA_N);
            out.e = ossl::read_number(from, OSSL_PKEY_PARAM_RSA_E);
            out.d = secret(OSSL_PKEY_PARAM_RSA_D);
            out.p = secret(OSSL_PKEY_PARAM_RSA_FACTOR1);
            out.q = secret(OSSL_PKEY_PARAM_RSA_FACTOR2);
            out.dp = secret(OSSL_PKEY_PARAM_RSA_EXPONENT1);
            out.dq = secret(OSSL_PKEY_PARAM_RSA_EXPONENT2);
            out.qi = secret(OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
        }
    }

    using imported = result<std::shared_ptr<const crypto_key>>;

    [[nodiscard]] static imported take(const key_numbers& numbers, ossl::pkey handle) {
        if (!handle) return fail(errc::bad_value, "key", 0, where);
        return std::make_shared<const ossl::key>(numbers.kind, numbers.is_private(),
                                                 std::move(handle));
    }
    [[nodiscard]] static imported import_any(const key_numbers& numbers) {
        switch (numbers.kind) {
        case key_kind::ed25519:
            return import_ed25519(numbers);
        case key_kind::p256:
            return import_p256(numbers);
        case key_kind::rsa:
            return import_rsa(numbers);
        case key_kind::secret:
            break;
        }
        if (numbers.d.size() < ossl::least_secret) return fail(errc::bad_value, "k", 0, where);
        if (numbers.d.size() > ossl::most_secret) return fail(errc::limit, "k", 0, where);
        return std::make_shared<const ossl::key>(key_kind::secret, true, ossl::pkey{}, numbers.d);
    }
    [[nodiscard]] static imported import_ed25519(const key_numbers& numbers) {
        if (numbers.x.size() != ossl::ed25519_key) return fail(errc::bad_value, "x", 0, where);
        if (!numbers.is_private())
            return take(numbers, ossl::pkey{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                                        ossl::raw(bytes{numbers.x}),
                                                                        numbers.x.size())});
        if (numbers.d.size() != ossl::ed25519_key) return fail(errc::bad_value, "d", 0, where);
        ossl::pkey made{EVP_PKEY_new_raw_private_key(
            EVP_PKEY_ED25519, nullptr, ossl::raw(numbers.d.view()), numbers.d.size())};
        std::array<std::byte, ossl::ed25519_key> own{};
        std::size_t size = own.size();
        if (!made ||
            EVP_PKEY_get_raw_public_key(made.get(), ossl::raw(mutable_bytes{own}), &size) != 1 ||
            !equal(own, numbers.x))
            return fail(errc::bad_value, "d", 0, where);
        return take(numbers, std::move(made));
    }
    /// A key from its parameters; both parts are checked against each other.
    [[nodiscard]] static imported import_parameters(const key_numbers& numbers, const char* type,
                                                    OSSL_PARAM_BLD* from) {
        const ossl::parameters settings{OSSL_PARAM_BLD_to_param(from)};
        const ossl::pkey_context context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
        EVP_PKEY* made = nullptr;
        const bool is_private = numbers.is_private();
        if (!settings || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
            EVP_PKEY_fromdata(context.get(), &made,
                              is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                              settings.get()) != 1)
            return fail(errc::bad_value, "key", 0, where);
        ossl::pkey handle{made};
        const ossl::pkey_context checks{EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr)};
        if (!checks || EVP_PKEY_public_check_quick(checks.get()) != 1 ||
            (is_private && EVP_PKEY_pairwise_check(checks.get()) != 1))
            return fail(errc::bad_value, "key", 0, where);
        return take(numbers, std::move(handle));
    }
    [[nodiscard]] static imported import_p256(const key_numbers& numbers) {
        if (numbers.x.size() != ossl::coordinate) return fail(errc::bad_value, "x", 0, where);
        if (numbers.y.size() != ossl::coordinate) return fail(errc::bad_value, "y", 0, where);
        if (numbers.is_private() && numbers.d.size() != ossl::coordinate)
            return fail(errc::bad_value, "d", 0, where);
        std::vector<std::byte> point{std::byte{0x04}}; // uncompressed, SEC 1 section 2.3.3
        point.insert(point.end(), numbers.x.begin(), numbers.x.end());
        point.insert(point.end(), numbers.y.begin(), numbers.y.end());
        const auto d = ossl::to_number(numbers.d.view());
        const ossl::builder from{OSSL_PARAM_BLD_new()};
        if (!from ||
            OSSL_PARAM_BLD_push_utf8_string(from.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                            0) != 1 ||
            OSSL_PARAM_BLD_push_octet_string(from.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                             point.size()) != 1 ||
            (numbers.is_private() &&
             OSSL_PARAM_BLD_push_BN(from.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get()) != 1))
            return fail(errc::unsupported, "key", 0, where);
        return import_parameters(numbers, "EC", from.get());
    }
    [[nodiscard]] static imported import_rsa(const key_numbers& numbers) {
        if (numbers.n.size() < ossl::least_modulus) return fail(errc::unsupported, "n", 0, where);
        if (numbers.n.size() > ossl::most_modulus) return fail(errc::limit, "n", 0, where);
        if (numbers.e.empty() || numbers.e.size() > ossl::most_exponent)
            return fail(errc::limit, "e", 0, where);
        const std::pair<const char*, bytes> parts[] = {
            {OSSL_PKEY_PARAM_RSA_N, numbers.n},
            {OSSL_PKEY_PARAM_RSA_E, numbers.e},
            {OSSL_PKEY_PARAM_RSA_D, numbers.d.view()},
            {OSSL_PKEY_PARAM_RSA_FACTOR1, numbers.p.view()},
            {OSSL_PKEY_PARAM_RSA_FACTOR2, numbers.q.view()},
            {OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers.dp.view()},
            {OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers.dq.view()},
            {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers.qi.view()}};
        std::vector<ossl::number> kept; // the builder borrows them
        const ossl::builder from{OSSL_PARAM_BLD_new()};
        for (const auto& [name, value] : parts) {
            if (value.empty()) continue;
            kept.push_back(ossl::to_number(value));
            if (OSSL_PARAM_BLD_push_BN(from.get(), name, kept.back().get()) != 1)
                return fail(errc::unsupported, "key", 0, where);
        }
        return import_parameters(numbers, "RSA", from.get());
    }

    ossl::digest sha256_;
    ossl::mac hmac_;
    ossl::digest_context context_;
    ossl::digest_context signing_;
    ossl::mac_context mac_;
};

} // namespace moqrtc
