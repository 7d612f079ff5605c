#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// The whole of a small file (at most `limit` bytes), or why it cannot be read.
[[nodiscard]] std::expected<std::string, std::string>
read_small_file(const std::filesystem::path& path, std::size_t limit = 1 << 20);

/// Replaces a file in one step with one that its owner alone can read, made durable before it
/// takes the name: after a crash the old or the new content is there, never a part.
[[nodiscard]] std::expected<void, std::string> write_private_file(const std::filesystem::path& path,
                                                                  std::string_view content);

} // namespace moqrtc::reference
