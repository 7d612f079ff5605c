#pragma once

#include <cstdint>

namespace moqrtc::reference {

/// What a shard counts of HTTP/3.
struct http3_statistics {
    std::uint64_t sessions_total = 0;
    std::uint64_t sessions_refused = 0;
    std::uint64_t requests = 0; ///< plain ones
};

} // namespace moqrtc::reference
