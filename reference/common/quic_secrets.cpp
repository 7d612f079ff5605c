#include "private_file.hpp"
#include "quic_secrets.hpp"

#include <openssl/rand.h>

#include <cstring>
#include <stdexcept>
#include <system_error>

namespace moqrtc::reference {

quic_secrets quic_secrets::random() {
    quic_secrets fresh;
    if (RAND_bytes(fresh.stateless_reset.data(), static_cast<int>(fresh.stateless_reset.size())) !=
            1 ||
        RAND_bytes(fresh.token.data(), static_cast<int>(fresh.token.size())) != 1)
        throw std::runtime_error{"no random numbers from the system"};
    return fresh;
}

std::expected<quic_secrets, std::string>
quic_secrets::load_or_create(const std::filesystem::path& file) {
    quic_secrets found;
    constexpr std::size_t size = sizeof found.stateless_reset + sizeof found.token;
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
        const auto content = read_small_file(file);
        if (!content) return std::unexpected(content.error());
        if (content->size() != size)
            return std::unexpected(file.string() + ": holds " + std::to_string(content->size()) +
                                   " bytes instead of " + std::to_string(size) +
                                   "; remove it to get new secrets");
        std::memcpy(found.stateless_reset.data(), content->data(), found.stateless_reset.size());
        std::memcpy(found.token.data(), content->data() + found.stateless_reset.size(),
                    found.token.size());
        return found;
    }
    found = random();
    std::string content(size, '\0');
    std::memcpy(content.data(), found.stateless_reset.data(), found.stateless_reset.size());
    std::memcpy(content.data() + found.stateless_reset.size(), found.token.data(),
                found.token.size());
    if (auto written = write_private_file(file, content); !written)
        return std::unexpected(written.error());
    return found;
}

} // namespace moqrtc::reference
