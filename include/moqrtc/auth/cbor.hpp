#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// The major types of CBOR. Spec: RFC 8949 section 3.1.
enum class cbor_type : std::uint8_t {
    unsigned_integer,
    negative_integer,
    byte_string,
    text_string,
    array,
    map,
    tag,
    simple
};

/// The head of one item.
///
/// Fields  `argument` is the value of an integer (for a negative one -1 - argument), the length of
///         a string, the number of items of an array or of pairs of a map, the number of a tag; of
///         a simple value or float its bits. `short_form` is the five bits of the first byte.
struct cbor_head {
    cbor_type type{};
    std::uint64_t argument = 0;
    std::uint8_t short_form = 0;

    [[nodiscard]] bool is_null() const noexcept {
        return type == cbor_type::simple && short_form == 22;
    }
};

/// Reads CBOR item by item; nothing is allocated, whatever a length claims.
///
/// Lengths are definite: what tokens are made of has no other form. An error sticks.
///
/// Spec    RFC 8949.
/// Borrows the input.
class cbor_reader {
public:
    explicit cbor_reader(bytes data) noexcept : data_{data} {}

    [[nodiscard]] bool ok() const noexcept { return failure_.code == errc::ok; }
    [[nodiscard]] const error& failure() const noexcept { return failure_; }
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    [[nodiscard]] bool at_end() const noexcept { return at_ == data_.size(); }

    /// The next head, without taking it; of a broken item a null.
    [[nodiscard]] cbor_head peek() {
        const auto before = at_;
        const auto out = head();
        if (ok()) at_ = before;
        return out;
    }
    cbor_head head() {
        constexpr cbor_head nothing{cbor_type::simple, 22, 22};
        if (!ok()) return nothing;
        if (at_ == data_.size()) return reject(errc::truncated, "item"), nothing;
        const auto first = byte_at(data_, at_);
        cbor_head out{static_cast<cbor_type>(first >> 5), 0, static_cast<std::uint8_t>(first & 31)};
        const auto left = data_.subspan(at_ + 1);
        std::size_t more = 0;
        if (out.short_form < 24)
            out.argument = out.short_form;
        else if (out.short_form < 28)
            more = std::size_t{1} << (out.short_form - 24);
        else
            return reject(errc::unsupported, "indefinite length"), nothing;
        if (left.size() < more) return reject(errc::truncated, "item"), nothing;
        for (std::size_t i = 0; i < more; ++i)
            out.argument = out.argument << 8 | byte_at(left, i);
        if (out.type == cbor_type::simple && out.short_form == 24 && out.argument < 32)
            return reject(errc::bad_value, "simple value"), nothing;
        at_ += 1 + more;
        return out;
    }
    /// A byte or text string. Borrows.
    [[nodiscard]] bytes string(cbor_type type, const char* field, std::size_t most) {
        const auto start = at_;
        const auto item = head();
        if (!ok()) return {};
        if (item.type != type) return reject_at(errc::bad_value, field, start), bytes{};
        if (item.argument > data_.size() - at_)
            return reject_at(errc::truncated, field, start), bytes{};
        if (item.argument > most) return reject_at(errc::limit, field, start), bytes{};
        const auto out = data_.subspan(at_, static_cast<std::size_t>(item.argument));
        at_ += out.size();
        return out;
    }
    /// How many items, or pairs, follow; each takes a byte or two, so no count claims more.
    [[nodiscard]] std::size_t begin(cbor_type type, const char* field, std::size_t most) {
        const auto start = at_;
        const auto item = head();
        if (!ok()) return 0;
        if (item.type != type) return reject_at(errc::bad_value, field, start), 0;
        const std::uint64_t each = type == cbor_type::map ? 2 : 1;
        if (item.argument > (data_.size() - at_) / each)
            return reject_at(errc::truncated, field, start), 0;
        if (item.argument > most) return reject_at(errc::limit, field, start), 0;
        return static_cast<std::size_t>(item.argument);
    }
    [[nodiscard]] std::int64_t integer(const char* field) {
        const auto start = at_;
        const auto item = head();
        if (!ok()) return 0;
        const bool negative = item.type == cbor_type::negative_integer;
        if (!negative && item.type != cbor_type::unsigned_integer)
            return reject_at(errc::bad_value, field, start), 0;
        if (item.argument > INT64_MAX) return reject_at(errc::overflow, field, start), 0;
        const auto value = static_cast<std::int64_t>(item.argument);
        return negative ? -1 - value : value;
    }
    /// An integer or a float of any width.
    [[nodiscard]] double number(const char* field) {
        const auto start = at_;
        const auto item = peek();
        if (!ok()) return 0;
        if (item.type != cbor_type::simple) return static_cast<double>(integer(field));
        (void)head();
        switch (item.short_form) {
        case 25:
            return half(static_cast<std::uint16_t>(item.argument));
        case 26:
            return static_cast<double>(
                std::bit_cast<float>(static_cast<std::uint32_t>(item.argument)));
        case 27:
            return std::bit_cast<double>(item.argument);
        default:
            return reject_at(errc::bad_value, field, start), 0;
        }
    }
    /// Steps over an item with all that is in it, at most `depth` deep; returns its bytes.
    bytes skip(std::size_t depth) {
        const auto start = at_;
        skip_items(1, depth);
        return ok() ? data_.subspan(start, at_ - start) : bytes{};
    }
    /// Where one item has to be all there is.
    void expect_end(const char* field) {
        if (ok() && !at_end()) reject(errc::trailing, field);
    }
    void reject(errc code, const char* field) noexcept { reject_at(code, field, at_); }

private:
    /// Spec: RFC 8949 appendix D.
    [[nodiscard]] static double half(std::uint16_t bits) noexcept {
        const int exponent = bits >> 10 & 31;
        const int mantissa = bits & 1023;
        const double size = exponent == 0    ? std::ldexp(mantissa, -24)
                            : exponent != 31 ? std::ldexp(mantissa + 1024, exponent - 25)
                            : mantissa == 0  ? HUGE_VAL
                                             : std::nan("");
        return (bits & 0x8000) != 0 ? -size : size;
    }
    void skip_items(std::uint64_t count, std::size_t depth) {
        for (; count > 0 && ok(); --count) {
            const auto item = head();
            if (!ok()) return;
            switch (item.type) {
            case cbor_type::byte_string:
            case cbor_type::text_string:
                if (item.argument > data_.size() - at_) return reject(errc::truncated, "string");
                at_ += static_cast<std::size_t>(item.argument);
                break;
            case cbor_type::array:
            case cbor_type::map:
                if (item.argument > data_.size() - at_) return reject(errc::truncated, "items");
                if (depth == 0) return reject(errc::limit, "depth");
                skip_items(item.argument * (item.type == cbor_type::map ? 2 : 1), depth - 1);
                break;
            case cbor_type::tag:
                if (depth == 0) return reject(errc::limit, "depth");
                skip_items(1, depth - 1);
                break;
            default:
                break;
            }
        }
    }
    void reject_at(errc code, const char* field, std::size_t offset) noexcept {
        if (ok()) failure_ = {code, static_cast<std::uint32_t>(offset), field, "CBOR, RFC 8949"};
    }

