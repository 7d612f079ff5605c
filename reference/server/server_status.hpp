#pragma once

#include "shard_report.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moqrtc::reference {

enum class server_phase : std::uint8_t { starting, serving, draining };

/// What is known of the certificates: hashes in hexadecimal.
struct certificate_status {
    std::string sha256;
    std::chrono::system_clock::time_point not_after;
    std::string next_sha256; ///< empty: none yet
};

/// What holds for the whole server.
struct server_facts {
    server_phase phase = server_phase::starting;
    std::string version;
    std::string quic; ///< address
    std::vector<std::string> drafts;
    std::vector<std::string> upstream;
    bool plaintext_allowed = false;
    std::chrono::system_clock::time_point started;
    certificate_status certificate;
};

/// The server at one moment.
struct server_status {
    server_facts facts;
    std::vector<shard_report> shards;
};

} // namespace moqrtc::reference
