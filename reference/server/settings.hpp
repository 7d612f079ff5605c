#pragma once

#include "admission_limits.hpp"
#include "common/locator.hpp"
#include "common/offered_draft.hpp"
#include "common/quic_config.hpp"
#include "common/socket_address.hpp"

#include <moqrtc/moqt/relay/config.hpp>
#include <moqrtc/webtransport/dialect.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

enum class log_format : std::uint8_t { text, json };
enum class log_level : std::uint8_t { debug, info, warning, error, off };
/// `automatic` is off when every listener is on loopback, required otherwise.
enum class auth_mode : std::uint8_t { automatic, off, required };

/// `automatic`: callers of the API need a key unless requests need no token and HTTP listens on
/// loopback alone.
enum class api_key_mode : std::uint8_t { automatic, always };

/// Which way calls take, as clients are told.
enum class media_mode : std::uint8_t { p2p, single_server_sfu, moq, automatic };

/// What can be switched off, or on, before it is ready; somebody may change it later by the API.
struct feature_settings {
    bool moq = true;
    bool webhooks = true;
    bool sfu = false;
};

/// Relays of WebRTC that clients are told of.
struct turn_settings {
    std::vector<std::string> urls;
    std::string username;
    std::string credential; ///< a secret
};

/// The drafts that are offered unless somebody says otherwise, newest first.
[[nodiscard]] std::vector<std::string> default_drafts();

/// Everything that an operator can set. Names and defaults are told by the table in
/// `setting_table.hpp`; texts in here have passed its checks.
struct server_settings {
    std::string listen = "127.0.0.1:4443";
    std::string https = "127.0.0.1:8443";
    std::string http = "127.0.0.1:8080";
    api_key_mode api_keys = api_key_mode::automatic;
    bool allow_plaintext = false;
    std::vector<std::string> host; ///< names besides those in the certificate
    std::string web_dir;
    std::vector<std::string> origin; ///< empty: any when authorization is required, else `same`
    std::vector<std::string> webtransport_dialects{"02", "07", "13", "15"};
    std::string webtransport_default_draft = "14";
    std::vector<std::string> upstream;
    std::string upstream_ca;
    std::vector<std::string> upstream_cert_sha256;
    bool insecure_upstream = false;
    std::string data_dir; ///< empty: the user's data directory
    std::string cert;
    std::string key;
    std::vector<std::string> cert_name;
    auth_mode auth = auth_mode::automatic;
    std::vector<std::string> drafts = default_drafts();
    std::size_t threads = 1;
    log_format format = log_format::text;
    log_level level = log_level::info;
    std::string qlog_dir;
    duration drain = seconds(10);
    std::size_t memory = std::size_t{2} << 30;
    std::size_t http_connections = 256;
    std::uint64_t requests_per_session = 1000;
    admission_limits admission;
    media_mode mode = media_mode::automatic;
    feature_settings features;
    turn_settings turn;
    std::string recording_dir;

    quic_config quic;
    moqt::relay_config relay;
};

/// Where a listener is bound: a numeric address, `localhost`, or nothing or `*` for every address.
[[nodiscard]] std::expected<socket_address, std::string> parse_endpoint(std::string_view text);

/// The drafts of `settings.drafts`, in that order.
[[nodiscard]] offered_drafts_list offered_drafts(const server_settings& settings);

/// The dialects of `settings.webtransport_dialects`; empty when WebTransport is off.
[[nodiscard]] webtransport::dialect_set offered_dialects(const server_settings& settings);
/// `settings.webtransport_default_draft`; nothing for `refuse` and for a draft that is not offered.
[[nodiscard]] std::optional<moqt::draft> fallback_draft(const server_settings& settings);
/// `settings.origin`, or what stands for it.
[[nodiscard]] std::vector<std::string> allowed_origins(const server_settings& settings);

/// Whether requests of media need tokens: `auth`, or what `automatic` comes to.
[[nodiscard]] bool wants_tokens(const server_settings& settings);
/// Whether callers of the API need a key.
[[nodiscard]] bool wants_api_keys(const server_settings& settings);

/// Whether recordings can be written where they are to go, tried out.
[[nodiscard]] std::expected<void, std::string> check_recording_dir(const server_settings& settings);

/// What one setting alone cannot show: that they fit each other, and what this version lacks.
struct setting_conflict {
    std::string_view key;
    std::string what;
};
[[nodiscard]] std::expected<void, setting_conflict> check_together(const server_settings& settings);

} // namespace moqrtc::reference
