#pragma once

#include "control/control_api.hpp"
#include "doors.hpp"
#include "http_server.hpp"
#include "status_board.hpp"
#include "web_files.hpp"

#include <memory>

namespace moqrtc::reference {

/// What HTTP and HTTPS answer: `/healthz`, `/readyz`, `/metrics`, `/certificate.sha256`, the API, a
/// page of figures at `/status`, and the web client. What tells names is answered only to who calls
/// the server by a name of its own.
///
/// Borrows the board and the API.
[[nodiscard]] http_server::handler control_handler(status_board& board,
                                                   std::shared_ptr<const web_files> web,
                                                   std::shared_ptr<const door_policy> doors,
                                                   control_api& api);

/// Which requests may have a body: those of the API.
[[nodiscard]] http_server::body_rule control_bodies();

/// What HTTP/3 on the QUIC port answers, which may be open to the world: `/healthz`,
/// `/certificate.sha256` and the web client.
[[nodiscard]] http_server::handler public_handler(status_board& board,
                                                  std::shared_ptr<const web_files> web);

/// `/certificate.sha256` alone, for the TCP port with the number of the QUIC port.
[[nodiscard]] http_server::handler certificate_handler(status_board& board);

} // namespace moqrtc::reference
