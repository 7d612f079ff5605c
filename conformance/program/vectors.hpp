#pragma once

#include <filesystem>

namespace moqrtc::conformance {

/// Checks every codec vector under a folder, prints what is wrong and a summary; false when
/// something is, or when there is none.
[[nodiscard]] bool check_vectors(const std::filesystem::path& folder);

} // namespace moqrtc::conformance
