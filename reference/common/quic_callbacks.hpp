#pragma once

#include <ngtcp2/ngtcp2.h>

namespace moqrtc::reference {

/// What the QUIC stack calls, for one side. All of it arrives while a packet is read or written.
[[nodiscard]] ngtcp2_callbacks make_quic_callbacks(bool server) noexcept;
/// Writes to the connection's qlog file.
[[nodiscard]] ngtcp2_qlog_write quic_qlog_writer() noexcept;

} // namespace moqrtc::reference
