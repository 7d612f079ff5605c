#include "certificate.hpp"
#include "openssl_pointers.hpp"
#include "private_file.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace moqrtc::reference {
namespace {

using time_point = std::chrono::system_clock::time_point;

std::string to_string(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string to_hex(std::span<const unsigned char> data) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : data) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

std::expected<std::string, std::string> leaf_sha256(X509* leaf) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    unsigned int size = 0;
    if (X509_digest(leaf, EVP_sha256(), digest.data(), &size) != 1)
        return std::unexpected("certificate: " + openssl_error());
    return to_hex(digest);
}

time_point to_time(const ASN1_TIME* value) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(value, &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

/// What the W3C's WebTransport, section "Custom Certificate Requirements", asks for.
std::string hash_problem(X509* leaf, time_point not_before, time_point not_after) {
    constexpr std::chrono::hours longest{14 * 24};
    std::array<char, 32> group{};
    const auto* key = X509_get0_pubkey(leaf);
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 ||
        OBJ_txt2nid(group.data()) != NID_X9_62_prime256v1)
        return "its key is not ECDSA with P-256";
    if (not_after - not_before > longest) return "it is valid for more than 14 days";
    return {};
}

std::vector<std::string> names_of(const X509* leaf) {
    std::vector<std::string> out;
    auto* names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const auto* name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) continue; // numeric addresses need no list
        out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                         static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
    GENERAL_NAMES_free(names);
    return out;
}

/// `DNS:name,IP:address,…` as the extension's configuration; false when a host holds what would
/// end its entry.
bool alternative_names(std::span<const std::string> hosts, std::string& into) {
    into = "DNS:localhost,IP:127.0.0.1,IP:::1";
    for (const auto& host : hosts) {
        if (host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1") continue;
        if (host.find_first_of(",\n\r\"\\") != std::string::npos) return false;
        ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
        into += (address != nullptr ? ",IP:" : ",DNS:") + host;
        ASN1_OCTET_STRING_free(address);
    }
    return true;
}

bool add_extension(X509* leaf, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, leaf, leaf, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    const bool added = extension != nullptr && X509_add_ext(leaf, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

bool fill(X509* leaf, EVP_PKEY* key, const std::string& names, time_point now) {
    std::array<unsigned char, 16> serial{};
    if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return false;
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40); // positive, 16 bytes
    const bignum_pointer number{BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr)};
    const auto begin = std::chrono::system_clock::to_time_t(now - certificate_backdating);
    const auto end = std::chrono::system_clock::to_time_t(now + certificate_lifetime);
    auto* name = X509_get_subject_name(leaf);
    return number != nullptr && X509_set_version(leaf, X509_VERSION_3) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(leaf)) != nullptr &&
           ASN1_TIME_set(X509_getm_notBefore(leaf), begin) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(leaf), end) != nullptr &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>("moqrtc"), -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(leaf, name) == 1 && X509_set_pubkey(leaf, key) == 1 &&
           add_extension(leaf, NID_subject_alt_name, names.c_str()) &&
           add_extension(leaf, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(leaf, NID_key_usage, "critical,digitalSignature") &&
           add_extension(leaf, NID_ext_key_usage, "serverAuth") &&
           X509_sign(leaf, key, EVP_sha256()) != 0;
}

} // namespace

std::expected<certificate, std::string> make_certificate(std::span<const std::string> hosts,
                                                         time_point now) {
    std::string names;
    if (!alternative_names(hosts, names))
        return std::unexpected("certificate: a host name holds a comma, quote or line break");
    const pkey_pointer key{EVP_EC_gen("P-256")};
    const x509_pointer leaf{X509_new()};
    const bio_pointer chain{BIO_new(BIO_s_mem())};
    const bio_pointer secret{BIO_new(BIO_s_mem())};
    if (key == nullptr || leaf == nullptr || chain == nullptr || secret == nullptr ||
        !fill(leaf.get(), key.get(), names, now) ||
        PEM_write_bio_X509(chain.get(), leaf.get()) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1)
        return std::unexpected("certificate: " + openssl_error());
    return parse_certificate(to_string(chain.get()), to_string(secret.get()));
}

std::expected<certificate, std::string> parse_certificate(std::string chain_pem,
                                                          std::string key_pem) {
    ERR_clear_error();
    const bio_pointer chain{BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size()))};
    const bio_pointer secret{BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()))};
    const x509_pointer leaf{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)};
    if (leaf == nullptr)
        return std::unexpected("certificate: not a PEM certificate: " + openssl_error());
    // An empty passphrase instead of a question on the terminal.
    const pkey_pointer key{
        PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, const_cast<char*>(""))};
    if (key == nullptr) return std::unexpected("key: not a PEM private key: " + openssl_error());
    if (X509_check_private_key(leaf.get(), key.get()) != 1)
        return std::unexpected("key: does not belong to the certificate");
    auto hash = leaf_sha256(leaf.get());
    if (!hash) return std::unexpected(hash.error());
    const auto from = to_time(X509_get0_notBefore(leaf.get()));
    const auto until = to_time(X509_get0_notAfter(leaf.get()));
    return certificate{std::move(chain_pem),
                       std::move(key_pem),
                       std::move(*hash),
                       from,
                       until,
                       names_of(leaf.get()),
                       hash_problem(leaf.get(), from, until)};
}

std::expected<certificate, std::string> load_certificate(const std::filesystem::path& chain,
                                                         const std::filesystem::path& key) {
    auto chain_pem = read_small_file(chain);
    if (!chain_pem) return std::unexpected(chain_pem.error());
    auto key_pem = read_small_file(key);
    if (!key_pem) return std::unexpected(key_pem.error());
    return parse_certificate(std::move(*chain_pem), std::move(*key_pem));
}

std::optional<std::array<std::byte, 32>> parse_sha256(std::string_view text) {
    std::array<std::byte, 32> digest{};
    std::size_t digits = 0;
    for (const char c : text) {
        if (c == ':') continue;
        int value = -1;
        if (c >= '0' && c <= '9') value = c - '0';
        if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
        if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
        if (value < 0 || digits == 2 * digest.size()) return std::nullopt;
        auto& into = digest[digits / 2];
        into = into << 4 | static_cast<std::byte>(value);
        ++digits;
    }
    if (digits != 2 * digest.size()) return std::nullopt;
    return digest;
}

} // namespace moqrtc::reference
