#pragma once

#include <moqrtc/cmaf/fourcc.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace moqrtc::cmaf {

/// How deep boxes may nest; the deepest path of the standard that is read here has 8 levels.
inline constexpr unsigned max_nesting = 16;

/// The start of a box: what it is and how far it reaches.
///
/// Spec    ISO/IEC 14496-12 section 4.2.
/// Units   bytes; `size` counts the header too and is 0 when the box ends with the file.
struct box_header {
    static constexpr std::size_t largest = 32; ///< 64-bit size and a user type

    fourcc type{};
    std::uint64_t size = 0;
    std::uint32_t header_size = 0;
};

/// Reads a header from the start of `data`, or nothing when more bytes are needed.
///
/// Errors  bad_value when the size is smaller than the header.
[[nodiscard]] constexpr result<std::optional<box_header>> parse_box_header(bytes data) noexcept {
    constexpr auto where = "box, ISO/IEC 14496-12 4.2";
    if (data.size() < 8) return std::nullopt;
    box_header head{fourcc{static_cast<std::uint32_t>(load_be<4>(data.subspan(4)))},
                    load_be<4>(data), 8};
    if (head.size == 1) {
        if (data.size() < 16) return std::nullopt;
        head.size = load_be<8>(data.subspan(8));
        head.header_size = 16;
        if (head.size == 0) return fail(errc::bad_value, "largesize", 8, where);
    }
    if (head.type == "uuid") {
        if (data.size() < head.header_size + 16U) return std::nullopt;
        head.header_size += 16;
    }
    if (head.size != 0 && head.size < head.header_size)
        return fail(errc::bad_value, "size", 0, where);
    return head;
}

/// Adds where a box stands to an error about its inside; saturates at 4 GiB.
[[nodiscard]] constexpr error displaced(error e, std::uint64_t by) noexcept {
    const auto sum = by > UINT32_MAX ? by : by + e.offset;
    e.offset = sum > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(sum);
    return e;
}

/// A whole box in memory.
///
/// Borrows all spans point into the parsed buffer.
/// Units   `offset` counts bytes from the start of that buffer.
struct box {
    fourcc type{};
    bytes whole{};     ///< header and body
    bytes body{};      ///< what follows the header (and the user type)
    bytes user_type{}; ///< 16 bytes for "uuid", otherwise empty
    std::uint32_t offset = 0;
    unsigned depth = 0;

    [[nodiscard]] std::uint32_t body_offset() const noexcept {
        return offset + static_cast<std::uint32_t>(whole.size() - body.size());
    }
};

/// Walks the boxes that lie one after the other in a buffer.
///
/// Spec    ISO/IEC 14496-12 section 4.2; a size of 0 stands at the outermost level only.
/// Errors  truncated when a box claims more than its parent holds; bad_value; limit when boxes
///         nest deeper than `max_nesting`. After an error the cursor is at its end.
class box_cursor {
public:
    /// The boxes of a file or of a part of it; `offset` is where `data` starts in the buffer.
    explicit box_cursor(bytes data, std::uint32_t offset = 0) noexcept
        : data_{data}, offset_{offset} {}
    /// The boxes inside `parent`, after `skip` bytes of fields.
    explicit box_cursor(const box& parent, std::size_t skip = 0) noexcept
        : data_{parent.body.subspan(std::min(skip, parent.body.size()))},
          offset_{parent.body_offset() +
                  static_cast<std::uint32_t>(std::min(skip, parent.body.size()))},
          depth_{parent.depth + 1} {}

    /// The next box, or nothing at the end.
    [[nodiscard]] result<std::optional<box>> next() noexcept {
        if (data_.empty()) return std::nullopt;
        if (depth_ >= max_nesting) return stop(errc::limit, "nesting");
        const auto head = parse_box_header(data_);
        if (!head) return stop(head.error().code, head.error().field);
        if (!*head) return stop(errc::truncated, "header");
        auto size = (*head)->size;
        if (size == 0) {
            if (depth_ != 0) return stop(errc::bad_value, "size");
            size = data_.size();
        }
        if (size > data_.size()) return stop(errc::truncated, "body");
        box found;
        found.type = (*head)->type;
        found.whole = data_.first(static_cast<std::size_t>(size));
        found.body = found.whole.subspan((*head)->header_size);
        if (found.type == "uuid")
            found.user_type = found.whole.subspan((*head)->header_size - 16U, 16);
        found.offset = offset_;
        found.depth = depth_;
        data_ = data_.subspan(static_cast<std::size_t>(size));
        offset_ += static_cast<std::uint32_t>(size);
        return found;
    }

private:
    [[nodiscard]] std::unexpected<error> stop(errc code, const char* field) noexcept {
        data_ = {};
        return fail(code, field, offset_, "box, ISO/IEC 14496-12 4.2");
    }

    bytes data_;
    std::uint32_t offset_ = 0;
    unsigned depth_ = 0;
};

} // namespace moqrtc::cmaf
