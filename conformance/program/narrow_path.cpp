#include "narrow_path.hpp"

#include <asio/buffer.hpp>
#include <asio/ip/address_v4.hpp>

namespace moqrtc::conformance {

using asio::ip::udp;

std::shared_ptr<narrow_path> narrow_path::make(asio::io_context& context, const std::string& host,
                                               std::uint16_t port) {
    std::shared_ptr<narrow_path> out{new narrow_path{context}};
    asio::error_code failure;
    udp::resolver resolver{context};
    const auto found = resolver.resolve(host, std::to_string(port), failure);
    if (failure || found.empty()) return nullptr;
    const udp::endpoint peer = found.begin()->endpoint();
    const udp::endpoint here{asio::ip::address_v4::loopback(), 0};
    out->near_.open(udp::v4(), failure);
    if (!failure) out->near_.bind(here, failure);
    if (!failure) out->far_.open(peer.protocol(), failure);
    if (!failure) out->far_.connect(peer, failure);
    if (failure) return nullptr;
    out->near_.non_blocking(true);
    out->far_.non_blocking(true);
    out->read_near();
    out->read_far();
    return out;
}

void narrow_path::close() {
    asio::error_code ignored;
    near_.close(ignored);
    far_.close(ignored);
}

void narrow_path::read_near() {
    near_.async_receive_from(
        asio::buffer(from_near_), client_,
        [self = shared_from_this()](const asio::error_code& failure, std::size_t size) {
            if (!self->near_.is_open()) return;
            asio::error_code ignored; // what is lost is sent again
            if (!failure) self->far_.send(asio::buffer(self->from_near_, size), 0, ignored);
            self->read_near();
        });
}

void narrow_path::read_far() {
    far_.async_receive(
        asio::buffer(from_far_),
        [self = shared_from_this()](const asio::error_code& failure, std::size_t size) {
            if (!self->far_.is_open()) return;
            bool passes = !failure && self->client_.port() != 0;
            if (self->left_) {
                passes = passes && size <= *self->left_;
                *self->left_ -= passes ? size : *self->left_;
            }
            asio::error_code ignored;
            if (passes)
                self->near_.send_to(asio::buffer(self->from_far_, size), self->client_, 0, ignored);
            self->read_far();
        });
}

} // namespace moqrtc::conformance
