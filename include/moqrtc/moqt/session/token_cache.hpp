#pragma once

#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/token.hpp>

#include <map>
#include <optional>
#include <string>

namespace moqrtc::moqt {

/// The authorization tokens that a peer has registered in a session.
///
/// Spec    moq-transport, anchor `authorization-token`: a token counts 16 bytes and its value.
class token_cache {
public:
    struct entry {
        std::uint64_t token_type = 0;
        std::string value;
    };
    /// What became of the tokens of one message.
    enum class outcome : std::uint8_t { ok, duplicate_alias, overflow, unknown_alias };

    explicit token_cache(std::uint64_t limit) noexcept : limit_{limit} {}

    /// Applies one token. `in_setup`: one that does not fit counts as a value, without an error.
    [[nodiscard]] outcome apply(const authorization_token& token, bool in_setup = false) {
        switch (token.kind) {
        case alias_type::use_value:
            return outcome::ok;
        case alias_type::use_alias:
            return entries_.contains(token.alias) ? outcome::ok : outcome::unknown_alias;
        case alias_type::delete_alias: {
            const auto found = entries_.find(token.alias);
            if (found == entries_.end()) return outcome::unknown_alias;
            used_ -= 16 + found->second.value.size();
            entries_.erase(found);
            return outcome::ok;
        }
        case alias_type::register_alias:
            break;
        }
        if (entries_.contains(token.alias)) return outcome::duplicate_alias;
        const std::uint64_t size = 16 + token.value.size();
        if (size > limit_ - used_) return in_setup ? outcome::ok : outcome::overflow;
        used_ += size;
        entries_[token.alias] = {token.token_type, std::string{as_text(token.value)}};
        return outcome::ok;
    }
    /// The token behind what a message carried: its own value, or the one its alias stands for.
    ///
    /// Borrows from the token or from the cache, until it changes. None for DELETE and unknown
    /// aliases.
    [[nodiscard]] std::optional<authorization_token>
    resolve(const authorization_token& token) const {
        if (token.kind == alias_type::use_value || token.kind == alias_type::register_alias)
            return authorization_token{alias_type::use_value, 0, token.token_type, token.value};
        const auto found = entries_.find(token.alias);
        if (token.kind != alias_type::use_alias || found == entries_.end()) return std::nullopt;
        return authorization_token{alias_type::use_value, 0, found->second.token_type,
                                   as_bytes(found->second.value)};
    }
    [[nodiscard]] std::uint64_t used() const noexcept { return used_; }

private:
    std::map<std::uint64_t, entry> entries_;
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
};

} // namespace moqrtc::moqt
