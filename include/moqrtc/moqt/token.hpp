#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/limits.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace moqrtc::moqt {

enum class alias_type : std::uint8_t {
    delete_alias = 0,
    register_alias = 1,
    use_alias = 2,
    use_value = 3
};

/// An authorization token as it travels: a value, an alias, or both.
///
/// Spec    moq-transport, anchor `authorization-token`.
/// Fields  `alias` counts except for `use_value`; `token_type` and `value` for `register_alias`
///         and `use_value`. Token type 0 is agreed out of band.
/// Borrows `value`.
struct authorization_token {
    alias_type kind = alias_type::use_value;
    std::uint64_t alias = 0;
    std::uint64_t token_type = 0;
    bytes value{};

    static constexpr void describe(auto& io, auto& m) {
        std::uint64_t raw = static_cast<std::uint64_t>(m.kind);
        if constexpr (samples<decltype(io)>)
            raw = io.below(4);
        else
            io.varint("alias_type", raw);
        io.check(raw <= 3, "alias_type", errc::malformed_value);
        if constexpr (reads<decltype(io)> || samples<decltype(io)>)
            m.kind = static_cast<alias_type>(raw & 3);
        if (m.kind != alias_type::use_value) io.varint("alias", m.alias);
        if (m.kind == alias_type::register_alias || m.kind == alias_type::use_value) {
            io.varint("token_type", m.token_type);
            io.rest("value", m.value);
        }
    }
};

/// The authorization tokens of one message, in order.
///
/// Borrows either the parsed buffer (tokens already validated) or the caller's array.
class token_list {
public:
    constexpr token_list() noexcept = default;
    /// Tokens to send; the array outlives the message.
    constexpr explicit token_list(std::span<const authorization_token> given) noexcept
        : given_{given.data()}, count_{static_cast<std::uint16_t>(given.size())} {}
    /// Tokens in a parsed buffer: length, token, then for each further one a key of its own.
    constexpr token_list(const wire_rules& rules, bytes encoded, std::size_t count) noexcept
        : encoded_{encoded}, rules_{&rules}, count_{static_cast<std::uint16_t>(count)} {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }

    /// Walks the tokens in order.
    class cursor {
    public:
        constexpr explicit cursor(const token_list& of) noexcept : of_{&of}, left_{of.encoded_} {}
        [[nodiscard]] constexpr std::optional<authorization_token> next() noexcept {
            if (at_ == of_->count_) return std::nullopt;
            if (of_->given_ != nullptr) return of_->given_[at_++];
            reader io{*of_->rules_, left_};
            std::uint64_t key = 0;
            bytes one;
            if (at_++ != 0) io.varint("type", key);
            io.blob("authorization_token", one, limits::key_value_bytes);
            left_ = left_.subspan(io.position());
            reader inner{*of_->rules_, one};
            authorization_token token;
            authorization_token::describe(inner, token);
            return token;
        }

    private:
        const token_list* of_;
        bytes left_;
        std::size_t at_ = 0;
    };
    [[nodiscard]] constexpr cursor tokens() const noexcept { return cursor{*this}; }

private:
    bytes encoded_{};
    const wire_rules* rules_ = nullptr;
    const authorization_token* given_ = nullptr;
    std::uint16_t count_ = 0;
};

} // namespace moqrtc::moqt
