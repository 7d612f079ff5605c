#include "common/private_file.hpp"
#include "secrets.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace moqrtc::reference {
namespace {

constexpr std::size_t pepper_digits = 64;

void fill_random(std::uint8_t* out, std::size_t size) {
    // Without randomness nothing that we would hand out is a secret.
    if (RAND_bytes(out, static_cast<int>(size)) != 1)
        throw std::runtime_error{"the system gives no random numbers"};
}

std::string random_letters(std::string_view prefix, std::size_t count) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
    std::vector<std::uint8_t> random(count);
    fill_random(random.data(), random.size());
    std::string out{prefix};
    for (const auto one : random)
        out += letters[one & 31];
    return out;
}

key_digest hmac(std::string_view key, std::string_view text) {
    key_digest out{};
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(),
             reinterpret_cast<unsigned char*>(out.data()), &size) == nullptr ||
        size != out.size())
        throw std::runtime_error{"HMAC-SHA256 is not available"};
    return out;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

} // namespace

secret_keeper::~secret_keeper() {
    OPENSSL_cleanse(pepper_.data(), pepper_.size());
}

std::expected<key_digest, std::string>
secret_keeper::load_or_create(const std::filesystem::path& file) {
    std::error_code failure;
    if (!std::filesystem::exists(file, failure)) {
        if (failure) return std::unexpected(file.string() + ": " + failure.message());
        key_digest random{};
        fill_random(reinterpret_cast<std::uint8_t*>(random.data()), random.size());
        if (auto written = write_private_file(file, to_hex(random) + "\n"); !written)
            return std::unexpected(written.error());
        return random;
    }
    auto text = read_small_file(file, 4096);
    if (!text) return std::unexpected(text.error());
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r'))
        text->pop_back();
    for (const char c : *text)
        if (hex_value(c) < 0) text->clear();
    if (text->size() != pepper_digits)
        return std::unexpected(file.string() + ": is damaged (64 hexadecimal digits are wanted)");
    return digest_from_hex(*text);
}

key_digest secret_keeper::digest(std::string_view secret) const {
    return hmac(as_text(pepper_), secret);
}

bool secret_keeper::matches(std::string_view secret, const key_digest& stored) const {
    const auto given = digest(secret);
    return CRYPTO_memcmp(given.data(), stored.data(), stored.size()) == 0;
}

std::string secret_keeper::derive(std::string_view purpose) const {
    // No key that we hand out begins so: the two uses of the pepper never meet.
    std::string all{"derive "};
    return to_hex(hmac(as_text(pepper_), all.append(purpose)));
}

std::string random_id(std::string_view prefix) {
    return random_letters(prefix, 16);
}

std::string random_secret(std::string_view prefix) {
    return random_letters(prefix, 32);
}

std::string hmac_hex(std::string_view key, std::string_view text) {
    return to_hex(hmac(key, text));
}

std::string to_hex(const key_digest& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(digest.size() * 2);
    for (const auto one : digest) {
        out += digits[std::to_integer<unsigned>(one) >> 4];
        out += digits[std::to_integer<unsigned>(one) & 15];
    }
    return out;
}

key_digest digest_from_hex(std::string_view text) {
    key_digest out{};
    if (text.size() != out.size() * 2) return out;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return {};
        out[i] = static_cast<std::byte>(high * 16 + low);
    }
    return out;
}

} // namespace moqrtc::reference
