#pragma once

#include <moqrtc/core/archive.hpp>
#include <moqrtc/core/hex.hpp>
#include <moqrtc/core/utf8.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moqrtc {

/// Appends a JSON string, quotes included; `text` is UTF-8.
inline void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') out += '\\';
        if (code >= 0x20)
            out += c;
        else
            out.append("\\u00").append(hex_encode(as_bytes({&c, 1})));
    }
    out += '"';
}

/// Appends a JSON number; as a string where readers that compute in doubles would lose digits.
///
/// Spec    RFC 8259 section 6.
inline void append_json_number(std::string& out, std::uint64_t n) {
    constexpr std::uint64_t exact = (std::uint64_t{1} << 53) - 1;
    char digits[20];
    const std::string_view text{
        digits,
        static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, n).ptr - digits)};
    if (n <= exact)
        out += text;
    else
        append_json_string(out, text);
}

/// Appends bytes as a JSON string: text where they are UTF-8, else hexadecimal.
inline void append_json_bytes(std::string& out, bytes data) {
    if (is_utf8(as_text(data)))
        append_json_string(out, as_text(data));
    else
        append_json_string(out, hex_encode(data));
}

/// Archive that writes the fields of a structure as members of a JSON object, without its braces.
///
/// Byte strings are text, or hexadecimal with `_bytes` behind the field's name; what runs to the
/// end of a structure (tokens are written like this) is only counted, as `_length`. A field that
/// stands several times in a row gets a number behind its name from the second on.
template <class Rules>
class json_printer : public archive<Rules> {
public:
    static constexpr bool reading = false;

    /// `first` tells whether the object in `out` has no member yet.
    json_printer(const Rules& rules, std::string& out, bool first = true) noexcept
        : archive<Rules>{rules}, out_{&out}, first_{first} {}

    [[nodiscard]] std::size_t position() const noexcept { return 0; }
    void fail(errc code, const char* field) noexcept { this->record(code, field, 0); }
    void check(bool, const char*, errc = errc::bad_value) noexcept {}

    void open() { *out_ += '{'; }
    void close() { *out_ += '}'; }

    void u8(const char* field, std::uint8_t value) { varint(field, value); }
    void u16(const char* field, std::uint16_t value) { varint(field, value); }
    void varint(const char* field, std::uint64_t value) {
        name(field);
        append_json_number(*out_, value);
    }
    void varint_if(bool present, const char* field, std::uint64_t value) {
        if (present) varint(field, value);
    }
    void varint_if(bool present, const char* field, const std::optional<std::uint64_t>& value) {
        if (present) varint(field, value.value_or(0));
    }
    void tail_if(bool defined, const char* field, const std::optional<std::uint64_t>& value) {
        if (defined && value) varint(field, *value);
    }
    void blob(const char* field, bytes value, std::size_t) {
        name(field, is_utf8(as_text(value)) ? "" : "_bytes");
        append_json_bytes(*out_, value);
    }
    void rest(const char* field, bytes value) {
        name(field, "_length");
        append_json_number(*out_, value.size());
    }
    void raw(const char* field, bytes value, std::size_t) { rest(field, value); }
    void word(const char* field, std::string_view value) {
        name(field);
        append_json_string(*out_, value);
    }
    void boolean(const char* field, bool value) {
        name(field);
        *out_ += value ? "true" : "false";
    }
    void list(const char* field) {
        name(field);
        *out_ += '[';
        first_ = true;
    }
    void item(bytes value) {
        if (!first_) *out_ += ',';
        first_ = false;
        *out_ += is_utf8(as_text(value)) ? "{\"value\":" : "{\"value_bytes\":";
        append_json_bytes(*out_, value);
        *out_ += '}';
    }
    /// An object in a list, until `end`.
    void element(bool first) {
        if (!first) *out_ += ',';
        first_ = true;
        ++depth_;
        open();
    }
    void end_list() {
        *out_ += ']';
        first_ = false;
    }
    void begin(const char* field) {
        name(field);
        first_ = true;
        ++depth_;
        open();
    }
    void end() {
        close();
        first_ = false;
        --depth_;
    }
    template <class M>
    void nested(const char* field, const M& value) {
        begin(field);
        M::describe(*this, value);
        end();
    }

private:
    struct level {
        std::string_view last{}; ///< the member before
        unsigned repeats = 1;
    };
    static constexpr std::size_t most_levels = 8; ///< descriptions nest less deeply

    void name(const char* field, std::string_view suffix = {}) {
        if (!first_) *out_ += ',';
        auto& here = levels_[depth_ % most_levels];
        here.repeats = !first_ && here.last == field ? here.repeats + 1 : 1;
        here.last = field;
        first_ = false;
        out_->append("\"").append(field).append(suffix);
        if (here.repeats > 1) out_->append("_").append(std::to_string(here.repeats));
        *out_ += "\":";
    }

    std::string* out_;
    bool first_;
    std::size_t depth_ = 0;
    std::array<level, most_levels> levels_{};
};

} // namespace moqrtc
