#pragma once

#include <span>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// The host of `host[:port]` or of an origin, in lower case, without brackets and final dot; empty
/// when there is none.
[[nodiscard]] std::string host_of(std::string_view authority);

/// Whether a browser that says it talks to `host` can be believed to mean us. A page elsewhere can
/// give its own name our address (DNS rebinding), but it cannot make its name a numeric address,
/// localhost, or one of `names` (which may begin with `*.`; `*` alone is every name).
[[nodiscard]] bool is_own_host(std::string_view host, std::span<const std::string> names);

} // namespace moqrtc::reference
