#include "socket_address.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netdb.h>

namespace moqrtc::reference {

socket_address::socket_address(const sockaddr* from, socklen_t size) noexcept : storage_{} {
    const bool v4 = from->sa_family == AF_INET && size >= sizeof(sockaddr_in);
    const bool v6 = from->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6);
    if (!v4 && !v6) return;
    size_ = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(&storage_, from, size_);
}

std::optional<socket_address> socket_address::parse(std::string_view host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(std::string{host}.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
    socket_address result{found->ai_addr, found->ai_addrlen};
    ::freeaddrinfo(found);
    if (result.empty()) return std::nullopt;
    result.set_port(port);
    return result;
}

socket_address socket_address::any(int family) noexcept {
    socket_address result;
    result.storage_.generic.sa_family = static_cast<sa_family_t>(family);
    result.size_ = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return result;
}

std::uint16_t socket_address::port() const noexcept {
    return ntohs(family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

void socket_address::set_port(std::uint16_t port) noexcept {
    (family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port) = htons(port);
}

bool socket_address::is_loopback() const noexcept {
    if (family() == AF_INET) return ntohl(storage_.v4.sin_addr.s_addr) >> 24 == 127;
    if (is_v4_mapped()) return storage_.v6.sin6_addr.s6_addr[12] == 127;
    return family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr);
}

bool socket_address::is_wildcard() const noexcept {
    if (family() == AF_INET) return storage_.v4.sin_addr.s_addr == INADDR_ANY;
    return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

bool socket_address::is_v4_mapped() const noexcept {
    return family() == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr);
}

std::string socket_address::host() const {
    if (empty()) return {};
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(data(), size_, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return {};
    return text.data();
}

std::string socket_address::to_string() const {
    if (empty()) return "-";
    const auto name = host();
    const auto number = std::to_string(port());
    return family() == AF_INET6 ? "[" + name + "]:" + number : name + ":" + number;
}

bool operator==(const socket_address& a, const socket_address& b) noexcept {
    if (a.size_ != b.size_ || a.family() != b.family()) return false;
    if (a.empty()) return true;
    if (a.family() == AF_INET)
        return a.storage_.v4.sin_port == b.storage_.v4.sin_port &&
               a.storage_.v4.sin_addr.s_addr == b.storage_.v4.sin_addr.s_addr;
    return a.storage_.v6.sin6_port == b.storage_.v6.sin6_port &&
           a.storage_.v6.sin6_scope_id == b.storage_.v6.sin6_scope_id &&
           std::memcmp(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr, sizeof(in6_addr)) == 0;
}

} // namespace moqrtc::reference
