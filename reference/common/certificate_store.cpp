#include "certificate.hpp"
#include "private_file.hpp"

#include <utility>

namespace moqrtc::reference {
namespace {

constexpr const char* current_name = "certificate.pem";
constexpr const char* next_name = "certificate-next.pem";

} // namespace

std::optional<certificate> certificate_store::read(const char* name) const {
    // One file holds key and certificate, so that both change in one step.
    auto content = read_small_file(directory_ / name);
    if (!content) return std::nullopt;
    auto parsed = parse_certificate(*content, *content);
    if (!parsed) return std::nullopt;
    return std::move(*parsed);
}

std::expected<certificate, std::string>
certificate_store::make(const char* name, std::chrono::system_clock::time_point now) const {
    auto fresh = make_certificate(hosts_, now);
    if (!fresh) return fresh;
    if (auto written = write_private_file(directory_ / name, fresh->key_pem + fresh->chain_pem);
        !written)
        return std::unexpected(written.error());
    return fresh;
}

std::expected<certificate_store, std::string>
certificate_store::open(std::filesystem::path directory, std::vector<std::string> hosts,
                        std::chrono::system_clock::time_point now) {
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (failure) return std::unexpected(directory.string() + ": " + failure.message());
    certificate_store store;
    store.directory_ = std::move(directory);
    store.hosts_ = std::move(hosts);
    auto found = store.read(current_name);
    // Unreadable, from the future or over: nobody can rely on it any more.
    if (!found || found->not_after <= now || found->not_before > now) {
        auto fresh = store.make(current_name, now);
        if (!fresh) return std::unexpected(fresh.error());
        found = std::move(*fresh);
    }
    store.current_ = std::move(*found);
    store.next_ = store.read(next_name);
    if (auto refreshed = store.refresh(now); !refreshed) return std::unexpected(refreshed.error());
    return store;
}

std::expected<bool, std::string>
certificate_store::refresh(std::chrono::system_clock::time_point now) {
    if (next_ && (next_->not_after <= now + preparation || next_->sha256 == current_.sha256))
        next_.reset();
    if (!next_ && current_.not_after - now <= preparation) {
        auto fresh = make(next_name, now);
        if (!fresh) return std::unexpected(fresh.error());
        next_ = std::move(*fresh);
    }
    if (!next_ || current_.not_after - now > takeover) return false;
    std::error_code failure;
    std::filesystem::rename(directory_ / next_name, directory_ / current_name, failure);
    if (failure)
        return std::unexpected((directory_ / next_name).string() + ": " + failure.message());
    current_ = std::move(*next_);
    next_.reset();
    return true;
}

} // namespace moqrtc::reference
