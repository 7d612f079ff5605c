#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace moqrtc::catalog {

/// One step into a JSON document: the name of a member or the index of an element.
using json_step = std::variant<std::string_view, std::size_t>;

namespace detail {

/// Moves through a text that is known to be valid JSON.
class json_cursor {
public:
    explicit json_cursor(std::string_view text) noexcept : text_{text} { skip_space(); }

    [[nodiscard]] std::size_t position() const noexcept { return position_; }

    /// Enters the value of a member; false, and the position is unchanged, without such a member.
    [[nodiscard]] bool enter(std::string_view name) noexcept {
        const auto start = position_;
        if (!take('{')) return false;
        while (position_ < text_.size() && text_[position_] == '"') {
            const auto from = position_ + 1;
            skip_string();
            const bool found = text_.substr(from, position_ - 1 - from) == name;
            skip_space();
            (void)take(':');
            if (found) return true;
            skip_value();
            (void)take(',');
        }
        position_ = start;
        return false;
    }
    /// Enters an element of an array; false, and the position is unchanged, without such an
    /// element.
    [[nodiscard]] bool enter(std::size_t index) noexcept {
        const auto start = position_;
        if (take('[')) {
            while (position_ < text_.size() && text_[position_] != ']') {
                if (index-- == 0) return true;
                skip_value();
                (void)take(',');
            }
        }
        position_ = start;
        return false;
    }

private:
    void skip_space() noexcept {
        while (position_ < text_.size() &&
               std::string_view{" \t\r\n"}.find(text_[position_]) != std::string_view::npos)
            ++position_;
    }
    [[nodiscard]] bool take(char c) noexcept {
        if (position_ >= text_.size() || text_[position_] != c) return false;
        ++position_;
        skip_space();
        return true;
    }
    void skip_string() noexcept {
        for (++position_; position_ < text_.size() && text_[position_] != '"'; ++position_)
            if (text_[position_] == '\\') ++position_;
        ++position_;
    }
    void skip_value() noexcept {
        std::size_t depth = 0;
        while (position_ < text_.size()) {
            const char c = text_[position_];
            if (depth == 0 && (c == ',' || c == ']' || c == '}')) break;
            if (c == '"') {
                skip_string();
                continue;
            }
            if (c == '[' || c == '{') ++depth;
            if (c == ']' || c == '}') --depth;
            ++position_;
        }
    }

    std::string_view text_;
    std::size_t position_ = 0;
};

} // namespace detail

/// Where a value stands in a JSON text that was parsed before; where a step leads nowhere, the
/// place reached so far.
///
/// Units   bytes from the start.
[[nodiscard]] inline std::uint32_t locate(std::string_view text,
                                          std::initializer_list<json_step> path) noexcept {
    detail::json_cursor cursor{text};
    for (const auto& step : path) {
        const auto* name = std::get_if<std::string_view>(&step);
        const auto* index = std::get_if<std::size_t>(&step);
        if (name != nullptr ? !cursor.enter(*name) : index == nullptr || !cursor.enter(*index))
            break;
    }
    return static_cast<std::uint32_t>(cursor.position());
}

/// An error in words for whoever operates the publisher: line, column, field, section, problem.
[[nodiscard]] inline std::string explain(const error& what, bytes data) {
    const auto text = as_text(data);
    std::size_t line = 1;
    std::size_t column = 1;
    for (const char c : text.substr(0, what.offset)) {
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++column; // not inside a character
        if (c != '\n') continue;
        ++line;
        column = 1;
    }
    std::string words =
        "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
    if (*what.field != '\0') words.append(what.field).append(": ");
    words += to_string(what.code);
    if (*what.where != '\0') words.append(" (").append(what.where).append(")");
    return words;
}

} // namespace moqrtc::catalog
