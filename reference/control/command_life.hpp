#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::reference {

/// How far a command to a device is.
enum class command_state : std::uint8_t { queued, sent, acked, done, failed, expired };
inline constexpr std::array<std::string_view, 6> command_state_names{"queued", "sent",   "acked",
                                                                     "done",   "failed", "expired"};

[[nodiscard]] constexpr std::string_view to_string(command_state state) noexcept {
    return command_state_names[static_cast<std::size_t>(state)];
}
[[nodiscard]] constexpr std::optional<command_state>
command_state_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < command_state_names.size(); ++i)
        if (command_state_names[i] == name) return static_cast<command_state>(i);
    return std::nullopt;
}
[[nodiscard]] constexpr bool is_final(command_state state) noexcept {
    return state >= command_state::done;
}

/// What a command does next. It only goes on, steps may be left out (a device that answers at once
/// never says that it got it), and what has ended stays as it is.
[[nodiscard]] constexpr bool may_follow(command_state before, command_state after) noexcept {
    return !is_final(before) && after > before;
}

} // namespace moqrtc::reference
