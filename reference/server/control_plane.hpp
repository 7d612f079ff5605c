#pragma once

#include "http_server.hpp"
#include "status_board.hpp"

namespace moqrtc::reference {

/// What plain HTTP answers: `/healthz`, `/readyz`, `/metrics`, `/certificate.sha256`,
/// `/api/v1/info`, `/api/v1/streams`, `/api/v1/sessions` and a status page at `/`.
///
/// Borrows the board.
[[nodiscard]] http_server::handler control_handler(status_board& board);

/// `/certificate.sha256` alone, for the TCP port with the number of the QUIC port.
[[nodiscard]] http_server::handler certificate_handler(status_board& board);

} // namespace moqrtc::reference
