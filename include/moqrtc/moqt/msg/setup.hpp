#pragma once

#include <moqrtc/moqt/message.hpp>
#include <moqrtc/moqt/setup_options.hpp>

namespace moqrtc::moqt::msg {

/// CLIENT_SETUP: what a client can do, first on the control stream.
///
/// Spec    moq-transport up to draft 16, anchor `message-setup`.
struct client_setup {
    static constexpr std::string_view name = "CLIENT_SETUP";
    static constexpr const char* where = "CLIENT_SETUP, message-setup";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.setup == setup_form::symmetric ? no_code : 0x20;
    }

    setup_options options{};

    static constexpr void describe(auto& io, auto& m) { setup_options::describe(io, m.options); }
};

/// SERVER_SETUP: the answer to CLIENT_SETUP.
///
/// Spec    moq-transport up to draft 16, anchor `message-setup`.
struct server_setup {
    static constexpr std::string_view name = "SERVER_SETUP";
    static constexpr const char* where = "SERVER_SETUP, message-setup";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.setup == setup_form::symmetric ? no_code : 0x21;
    }

    setup_options options{};

    static constexpr void describe(auto& io, auto& m) { setup_options::describe(io, m.options); }
};

/// SETUP: the first message on each side's control stream; its type is also the stream's type.
///
/// Spec    moq-transport from draft 17 on, anchor `message-setup`.
struct setup {
    static constexpr std::string_view name = "SETUP";
    static constexpr const char* where = "SETUP, message-setup";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.setup == setup_form::symmetric ? 0x2f00 : no_code;
    }

    setup_options options{};

    static constexpr void describe(auto& io, auto& m) { setup_options::describe(io, m.options); }
};

} // namespace moqrtc::moqt::msg
