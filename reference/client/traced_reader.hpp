#pragma once

#include <moqrtc/core/printer.hpp>
#include <moqrtc/core/reader.hpp>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// Lines of `offset  field  value`, indented by depth.
class field_lines {
public:
    void add(std::size_t offset, std::string_view field, std::string_view value) {
        char head[32];
        std::snprintf(head, sizeof head, "%06zx  ", offset);
        out_ += head;
        out_.append(depth_ * 2, ' ');
        out_ += field;
        if (!value.empty()) out_.append("  ").append(value);
        out_ += '\n';
    }
    void number(std::size_t offset, std::string_view field, std::uint64_t value) {
        std::string text = std::to_string(value);
        char hex[24];
        std::snprintf(hex, sizeof hex, " (0x%llx)", static_cast<unsigned long long>(value));
        if (value > 9) text += hex;
        add(offset, field, text);
    }
    void data(std::size_t offset, std::string_view field, bytes value) {
        std::string text;
        string_sink{text, 48}.data(value);
        add(offset, field, text);
    }
    void indent() { ++depth_; }
    void outdent() { --depth_; }
    [[nodiscard]] const std::string& text() const noexcept { return out_; }

private:
    std::string out_;
    std::size_t depth_ = 0;
};

/// A `reader` that writes down each field with its offset as it is read.
///
/// Descriptions run on it as on any other archive; offsets count from the start of the input that
/// `base` bytes of were read before.
template <class Rules>
class traced_reader : public reader<Rules> {
    using plain = reader<Rules>;

public:
    traced_reader(const Rules& rules, bytes in, std::size_t base, field_lines& out) noexcept
        : plain{rules, in}, base_{base}, out_{&out} {}

    void u8(const char* field, std::uint8_t& value) {
        const auto at = plain::position();
        plain::u8(field, value);
        if (plain::ok()) out_->number(base_ + at, field, value);
    }
    void u16(const char* field, std::uint16_t& value) {
        const auto at = plain::position();
        plain::u16(field, value);
        if (plain::ok()) out_->number(base_ + at, field, value);
    }
    void varint(const char* field, std::uint64_t& value) {
        const auto at = plain::position();
        plain::varint(field, value);
        if (plain::ok()) out_->number(base_ + at, field, value);
    }
    void varint_if(bool present, const char* field, std::uint64_t& value) {
        if (present) varint(field, value);
    }
    void varint_if(bool present, const char* field, std::optional<std::uint64_t>& value) {
        if (present) varint(field, value.emplace());
    }
    void tail_if(bool defined, const char* field, std::optional<std::uint64_t>& value) {
        if (defined && plain::left() != 0) varint(field, value.emplace());
    }
    void blob(const char* field, bytes& value, std::size_t max) {
        const auto at = plain::position();
        plain::blob(field, value, max);
        if (plain::ok()) out_->data(base_ + at, field, value);
    }
    void rest(const char* field, bytes& value) {
        const auto at = plain::position();
        plain::rest(field, value);
        out_->data(base_ + at, field, value);
    }
    void raw(const char* field, bytes& value, std::size_t size) {
        const auto at = plain::position();
        plain::raw(field, value, size);
        if (plain::ok()) out_->data(base_ + at, field, value);
    }
    template <class M>
    void nested(const char* field, M& value) {
        out_->add(base_ + plain::position(), field, "");
        out_->indent();
        M::describe(*this, value);
        out_->outdent();
    }

private:
    std::size_t base_;
    field_lines* out_;
};

} // namespace moqrtc::reference
