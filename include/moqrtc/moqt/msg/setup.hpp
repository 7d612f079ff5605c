#pragma once

#include <moqrtc/moqt/message.hpp>
#include <moqrtc/moqt/setup_options.hpp>

#include <array>
#include <cstdint>

namespace moqrtc::moqt::msg {

/// The versions that a client offers, up to draft 14.
///
/// Spec    moq-transport 14, anchor `setup-versions`.
struct version_list {
    std::array<std::uint64_t, limits::versions> numbers{};
    std::size_t count = 0;

    /// The one version of a draft that has such lists; else none.
    [[nodiscard]] static constexpr version_list of(const wire_rules& rules) noexcept {
        version_list out;
        if (rules.setup != setup_form::versions) return out;
        out.numbers[0] = rules.version;
        out.count = 1;
        return out;
    }
    [[nodiscard]] constexpr bool contains(std::uint64_t version) const noexcept {
        for (std::size_t i = 0; i < count; ++i)
            if (numbers[i] == version) return true;
        return false;
    }

    static constexpr void describe(auto& io, auto& m) {
        std::uint64_t count = m.count;
        if constexpr (samples<decltype(io)>)
            count = io.below(limits::versions);
        else
            io.varint("number_of_supported_versions", count);
        io.check(count <= limits::versions, "number_of_supported_versions", errc::limit);
        if (!io.ok()) return;
        for (std::size_t i = 0; i < count; ++i)
            io.varint("supported_version", m.numbers[i]);
        if constexpr (reads<decltype(io)> || samples<decltype(io)>)
            m.count = static_cast<std::size_t>(count);
    }
};

/// CLIENT_SETUP: what a client can do, first on the control stream.
///
/// Spec    moq-transport up to draft 16, anchor `message-setup`.
/// Fields  `versions` only in draft 14.
struct client_setup {
    static constexpr std::string_view name = "CLIENT_SETUP";
    static constexpr const char* where = "CLIENT_SETUP, message-setup";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.setup == setup_form::symmetric ? no_code : 0x20;
    }

    setup_options options{};
    version_list versions{};

    static constexpr void describe(auto& io, auto& m) {
        if (io.rules().setup == setup_form::versions)
            io.nested("versions", m.versions);
        else
            io.check(m.versions.count == 0, "versions", errc::not_in_draft);
        setup_options::describe(io, m.options);
    }
};

/// SERVER_SETUP: the answer to CLIENT_SETUP.
///
/// Spec    moq-transport up to draft 16, anchor `message-setup`.
/// Fields  `selected_version` only in draft 14.
struct server_setup {
    static constexpr std::string_view name = "SERVER_SETUP";
    static constexpr const char* where = "SERVER_SETUP, message-setup";
    static constexpr std::uint64_t code(const wire_rules& rules) noexcept {
        return rules.setup == setup_form::symmetric ? no_code : 0x21;
    }

    setup_options options{};
    std::uint64_t selected_version = 0;

    static constexpr void describe(auto& io, auto& m) {
        io.varint_if(io.rules().setup == setup_form::versions, "selected_version",
                     m.selected_version);
        setup_options::describe(io, m.options);
    }
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
