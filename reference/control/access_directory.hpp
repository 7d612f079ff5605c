#pragma once

#include "secrets.hpp"

#include <moqrtc/auth/key_set.hpp>
#include <moqrtc/auth/revocations.hpp>
#include <moqrtc/auth/secret_key.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the data plane asks of the control plane, and nothing more: who may come in, what must end,
/// and which token was used. Shards read snapshots that never change; they wait for no lock and for
/// no disk.
namespace moqrtc::reference {

/// Seconds since 1970, as tokens and the database count.
using wall_seconds = std::int64_t;

/// The ways that media can take; each has a kill switch.
enum class media_path : std::uint8_t { moq, webrtc, hls, ingest };
inline constexpr std::array<std::string_view, 4> media_path_names{"moq", "webrtc", "hls", "ingest"};
[[nodiscard]] std::optional<media_path> media_path_named(std::string_view name);

enum class input_kind : std::uint8_t { rtmp, srt, whip, fmp4, moq };
inline constexpr std::array<std::string_view, 5> input_kind_names{"rtmp", "srt", "whip", "fmp4",
                                                                  "moq"};

/// A live input: `lv_…`, published as `stream/<org>/<id>`. `key` is what its stream key is checked
/// against: `auth::verify_stream_key` with the pepper of the snapshot.
struct access_input {
    input_kind kind = input_kind::moq;
    auth::stream_input key{};
};

/// A recording: `as_…`, published as `stream/<org>/<id>`, played by its playback id `pb_…`.
struct access_asset {
    std::string id;
    std::string org;
    std::string playback_id;
};

/// A limit that somebody set other than the server's settings: for an organisation, or for one
/// account of it.
struct access_limit {
    std::string org;
    std::string account; ///< empty: all of the organisation
    std::string name;    ///< `publishers`, `subscribers`, `bitrate`, …
    std::uint64_t value = 0;
};

/// Everything that decides about access, at one moment. Never changes.
struct access_snapshot {
    std::uint64_t version = 0; ///< grows with every change
    bool required = false;     ///< requests need tokens
    std::shared_ptr<const secret_keeper> secrets{};
    std::map<std::string, access_input, std::less<>> inputs{};      ///< by id
    std::map<std::string, access_asset, std::less<>> assets{};      ///< by id
    std::map<std::string, std::string, std::less<>> playback_ids{}; ///< `pb_…` to asset id
    /// What verifies tokens: active and retired keys of every organisation; never null.
    std::shared_ptr<const auth::key_set> keys = std::make_shared<const auth::key_set>();
    /// What is refused although it verifies; never null.
    std::shared_ptr<const auth::revocations> revoked = std::make_shared<const auth::revocations>();
    std::array<bool, media_path_names.size()> killed{};
    std::vector<access_limit> limits{};
    /// Those that settings or somebody later switched; the latter wins.
    std::map<std::string, bool, std::less<>> features{};

    /// Whether a feature is on; one that there is not is off.
    [[nodiscard]] bool has_feature(std::string_view name) const;
    /// `lv_…`, `as_…` or `pb_…` to the namespace behind it, as text: `stream/<org>/<id>`.
    [[nodiscard]] std::optional<std::string> namespace_of(std::string_view id) const;
    [[nodiscard]] bool is_killed(media_path path) const noexcept {
        return killed[static_cast<std::size_t>(path)] ||
               (path == media_path::moq && !has_feature("moq"));
    }
    [[nodiscard]] bytes pepper() const noexcept { return secrets ? secrets->pepper() : bytes{}; }
    /// The account's own limit, or that of its organisation, or nothing.
    [[nodiscard]] std::optional<std::uint64_t> limit(std::string_view org, std::string_view account,
                                                     std::string_view name) const;
};

/// What can be switched, and whether it is on unless somebody says otherwise: sessions of Media
/// over QUIC, delivery of webhooks, and the interfaces of a single-server SFU, behind which nothing
/// is yet.
struct known_feature {
    std::string_view name;
    bool standard;
};
inline constexpr std::array<known_feature, 3> known_features{
    {{"moq", true}, {"webhooks", true}, {"sfu", false}}};

/// Holds the newest snapshot and tells who wants to know.
///
/// Threads every function may be called from any.
class access_directory {
public:
    using listener = std::function<void(std::shared_ptr<const access_snapshot>)>;

    access_directory();

    /// Cheap enough for every request; still, a shard rather keeps what `watch` gave it.
    [[nodiscard]] std::shared_ptr<const access_snapshot> current() const;
    /// Calls `on_change` with the newest snapshot now, and with each one after it, in their order
    /// and on the thread that publishes: a shard posts it to itself. Lives as long as the
    /// directory. A listener may call `current`, which is at least as new as what it was given;
    /// never `watch` or `publish`, which wait for it.
    void watch(listener on_change);
    /// Gives the snapshot the next version and hands it on.
    void publish(access_snapshot fresh);

private:
    std::mutex turn_; ///< of those who tell listeners: one after the other; before `guard_`
    std::vector<listener> listeners_;
    mutable std::mutex guard_;
    std::shared_ptr<const access_snapshot> current_;
};

/// A token that admits once over each transport, and what it admits to.
struct token_use {
    std::string jti{}; ///< behind the name of the key that signed: `kid/jti`
    std::string transport{};
    wall_seconds expires = 0;
    // The call and who comes; `call` is empty where it is none.
    std::string org{};
    std::string call{};
    std::string user{};
    bool publishes = false;
};

/// Remembers which tokens were used, beyond a crash: a call token admits once for each transport.
class token_ledger {
public:
    enum class answer : std::uint8_t {
        fresh,   ///< written down: nobody else is told this
        used,    ///< somebody used it before
        refused, ///< the call is full, or has ended
        failed,  ///< it cannot be written down, so it must not be taken either
    };
    virtual ~token_ledger() = default;
    /// `then` comes on the control thread, after the use is on the disk. Entries are forgotten a
    /// minute after `expires`. Call it from any thread.
    virtual void redeem(token_use one, std::function<void(answer)> then) = 0;
};

/// A session of one shard, as the API names it: `shard.index.generation`.
struct session_name {
    std::uint32_t shard = 0;
    std::uint32_t index = 0;
    std::uint64_t generation = 0;

    [[nodiscard]] static std::optional<session_name> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
};

/// What the control plane can do to sessions. Call it from any thread; answers come on a shard's.
class session_control {
public:
    virtual ~session_control() = default;
    /// Ends a session with `reason`; `then` says whether there was one.
    virtual void end_session(session_name which, std::string reason,
                             std::function<void(bool)> then) = 0;
};

} // namespace moqrtc::reference
