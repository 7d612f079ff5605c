#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

namespace moqrtc::reference {

/// What a server must still know after a crash: the keys behind its stateless reset tokens and
/// its address validation tokens, shared by all shards.
///
/// Spec    RFC 9000, 10.3 (a peer that lost all state still ends the connections of before) and
///         8.1.3 (tokens for future connections).
struct quic_secrets {
    std::array<std::uint8_t, 32> stateless_reset{};
    std::array<std::uint8_t, 32> token{};

    [[nodiscard]] static quic_secrets random();
    /// Reads the file, or makes it. A damaged file is an error and not replaced silently.
    [[nodiscard]] static std::expected<quic_secrets, std::string>
    load_or_create(const std::filesystem::path& file);
};

} // namespace moqrtc::reference
