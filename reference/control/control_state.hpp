#pragma once

#include "access_directory.hpp"
#include "call_registry.hpp"
#include "event_hub.hpp"
#include "kill_switch.hpp"
#include "records.hpp"
#include "secrets.hpp"
#include "server/server_status.hpp"
#include "signing_keys.hpp"
#include "stream_registry.hpp"
#include "webhooks.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// What the control plane asks of the rest of the server; any of it may be missing, as in tests.
struct control_outside {
    using status_answer = std::function<void(std::shared_ptr<const server_status>)>;

    /// Asks for the lists of sessions and tracks; the answer comes on another thread.
    std::function<void(status_answer)> status{};
    session_control* sessions = nullptr;
    std::map<std::string, bool, std::less<>> features{}; ///< as the settings have them
    /// Facts of the server: what `/api/v1/info` begins with, as JSON.
    std::function<std::string()> info{};
    /// Where clients reach us by WebTransport and HTTPS, as `https://host:port`.
    std::function<std::string()> base_url{};
    /// Something that operators should read: what, name, value.
    std::function<void(std::string_view, std::string_view, std::string_view)> note{};
};

/// Everything that routes work with. Belongs to the control thread.
struct control_state {
    /// `data` is the data directory; empty keeps all in memory. `open`: callers need no key.
    control_state(const std::filesystem::path& data, std::shared_ptr<const secret_keeper> keeper,
                  access_directory& to, event_hub& hub, bool is_open);

    /// Rebuilds what the doors see and hands it on. Call it after every change to what it is made
    /// of, before the change is acknowledged.
    void publish();
    /// Brings everything that stands in memory back to what the database has: after something was
    /// rolled back, or removed with all that belongs to it.
    void reread();
    /// Reads the kill switches again; true when one changed.
    bool watch_kill();
    /// Makes what a new database has: an organisation and a key for everything, whose text `keep`
    /// gets once, before anything is written. False: the database is not new.
    bool first_start(wall_seconds now, const std::function<void(const std::string& key)>& keep);

    std::shared_ptr<const secret_keeper> secrets;
    access_directory* directory;
    event_hub* events;
    bool open;
    database store;
    signing_keys keys;
    call_registry calls;
    kill_switch kill;
    kill_switch::states killed{};
    webhooks hooks;
    stream_registry streams;
    control_outside outside;
    std::string first_org; ///< whose records those of callers without a key are
};

/// Now, by the wall clock.
[[nodiscard]] wall_seconds wall_time();

} // namespace moqrtc::reference
