#include "private_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moqrtc::reference {
namespace {

std::unexpected<std::string> failure(const std::filesystem::path& path, int code) {
    return std::unexpected(path.string() + ": " + std::strerror(code));
}

} // namespace

std::expected<std::string, std::string> read_small_file(const std::filesystem::path& path,
                                                        std::size_t limit) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return failure(path, errno);
    std::string content;
    char part[4096];
    for (;;) {
        const auto count = ::read(file, part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            const int code = errno;
            ::close(file);
            return failure(path, code);
        }
        if (count == 0) break;
        content.append(part, static_cast<std::size_t>(count));
        if (content.size() > limit) {
            ::close(file);
            return failure(path, EFBIG);
        }
    }
    ::close(file);
    return content;
}

std::expected<void, std::string> write_private_file(const std::filesystem::path& path,
                                                    std::string_view content) {
    auto fresh = path;
    fresh += ".new";
    fresh += std::to_string(::getpid());
    const int file =
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) return failure(fresh, errno);
    int code = 0;
    while (!content.empty() && code == 0) {
        const auto count = ::write(file, content.data(), content.size());
        if (count >= 0)
            content.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            code = errno;
    }
    if (code == 0 && ::fsync(file) != 0) code = errno;
    ::close(file);
    if (code == 0 && ::rename(fresh.c_str(), path.c_str()) != 0) code = errno;
    if (code == 0) return {};
    ::unlink(fresh.c_str());
    return failure(path, code);
}

} // namespace moqrtc::reference
