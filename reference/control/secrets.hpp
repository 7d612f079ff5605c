#pragma once

#include <moqrtc/core/bytes.hpp>

#include <array>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// What is stored of a secret: HMAC-SHA256 of it under the pepper.
using key_digest = std::array<std::byte, 32>;

/// The server's own secret (the pepper), and what is made with it. Keys that we hand out are random
/// and long, so that a keyed hash is enough; without the pepper's file a copy of the database says
/// nothing about them.
///
/// Threads every function may be called from any.
class secret_keeper {
public:
    explicit secret_keeper(const key_digest& pepper) : pepper_{pepper} {}
    secret_keeper(const secret_keeper&) = delete;
    secret_keeper& operator=(const secret_keeper&) = delete;
    ~secret_keeper();

    /// Reads the pepper of `file` (32 bytes as hexadecimal), or makes it where there is none. A
    /// file that is damaged is an error and is not replaced: everything stored depends on it.
    [[nodiscard]] static std::expected<key_digest, std::string>
    load_or_create(const std::filesystem::path& file);

    [[nodiscard]] bytes pepper() const noexcept { return pepper_; }
    /// The same as `auth::hash_secret_key` makes.
    [[nodiscard]] key_digest digest(std::string_view secret) const;
    /// Compares in constant time.
    [[nodiscard]] bool matches(std::string_view secret, const key_digest& stored) const;
    /// A secret that is derived when it is needed and stored nowhere: 64 hexadecimal digits for a
    /// purpose such as `webhook/wh_…/1`.
    [[nodiscard]] std::string derive(std::string_view purpose) const;

private:
    key_digest pepper_;
};

/// `prefix` and 16 random characters (80 bits) of a-z and 2-7: what names a record.
[[nodiscard]] std::string random_id(std::string_view prefix);
/// `prefix` and 32 random characters (160 bits): what opens a door.
[[nodiscard]] std::string random_secret(std::string_view prefix);
/// HMAC-SHA256 with any key, as lower-case hexadecimal.
[[nodiscard]] std::string hmac_hex(std::string_view key, std::string_view text);
/// Digests as the database has them: 64 hexadecimal digits. A text that is none is all zero, which
/// no secret has.
[[nodiscard]] std::string to_hex(const key_digest& digest);
[[nodiscard]] key_digest digest_from_hex(std::string_view text);

} // namespace moqrtc::reference
