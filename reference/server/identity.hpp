#pragma once

#include "common/certificate.hpp"
#include "server_status.hpp"
#include "settings.hpp"

#include <expected>
#include <filesystem>
#include <string>

namespace moqrtc::reference {

/// The certificate that new connections see, and the hash of the one after it.
struct identity {
    certificate current;
    std::string next_sha256; ///< empty: none yet

    [[nodiscard]] certificate_status status() const {
        return {current.sha256, current.not_after, next_sha256, current.names};
    }
};

/// Reads the operator's files, or what the server made in `data`, where it renews what is due.
[[nodiscard]] std::expected<identity, std::string> load_identity(const server_settings& settings,
                                                                 const std::filesystem::path& data);

} // namespace moqrtc::reference
