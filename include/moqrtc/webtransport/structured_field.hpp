#pragma once

#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::webtransport {

namespace detail {

/// Parser of structured fields, as far as lists and items of strings need it: every kind of bare
/// item is recognised, because parameters may have any, but only strings are kept.
///
/// Spec    RFC 9651 section 4.2.
class structured_parser {
public:
    explicit constexpr structured_parser(std::string_view text) noexcept : text_{text} {}

    [[nodiscard]] constexpr std::size_t position() const noexcept { return at_; }
    [[nodiscard]] constexpr bool at_end() const noexcept { return at_ == text_.size(); }
    constexpr void skip_spaces() noexcept {
        while (peek() == ' ')
            ++at_;
    }
    constexpr void skip_white() noexcept {
        while (peek() == ' ' || peek() == '\t')
            ++at_;
    }
    [[nodiscard]] constexpr bool take(char c) noexcept {
        if (peek() != c) return false;
        ++at_;
        return true;
    }

    /// Section 4.2.5; `out` may be null.
    [[nodiscard]] constexpr bool string(std::string* out) {
        if (!take('"')) return false;
        while (!at_end()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (c < 0x20 || c > 0x7e) return false;
            char plain = c;
            if (c == '\\') {
                plain = at_end() ? '\0' : text_[at_++];
                if (plain != '"' && plain != '\\') return false;
            }
            if (out != nullptr) *out += plain;
        }
        return false;
    }
    /// Section 4.2.3.2: parameters, whose content means nothing here.
    [[nodiscard]] constexpr bool parameters() {
        while (take(';')) {
            skip_spaces();
            if (!key()) return false;
            if (take('=') && !bare_item()) return false;
        }
        return true;
    }

private:
    [[nodiscard]] constexpr char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
    [[nodiscard]] static constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
    [[nodiscard]] static constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
    [[nodiscard]] static constexpr bool is_alpha(char c) noexcept {
        return is_lower(c) || (c >= 'A' && c <= 'Z');
    }
    [[nodiscard]] static constexpr bool is_one_of(char c, std::string_view set) noexcept {
        return c != '\0' && set.find(c) != std::string_view::npos;
    }
    [[nodiscard]] constexpr bool key() noexcept {
        if (!is_lower(peek()) && peek() != '*') return false;
        while (is_lower(peek()) || is_digit(peek()) || is_one_of(peek(), "_-.*"))
            ++at_;
        return true;
    }
    [[nodiscard]] constexpr bool bare_item() {
        const char c = peek();
        if (c == '"') return string(nullptr);
        if (c == '-' || is_digit(c)) return number(true);
        if (c == '?') return boolean();
        if (c == ':') return binary();
        if (c == '@') return ++at_, number(false);
        if (c == '%') return display_string();
        return token();
    }
    /// An integer of at most 15 digits, or a decimal of at most 12 and 3.
    [[nodiscard]] constexpr bool number(bool decimal_allowed) noexcept {
        (void)take('-');
        const auto whole = digits();
        if (whole == 0 || whole > 15) return false;
        if (!take('.')) return true;
        const auto fraction = digits();
        return decimal_allowed && whole <= 12 && fraction >= 1 && fraction <= 3;
    }
    constexpr std::size_t digits() noexcept {
        const auto start = at_;
        while (is_digit(peek()))
            ++at_;
        return at_ - start;
    }
    [[nodiscard]] constexpr bool boolean() noexcept {
        ++at_;
        return take('0') || take('1');
    }
    [[nodiscard]] constexpr bool binary() noexcept {
        ++at_;
        while (is_alpha(peek()) || is_digit(peek()) || is_one_of(peek(), "+/="))
            ++at_;
        return take(':');
    }
    [[nodiscard]] constexpr bool display_string() noexcept {
        ++at_;
        if (!take('"')) return false;
        while (!at_end()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (c < 0x20 || c > 0x7e) return false;
            if (c != '%') continue;
            for (int i = 0; i < 2; ++i, ++at_)
                if (!is_digit(peek()) && !is_one_of(peek(), "abcdef")) return false;
        }
        return false;
    }
    [[nodiscard]] constexpr bool token() noexcept {
        if (!is_alpha(peek()) && peek() != '*') return false;
        while (is_alpha(peek()) || is_digit(peek()) || is_one_of(peek(), "!#$%&'*+-.^_`|~:/"))
            ++at_;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

[[nodiscard]] constexpr std::unexpected<error> structured_failure(std::size_t at) noexcept {
    return fail(errc::bad_value, "member", static_cast<std::uint32_t>(at),
                "structured field, RFC 9651");
}

} // namespace detail

/// A list of strings; parameters are dropped.
///
/// Errors  bad_value when the text is no list or a member is not a string: the whole field is then
///         to be ignored. `offset` counts characters.
[[nodiscard]] inline result<std::vector<std::string>> parse_string_list(std::string_view text) {
    detail::structured_parser in{text};
    std::vector<std::string> members;
    in.skip_spaces();
    while (!in.at_end()) {
        std::string member;
        if (!in.string(&member) || !in.parameters())
            return detail::structured_failure(in.position());
        members.push_back(std::move(member));
        in.skip_white();
        if (in.at_end()) break;
        if (!in.take(',')) return detail::structured_failure(in.position());
        in.skip_white();
        if (in.at_end()) return detail::structured_failure(in.position());
    }
    return members;
}

/// An item that is a string; parameters are dropped.
///
/// Errors  bad_value, as above.
[[nodiscard]] inline result<std::string> parse_string_item(std::string_view text) {
    detail::structured_parser in{text};
    std::string value;
    in.skip_spaces();
    if (!in.string(&value) || !in.parameters()) return detail::structured_failure(in.position());
    in.skip_spaces();
    if (!in.at_end()) return detail::structured_failure(in.position());
    return value;
}

/// `value` as an item, quoted.
///
/// Errors  bad_value for a character outside printable ASCII.
[[nodiscard]] inline result<std::string> serialize_string_item(std::string_view value) {
    std::string text{'"'};
    for (const char c : value) {
        if (c < 0x20 || c > 0x7e)
            return detail::structured_failure(static_cast<std::size_t>(text.size() - 1));
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    text += '"';
    return text;
}

/// `values` as a list of strings.
///
/// Errors  bad_value, as above.
[[nodiscard]] inline result<std::string>
serialize_string_list(std::span<const std::string_view> values) {
    std::string text;
    for (const auto value : values) {
        auto item = serialize_string_item(value);
        if (!item) return item;
        if (!text.empty()) text += ", ";
        text += *item;
    }
    return text;
}

} // namespace moqrtc::webtransport
