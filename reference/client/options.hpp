#pragma once

#include "runner.hpp"

#include <CLI/CLI.hpp>
#include <expected>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// What the command line said about the server; turned into `client_options` when all is parsed.
struct connection_arguments {
    std::string url;
    std::string draft;
    std::string transport = "auto";
    std::string origin;
    std::string cert_sha256;
    std::string ca_file;
    std::string token;
    std::string token_file;
    std::string token_command;
    std::string qlog_directory;
    unsigned connect_timeout_ms = 5000;
    bool insecure = false;
    bool verbose = false;
    bool json = false;
    bool reconnect = false;

    void add_to(CLI::App& command);
    /// A sentence when something does not fit.
    [[nodiscard]] std::expected<client_options, std::string> read() const;
};

/// `-n a/b/c`, or `--namespace-field` once per field.
struct namespace_arguments {
    std::string text;
    std::vector<std::string> fields;

    void add_to(CLI::App& command, bool required = true);
    [[nodiscard]] std::expected<moqt::track_namespace, std::string> read() const;
};

} // namespace moqrtc::reference
