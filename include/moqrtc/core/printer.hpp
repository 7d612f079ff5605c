#pragma once

#include <moqrtc/core/archive.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace moqrtc {

/// Text sink over a `std::string`; binary is shown as text when printable, else as hexadecimal.
struct string_sink {
    std::string& out;
    std::size_t most_bytes = 64; ///< longer byte strings are cut, with their length shown

    void text(std::string_view s) { out += s; }
    void number(std::uint64_t n) {
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
        out.append(digits, end);
    }
    void data(bytes value) {
        const auto shown = value.first(std::min(value.size(), most_bytes));
        const bool printable = std::all_of(shown.begin(), shown.end(), [](std::byte b) {
            return b >= std::byte{0x20} && b < std::byte{0x7f} && b != std::byte{'"'};
        });
        out += printable ? "\"" : "0x";
        if (printable) out += as_text(shown);
        for (auto b : printable ? bytes{} : shown) {
            out += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
            out += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
        }
        if (printable) out += '"';
        if (shown.size() < value.size()) {
            out += "...(";
            number(value.size());
            out += " bytes)";
        }
    }
};

/// Archive that prints a structure as `{field=value, …}` into a sink.
template <class Rules, class Sink>
class printer : public archive<Rules> {
public:
    static constexpr bool reading = false;

    constexpr printer(const Rules& rules, Sink& out) noexcept : archive<Rules>{rules}, out_{&out} {}

    [[nodiscard]] constexpr std::size_t position() const noexcept { return 0; }
    constexpr void fail(errc code, const char* field) noexcept { this->record(code, field, 0); }
    constexpr void check(bool, const char*, errc = errc::bad_value) noexcept {}

    constexpr void open() { out_->text("{"); }
    constexpr void close() { out_->text("}"); }

    constexpr void u8(const char* field, std::uint8_t value) { varint(field, value); }
    constexpr void u16(const char* field, std::uint16_t value) { varint(field, value); }
    constexpr void varint(const char* field, std::uint64_t value) {
        name(field);
        out_->number(value);
    }
    constexpr void varint_if(bool present, const char* field, std::uint64_t value) {
        if (present) varint(field, value);
    }
    constexpr void varint_if(bool present, const char* field,
                             const std::optional<std::uint64_t>& value) {
        if (present) varint(field, value.value_or(0));
    }
    constexpr void tail_if(bool defined, const char* field,
                           const std::optional<std::uint64_t>& value) {
        if (defined && value) varint(field, *value);
    }
    constexpr void blob(const char* field, bytes value, std::size_t) {
        name(field);
        out_->data(value);
    }
    constexpr void rest(const char* field, bytes value) { blob(field, value, SIZE_MAX); }
    constexpr void raw(const char* field, bytes value, std::size_t) {
        blob(field, value, SIZE_MAX);
    }
    constexpr void word(const char* field, std::string_view value) {
        name(field);
        out_->text(value);
    }
    /// A list of byte strings: `list`, each `item`, `end_list`.
    constexpr void list(const char* field) {
        name(field);
        out_->text("[");
        first_ = true;
    }
    constexpr void item(bytes value) {
        if (!first_) out_->text(", ");
        first_ = false;
        out_->data(value);
    }
    constexpr void end_list() {
        out_->text("]");
        first_ = false;
    }
    /// A structure that is no type of its own: `begin`, its fields, `end`.
    constexpr void begin(const char* field) {
        name(field);
        first_ = true;
        open();
    }
    constexpr void end() {
        close();
        first_ = false;
    }
    template <class M>
    constexpr void nested(const char* field, const M& value) {
        begin(field);
        M::describe(*this, value);
        end();
    }

private:
    constexpr void name(const char* field) {
        if (!first_) out_->text(", ");
        first_ = false;
        out_->text(field);
        out_->text("=");
    }

    Sink* out_;
    bool first_ = true;
};

} // namespace moqrtc