    bytes data_;
    std::size_t at_ = 0;
    error failure_{};
};

/// Writes CBOR in its preferred form: the shortest head. Spec: RFC 8949 section 4.1.
class cbor_writer {
public:
    void head(cbor_type type, std::uint64_t argument) {
        const auto major = static_cast<unsigned>(type) << 5;
        std::size_t more = 0;
        if (argument < 24) return put(major | static_cast<unsigned>(argument));
        if (argument <= 0xff)
            more = 1;
        else if (argument <= 0xffff)
            more = 2;
        else
            more = argument <= 0xffffffff ? 4 : 8;
        put(major | static_cast<unsigned>(24 + std::countr_zero(more)));
        for (std::size_t i = more; i-- > 0;)
            put(static_cast<unsigned>(argument >> 8 * i & 0xff));
    }
    void integer(std::int64_t value) {
        if (value < 0)
            head(cbor_type::negative_integer, static_cast<std::uint64_t>(-1 - value));
        else
            head(cbor_type::unsigned_integer, static_cast<std::uint64_t>(value));
    }
    void byte_string(bytes data) {
        head(cbor_type::byte_string, data.size());
        rest(data);
    }
    void text(std::string_view value) {
        head(cbor_type::text_string, value.size());
        rest(as_bytes(value));
    }
    void null() { put(0xf6); }
    /// Bytes that are CBOR already.
    void rest(bytes data) { out_.insert(out_.end(), data.begin(), data.end()); }
    [[nodiscard]] const std::vector<std::byte>& data() const noexcept { return out_; }
    [[nodiscard]] std::vector<std::byte> take() noexcept { return std::move(out_); }

private:
    void put(unsigned value) { out_.push_back(static_cast<std::byte>(value)); }
    std::vector<std::byte> out_;
};

} // namespace moqrtc::auth
