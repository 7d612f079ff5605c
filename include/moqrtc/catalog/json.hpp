#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>
#include <moqrtc/core/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// A JSON value as it is read; members are kept in the order of their names.
using json = nlohmann::json;

/// What one catalog object may cost its reader.
///
/// Units   `size` in bytes; `depth` in nested objects and arrays; `values` counts every value,
///         `tracks` the entries of each list of a catalog, `operations` those of an update.
struct limits {
    std::size_t size = std::size_t{1} << 20;
    std::size_t depth = 32;
    std::size_t values = 65536;
    std::size_t tracks = 1024;
    std::size_t operations = 4096;
};

/// Reads one JSON document of a size, depth and number of values within `bounds`.
///
/// The limits are applied before anything is built; a name that stands twice in an object is
/// refused, because readers disagree on which of the two counts.
///
/// Spec    RFC 8259.
/// Errors  limit, truncated, bad_value (syntax, UTF-8), duplicate; `offset` is near the place, not
///         behind it by more than the token.
[[nodiscard]] result<json> parse_json(bytes data, const limits& bounds = {});

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* json_where = "JSON, RFC 8259";

/// Walks a text and leaves its position where an error can find it.
struct counting_iterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    const char* at = nullptr;
    const char** position = nullptr;

    reference operator*() const noexcept { return *at; }
    counting_iterator& operator++() noexcept {
        *position = ++at;
        return *this;
    }
    counting_iterator operator++(int) noexcept {
        const auto before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const counting_iterator& a, const counting_iterator& b) noexcept {
        return a.at == b.at;
    }
};

/// Builds a document from parser events, within limits and without duplicate names.
class document_builder {
public:
    document_builder(const limits& bounds, std::string_view text, const char*& position) noexcept
        : bounds_{&bounds}, begin_{text.data()}, size_{text.size()}, position_{&position} {}

    [[nodiscard]] const error& failure() const noexcept { return failure_; }
    [[nodiscard]] json take() noexcept { return std::move(root_); }

    bool null() { return add(nullptr) != nullptr; }
    bool boolean(bool value) { return add(value) != nullptr; }
    bool number_integer(json::number_integer_t value) { return add(value) != nullptr; }
    bool number_unsigned(json::number_unsigned_t value) { return add(value) != nullptr; }
    bool number_float(json::number_float_t value, const json::string_t&) {
        return add(value) != nullptr;
    }
    bool string(json::string_t& value) { return add(std::move(value)) != nullptr; }
    bool binary(json::binary_t&) { return false; }
    bool start_object(std::size_t) { return open(json::object()); }
    bool start_array(std::size_t) { return open(json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(json::string_t& name) {
        auto& object = *open_.back();
        if (object.contains(name)) return reject(errc::duplicate, "member name");
        member_ = &object[name];
        return true;
    }
    /// `read` counts the characters taken, the end of the text as one of them.
    template <class Exception>
    bool parse_error(std::size_t read, const std::string&, const Exception& ex) {
        constexpr int number_out_of_range = 406;
        if (ex.id == number_out_of_range) return reject(errc::limit, "number");
        return reject(read > size_ ? errc::truncated : errc::bad_value, "syntax");
    }

private:
    bool reject(errc code, const char* field) noexcept {
        const auto at = *position_ - begin_;
        failure_ = {code, static_cast<std::uint32_t>(at > 0 ? at - 1 : 0), field, json_where};
        return false;
    }
    template <class Value>
    json* add(Value&& value) {
        if (++count_ > bounds_->values) {
            reject(errc::limit, "number of values");
            return nullptr;
        }
        json* place = &root_;
        if (!open_.empty()) {
            if (open_.back()->is_array()) {
                open_.back()->emplace_back();
                place = &open_.back()->back();
            } else {
                place = member_;
            }
        }
        *place = std::forward<Value>(value);
        return place;
    }
    bool open(json value) {
        if (open_.size() >= bounds_->depth) return reject(errc::limit, "depth");
        json* place = add(std::move(value));
        if (place != nullptr) open_.push_back(place);
        return place != nullptr;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    const limits* bounds_;
    const char* begin_;
    std::size_t size_;
    const char** position_;
    json root_{};
    std::vector<json*> open_{};
    json* member_ = nullptr;
    std::size_t count_ = 0;
    error failure_{};
};

} // namespace detail

MOQRTC_INLINE result<json> parse_json(bytes data, const limits& bounds) {
    if (data.size() > bounds.size || data.size() > UINT32_MAX)
        return fail(errc::limit, "size", 0, detail::json_where);
    constexpr std::size_t gzip_header = 2;
    if (data.size() >= gzip_header && load_be<2>(data) == 0x1f8b) // RFC 1952 section 2.3.1
        return fail(errc::unsupported, "GZIP", 0, "MSF_COMPRESSION, MSF 12.1");
    const auto text = as_text(data);
    const char* position = text.data();
    detail::document_builder builder{bounds, text, position};
    if (!json::sax_parse(detail::counting_iterator{text.data(), &position},
                         detail::counting_iterator{text.data() + text.size(), &position}, &builder))
        return std::unexpected(builder.failure());
    return builder.take();
}

using moqrtc::is_utf8;
#endif

} // namespace moqrtc::catalog
