#pragma once

#include <moqrtc/moqt/params_codec.hpp>

#include <cstdint>
#include <optional>

namespace moqrtc::moqt {

/// Setup options (parameters up to draft 16); absent ones are unset, unknown ones are skipped.
///
/// Spec    moq-transport, anchor `setup-params`.
/// Units   `max_auth_token_cache_size` in bytes, 16 per token plus its value.
/// Fields  from draft 19 on: `max_filter_ranges` of one subscription or fetch, absent for none;
///         `max_request_updates` without an answer on one request, absent or 0 for any number.
/// Borrows every byte string points into the parsed buffer.
/// Errors  malformed_value for a token that does not decode, duplicate, overflow, limit.
struct setup_options {
    std::optional<bytes> path{};
    std::optional<std::uint64_t> max_request_id{};
    token_list authorization_tokens{};
    std::optional<std::uint64_t> max_auth_token_cache_size{};
    std::optional<bytes> authority{};
    std::optional<std::uint64_t> max_filter_ranges{};
    std::optional<bytes> implementation{};
    std::optional<std::uint64_t> max_request_updates{};

    template <class Self, class Visit>
    static constexpr void for_each(Self& self, const wire_rules& rules, Visit&& visit) {
        visit(0x01, "path", self.path);
        if (rules.request_credit) visit(0x02, "max_request_id", self.max_request_id);
        visit(0x03, "authorization_token", self.authorization_tokens);
        visit(0x04, "max_auth_token_cache_size", self.max_auth_token_cache_size);
        visit(0x05, "authority", self.authority);
        if (rules.range_filters) visit(0x06, "max_filter_ranges", self.max_filter_ranges);
        visit(0x07, "moqt_implementation", self.implementation);
        if (rules.range_filters) visit(0x08, "max_request_updates", self.max_request_updates);
    }

    static constexpr void describe(auto& io, auto& m) {
        if constexpr (reads<decltype(io)>)
            read(io, m);
        else if constexpr (samples<decltype(io)>)
            sample(io, m);
        else if constexpr (prints<decltype(io)>) {
            io.begin("options");
            write(io, m);
            io.end();
        } else
            write(io, m);
    }

private:
    static constexpr void read(auto& io, setup_options& m) {
        const bool counted = io.rules().setup != setup_form::symmetric;
        const bool deltas = io.rules().keys == key_form::delta;
        std::uint64_t count = UINT64_MAX;
        if (counted) io.varint("number_of_parameters", count);
        std::uint64_t type = 0;
        std::uint32_t seen = 0;
        for (std::uint64_t i = 0; i < count && io.ok() && (counted || io.left() != 0); ++i) {
            std::uint64_t key = 0;
            io.varint("option_type", key);
            io.check(!deltas || key <= UINT64_MAX - type, "option_type", errc::overflow);
            type = deltas ? type + key : key;
            if (!io.ok()) return;
            bool known = false;
            for_each(m, io.rules(), [&](std::uint64_t id, const char* name, auto& member) {
                if (known || id != type) return;
                known = true;
                const auto bit = std::uint32_t{1} << id;
                io.check((seen & bit) == 0, name, errc::duplicate);
                seen |= bit;
                if constexpr (requires { member.tokens(); }) {
                    const auto tokens =
                        detail::read_tokens(io, member, counted ? count - i : count);
                    if (tokens > 1) i += tokens - 1;
                } else if constexpr (requires { member->size(); }) {
                    io.blob(name, member.emplace(), limits::key_value_bytes);
                } else {
                    io.varint(name, member.emplace());
                }
            });
            if (!known) detail::skip_key_value(io, type);
        }
    }

    static constexpr void write(auto& io, const setup_options& m) {
        using Io = std::remove_cvref_t<decltype(io)>;
        std::size_t count = 0;
        for_each(m, io.rules(), [&](std::uint64_t, const char*, auto& member) {
            count += detail::occurrences(member);
        });
        io.check(!m.max_request_id || io.rules().request_credit, "max_request_id",
                 errc::not_in_draft);
        io.check((!m.max_filter_ranges && !m.max_request_updates) || io.rules().range_filters,
                 "max_filter_ranges", errc::not_in_draft);
        if constexpr (!prints<Io>) {
            if (io.rules().setup != setup_form::symmetric) io.varint("number_of_parameters", count);
        }
        std::uint64_t previous = 0;
        const bool deltas = io.rules().keys == key_form::delta;
        for_each(m, io.rules(), [&](std::uint64_t id, const char* name, auto& member) {
            if (detail::occurrences(member) == 0) return;
            const auto key = [&] {
                if constexpr (!prints<Io>) io.varint("option_type", deltas ? id - previous : id);
                previous = id;
            };
            if constexpr (requires { member.tokens(); }) {
                auto at = member.tokens();
                while (const auto token = at.next()) {
                    key();
                    detail::length_prefixed<false>(
                        io, name, errc::malformed_value,
                        [&](auto& inner) { authorization_token::describe(inner, *token); });
                }
            } else {
                key();
                if constexpr (requires { member->size(); })
                    io.blob(name, *member, limits::key_value_bytes);
                else
                    io.varint(name, *member);
            }
        });
    }

    static constexpr void sample(auto& io, setup_options& m) {
        for_each(m, io.rules(), [&](std::uint64_t, const char* name, auto& member) {
            if (io.below(2) != 0) return;
            if constexpr (requires { member.tokens(); })
                member = detail::sample_tokens(io);
            else if constexpr (requires { member->size(); })
                io.blob(name, member.emplace(), 64);
            else
                io.varint(name, member.emplace());
        });
    }
};

} // namespace moqrtc::moqt
