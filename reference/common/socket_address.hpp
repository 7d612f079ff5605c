#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace moqrtc::reference {

/// An IPv4 or IPv6 address with its port, as the kernel takes it.
class socket_address {
public:
    socket_address() noexcept : storage_{} {}
    /// A copy of what the kernel filled in; anything but IPv4 and IPv6 becomes an empty address.
    socket_address(const sockaddr* from, socklen_t size) noexcept;

    /// A numeric address such as `127.0.0.1`, `::1` or `fe80::1%eth0`.
    [[nodiscard]] static std::optional<socket_address> parse(std::string_view host,
                                                             std::uint16_t port);
    /// The wildcard address of a family with port 0.
    [[nodiscard]] static socket_address any(int family) noexcept;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] int family() const noexcept { return storage_.generic.sa_family; }
    [[nodiscard]] std::uint16_t port() const noexcept;
    void set_port(std::uint16_t port) noexcept;
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] bool is_wildcard() const noexcept;
    /// An IPv4 address inside an IPv6 one: the kernel wants IPv4 options for it.
    [[nodiscard]] bool is_v4_mapped() const noexcept;

    [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.generic; }
    [[nodiscard]] sockaddr* data() noexcept { return &storage_.generic; }
    [[nodiscard]] socklen_t size() const noexcept { return size_; }
    [[nodiscard]] const sockaddr_in& v4() const noexcept { return storage_.v4; }
    [[nodiscard]] const sockaddr_in6& v6() const noexcept { return storage_.v6; }

    /// `address:port`, IPv6 in brackets.
    [[nodiscard]] std::string to_string() const;
    /// The address without the port.
    [[nodiscard]] std::string host() const;

    friend bool operator==(const socket_address& a, const socket_address& b) noexcept;

private:
    union {
        sockaddr generic;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } storage_;
    socklen_t size_ = 0;
};

} // namespace moqrtc::reference
