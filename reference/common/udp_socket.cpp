#include "udp_socket.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace moqrtc::reference {
namespace {

// Kernel ABI, in headers only since glibc 2.34 (linux/udp.h).
constexpr int udp_segment = 103;
constexpr int udp_gro = 104;
constexpr int socket_buffer = 4 << 20;

constexpr std::size_t control_size =
    CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in6_pktinfo));

bool set(int descriptor, int level, int name, int value) noexcept {
    return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

/// Every option is an improvement, none is a condition: a kernel without one is slower or blind
/// to congestion marks, and works.
void set_options(int descriptor, int family) noexcept {
    set(descriptor, SOL_SOCKET, SO_SNDBUF, socket_buffer);
    set(descriptor, SOL_SOCKET, SO_RCVBUF, socket_buffer);
    set(descriptor, SOL_UDP, udp_gro, 1);
    set(descriptor, IPPROTO_IP, IP_RECVTOS, 1);
    if (family == AF_INET6) {
        set(descriptor, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
        set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    } else {
        set(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
    }
    set(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

socket_address name_of(int descriptor) noexcept {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
    return {reinterpret_cast<sockaddr*>(&raw), size};
}

template <class T>
T read_as(const cmsghdr* control) noexcept {
    T value{};
    std::memcpy(&value, CMSG_DATA(control), sizeof value);
    return value;
}

/// What the kernel says about one read besides its bytes.
void read_control(msghdr& message, std::uint16_t port, received_datagrams& into) noexcept {
    for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == udp_gro) {
            if (const int size = read_as<int>(c); size > 0)
                into.segment = static_cast<std::size_t>(size);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            into.ecn = read_as<std::uint8_t>(c) & 3;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            into.ecn = static_cast<std::uint8_t>(read_as<int>(c) & 3);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            address.sin_addr = read_as<in_pktinfo>(c).ipi_addr;
            into.local = {reinterpret_cast<sockaddr*>(&address), sizeof address};
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            const auto info = read_as<in6_pktinfo>(c);
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(port);
            address.sin6_addr = info.ipi6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) address.sin6_scope_id = info.ipi6_ifindex;
            into.local = {reinterpret_cast<sockaddr*>(&address), sizeof address};
        }
    }
}

std::error_code last_error() noexcept {
    return {errno, std::system_category()};
}

} // namespace

udp_socket::udp_socket(asio::io_context& context, int descriptor, int family, bool connected)
    : descriptor_{context, descriptor},
      local_{name_of(descriptor)},
      family_{family},
      connected_{connected} {}

std::expected<std::shared_ptr<udp_socket>, std::error_code>
udp_socket::bind(asio::io_context& context, const socket_address& local, bool reuse_port) {
    const int descriptor = ::socket(local.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return std::unexpected(last_error());
    if (reuse_port) set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (local.family() == AF_INET6) set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_options(descriptor, local.family());
    if (::bind(descriptor, local.data(), local.size()) != 0) {
        const auto why = last_error();
        ::close(descriptor);
        return std::unexpected(why);
    }
    return std::shared_ptr<udp_socket>{new udp_socket{context, descriptor, local.family(), false}};
}

std::expected<std::shared_ptr<udp_socket>, std::error_code>
udp_socket::connect(asio::io_context& context, const socket_address& remote) {
    const int descriptor = ::socket(remote.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return std::unexpected(last_error());
    set_options(descriptor, remote.family());
    if (::connect(descriptor, remote.data(), remote.size()) != 0) {
        const auto why = last_error();
        ::close(descriptor);
        return std::unexpected(why);
    }
    return std::shared_ptr<udp_socket>{new udp_socket{context, descriptor, remote.family(), true}};
}

std::span<const received_datagrams> udp_socket::receive(receive_batch& batch) noexcept {
    std::array<mmsghdr, receive_batch::depth> messages{};
    std::array<iovec, receive_batch::depth> vectors{};
    std::array<sockaddr_in6, receive_batch::depth> names{};
    alignas(cmsghdr) std::array<std::array<std::byte, control_size>, receive_batch::depth> controls;
    for (std::size_t i = 0; i < receive_batch::depth; ++i) {
        vectors[i] = {batch.memory_.data() + i * receive_batch::buffer_size,
                      receive_batch::buffer_size};
        auto& header = messages[i].msg_hdr;
        header.msg_name = &names[i];
        header.msg_namelen = sizeof names[i];
        header.msg_iov = &vectors[i];
        header.msg_iovlen = 1;
        header.msg_control = controls[i].data();
        header.msg_controllen = controls[i].size();
    }
    int count = -1;
    do {
        count = ::recvmmsg(descriptor_.native_handle(), messages.data(), receive_batch::depth, 0,
                           nullptr);
        if (count < 0 && errno == ECONNREFUSED) refused_ = true;
        // An error that an earlier datagram left behind hides what is waiting: ask again.
    } while (count < 0 && (errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH ||
                           errno == ENETUNREACH));
    if (count <= 0) return {};
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        auto& header = messages[i].msg_hdr;
        auto& into = batch.received_[i];
        into.remote = {static_cast<sockaddr*>(header.msg_name), header.msg_namelen};
        into.local = local_;
        into.ecn = 0;
        into.data = {static_cast<std::byte*>(vectors[i].iov_base), messages[i].msg_len};
        into.segment = into.data.size();
        read_control(header, local_.port(), into);
    }
    return {batch.received_.data(), static_cast<std::size_t>(count)};
}

int udp_socket::send_message(const socket_address& remote, const socket_address& local,
                             std::uint8_t ecn, bytes data, std::size_t segment) noexcept {
    iovec vector{const_cast<std::byte*>(data.data()), data.size()};
    alignas(cmsghdr) std::array<std::byte, control_size> control{};
    msghdr message{};
    if (!connected_) {
        message.msg_name = const_cast<sockaddr*>(remote.data());
        message.msg_namelen = remote.size();
    }
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* c = CMSG_FIRSTHDR(&message);
    std::size_t used = 0;
    const auto add = [&](int level, int type, const auto& value) noexcept {
        c->cmsg_level = level;
        c->cmsg_type = type;
        c->cmsg_len = CMSG_LEN(sizeof value);
        std::memcpy(CMSG_DATA(c), &value, sizeof value);
        used += CMSG_SPACE(sizeof value);
        c = reinterpret_cast<cmsghdr*>(control.data() + used);
    };
    if (ecn != 0) {
        const bool v4 = family_ == AF_INET || remote.is_v4_mapped();
        add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, static_cast<int>(ecn));
    }
    if (segment < data.size()) add(SOL_UDP, udp_segment, static_cast<std::uint16_t>(segment));
    if (!connected_ && local_.is_wildcard() && !local.is_wildcard()) {
        if (family_ == AF_INET)
            add(IPPROTO_IP, IP_PKTINFO, in_pktinfo{0, local.v4().sin_addr, {}});
        else
            add(IPPROTO_IPV6, IPV6_PKTINFO,
                in6_pktinfo{local.v6().sin6_addr, local.v6().sin6_scope_id});
    }
    message.msg_controllen = used;
    if (used == 0) message.msg_control = nullptr;
    for (;;) {
        if (::sendmsg(descriptor_.native_handle(), &message, 0) >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

udp_socket::status udp_socket::send(const socket_address& remote, const socket_address& local,
                                    std::uint8_t ecn, bytes data, std::size_t segment) {
    std::size_t sent = 0;
    const auto result = send_some(remote, local, ecn, data, segment, sent);
    if (result != status::blocked) return result;
    pending_ = {remote, local, ecn, segment, {data.begin() + static_cast<long>(sent), data.end()}};
    return result;
}

udp_socket::status udp_socket::send_pending() {
    std::size_t sent = 0;
    const auto result = send_some(pending_.remote, pending_.local, pending_.ecn, pending_.data,
                                  pending_.segment, sent);
    auto& rest = pending_.data;
    rest.erase(rest.begin(), rest.begin() + static_cast<long>(sent));
    return result;
}

udp_socket::status udp_socket::send_some(const socket_address& remote, const socket_address& local,
                                         std::uint8_t ecn, bytes data, std::size_t segment,
                                         std::size_t& sent) noexcept {
    sent = 0;
    bool refused_segments = false;
    if (segmentation_ && segment < data.size()) {
        const int failure = send_message(remote, local, ecn, data, segment);
        if (failure == 0) {
            sent = data.size();
            return status::sent;
        }
        if (failure == EAGAIN) return status::blocked;
        refused_segments = failure == EIO || failure == EINVAL || failure == EOPNOTSUPP;
    }
    auto result = status::sent;
    while (sent < data.size()) {
        const auto piece = data.subspan(sent, std::min(segment, data.size() - sent));
        int failure = send_message(remote, local, ecn, piece, piece.size());
        if (failure == ECONNREFUSED) {
            // Reports an earlier datagram; this one has not been tried yet.
            refused_ = true;
            failure = send_message(remote, local, ecn, piece, piece.size());
        }
        if (failure == EAGAIN) return status::blocked;
        if (failure != 0) result = status::failed;
        // What goes through one by one was refused for being segmented: never again.
        if (failure == 0 && refused_segments) segmentation_ = false;
        sent += piece.size();
    }
    return result;
}

} // namespace moqrtc::reference
