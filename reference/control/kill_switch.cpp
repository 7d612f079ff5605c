#include "common/private_file.hpp"
#include "kill_switch.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace moqrtc::reference {

kill_switch::states kill_switch::read() const {
    if (directory_.empty()) return memory_;
    states out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        std::error_code ignored;
        out[i] = std::filesystem::exists(directory_ / media_path_names[i], ignored);
    }
    return out;
}

std::expected<void, std::string> kill_switch::set(media_path path, bool killed) {
    memory_[static_cast<std::size_t>(path)] = killed;
    if (directory_.empty()) return {};
    const auto file = directory_ / media_path_names[static_cast<std::size_t>(path)];
    std::error_code failure;
    if (killed) {
        std::filesystem::create_directories(directory_, failure);
        if (failure) return std::unexpected(directory_.string() + ": " + failure.message());
        if (auto written = write_private_file(file, ""); !written) return written;
    } else {
        std::filesystem::remove(file, failure);
        if (failure) return std::unexpected(file.string() + ": " + failure.message());
    }
    // The name itself must be on the disk, too.
    if (const int opened = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        opened >= 0) {
        ::fsync(opened);
        ::close(opened);
    }
    return {};
}

} // namespace moqrtc::reference
