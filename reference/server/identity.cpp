#include "identity.hpp"

namespace moqrtc::reference {

std::expected<identity, std::string> load_identity(const server_settings& settings,
                                                   const std::filesystem::path& data) {
    if (!settings.cert.empty()) {
        auto given = load_certificate(settings.cert, settings.key);
        if (!given) return std::unexpected("cert: " + given.error());
        return identity{std::move(*given), {}};
    }
    auto names = settings.cert_name;
    if (const auto local = parse_endpoint(settings.listen);
        local && !local->is_loopback() && !local->is_wildcard())
        names.push_back(local->host());
    const auto store =
        certificate_store::open(data, std::move(names), std::chrono::system_clock::now());
    if (!store) return std::unexpected(store.error());
    return identity{store->current(), store->next() ? store->next()->sha256 : std::string{}};
}

} // namespace moqrtc::reference
