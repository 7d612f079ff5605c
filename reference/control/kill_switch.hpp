#pragma once

#include "access_directory.hpp"

#include <array>
#include <expected>
#include <filesystem>
#include <string>

namespace moqrtc::reference {

/// Ways of media that are shut. A file `kill/<path>` in the data directory is the switch, whoever
/// makes it: the API, a signal or somebody's hand; so it survives a restart and there is one truth.
class kill_switch {
public:
    using states = std::array<bool, media_path_names.size()>;

    /// An empty directory keeps the states in memory.
    explicit kill_switch(std::filesystem::path directory) : directory_{std::move(directory)} {}

    /// What the files say now.
    [[nodiscard]] states read() const;
    /// Durable when it returns.
    [[nodiscard]] std::expected<void, std::string> set(media_path path, bool killed);

private:
    std::filesystem::path directory_;
    states memory_{};
};

} // namespace moqrtc::reference
