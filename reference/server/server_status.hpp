#pragma once

#include "admission_ledger.hpp"
#include "shard_report.hpp"

#include <chrono>
#include <cstddef>
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
    std::string next_sha256;        ///< empty: none yet
    std::vector<std::string> names; ///< that it is valid for
};

/// What holds for the whole server.
struct server_facts {
    server_phase phase = server_phase::starting;
    std::string version;
    std::string quic; ///< address
    std::vector<std::string> drafts;
    std::vector<std::string> upstream;
    std::vector<std::string> hosts; ///< further names that browsers may call us by
    bool plaintext_allowed = false;
    std::size_t memory_limit = 0;      ///< bytes
    std::vector<std::string> limits{}; ///< the bound of each row of `limit_table`, a number
    std::string media_mode{};
    std::vector<std::string> turn_urls{};
    std::string recording_dir{};
    std::chrono::system_clock::time_point started;
    certificate_status certificate;

    /// Every name that browsers may call us by.
    [[nodiscard]] std::vector<std::string> names() const {
        auto out = certificate.names;
        out.insert(out.end(), hosts.begin(), hosts.end());
        return out;
    }
};

/// The server at one moment.
struct server_status {
    server_facts facts;
    admission_ledger::figures admission;
    std::vector<shard_report> shards;
};

} // namespace moqrtc::reference
