#include "moqt_connection.hpp"

namespace moqrtc::reference {

void moqt_connection::on_handshake(instant now, std::string_view protocol) {
    const auto version = draft_of(*offered_, protocol);
    if (!version || !link_->begin(now, *version))
        connection_->close(0x1, "no session for this protocol");
}

} // namespace moqrtc::reference
