#pragma once

#include "exports.hpp"

#include <moqrtc/moqt/session/session.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace moqrtc::web {

/// A session as JavaScript holds it: with its pool, and with what it was told last.
struct web_session {
    static constexpr std::size_t most_memory = std::size_t{256} << 20;

    web_session(instant now, moqt::session_config config)
        : pool{most_memory}, self{now, std::move(config), pool} {}

    buffer_pool pool; ///< first: everything else gives its bytes back to it
    moqt::session self;
    moqt::event current{};
    event_record event{};
    std::vector<std::byte> space{};
    moqt::transport_op operation{};
    op_record op{};
    send_record send{};
    std::array<std::byte, 16> track_properties{};
};

[[nodiscard]] inline instant at(double now_us) noexcept {
    return instant{static_cast<std::int64_t>(now_us)};
}

/// A namespace from its fields, each behind its length in two bytes.
[[nodiscard]] moqt::track_namespace namespace_of(bytes fields);
[[nodiscard]] moqt::message_params params_of(const web_session& s, const params_record* from);
/// Track properties in the session's draft; borrows from the session until the next call.
[[nodiscard]] bytes properties_of(web_session& s, const params_record* from);
/// Fills `s.event` from `s.current`.
void describe_event(web_session& s);

} // namespace moqrtc::web
