#pragma once

#include "access_directory.hpp"

#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <memory>
#include <string_view>

namespace moqrtc::reference {

/// Reads the short tokens that devices get for their keys (`POST /devices/token`), where they come
/// as credentials of the API.
///
/// Threads one.
class device_tokens {
public:
    /// What a token allows with the keys and revocations of `newest`. Anything but a signaling
    /// token is refused, whoever signed it.
    [[nodiscard]] auth::verdict<auth::grant_ptr>
    read(std::string_view token, const std::shared_ptr<const access_snapshot>& newest,
         wall_seconds now);

private:
    openssl_crypto crypto_;
    auth::verifier verifier_{crypto_, {.cache = 1024, .revalidates = false}};
    std::shared_ptr<const access_snapshot> snapshot_;
};

} // namespace moqrtc::reference
