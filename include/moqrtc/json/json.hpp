#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc {

/// A JSON value that came from outside; members are kept in the order of their names.
using json_document = nlohmann::json;

/// What one document may cost its reader.
///
/// Units   `size` in bytes; `depth` in nested objects and arrays; `values` counts every value.
struct json_bounds {
    std::size_t size = std::size_t{1} << 20;
    std::size_t depth = 32;
    std::size_t values = 65536;
};

/// Reads one JSON document of a size, depth and number of values within `limits`.
///
/// The limits are applied before anything is built; a name that stands twice in an object is
/// refused, because readers disagree on which of the two counts.
///
/// Spec    RFC 8259.
/// Errors  limit, truncated, bad_value (syntax, UTF-8), duplicate; `offset` is near the place, not
///         behind it by more than the token.
[[nodiscard]] result<json_document> read_json(bytes data, const json_bounds& limits = {});

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* json_where = "JSON, RFC 8259";

/// Walks a text and leaves its position where an error can find it.
struct json_iterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    const char* at = nullptr;
    const char** position = nullptr;

    reference operator*() const noexcept { return *at; }
    json_iterator& operator++() noexcept {
        *position = ++at;
        return *this;
    }
    json_iterator operator++(int) noexcept {
        const auto before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const json_iterator& a, const json_iterator& b) noexcept {
        return a.at == b.at;
    }
};

/// Builds a document from parser events, within limits and without duplicate names.
class json_builder {
public:
    json_builder(const json_bounds& limits, std::string_view text, const char*& position) noexcept
        : limits_{&limits}, begin_{text.data()}, size_{text.size()}, position_{&position} {}

    [[nodiscard]] const error& failure() const noexcept { return failure_; }
    [[nodiscard]] json_document take() noexcept { return std::move(root_); }

    bool null() { return add(nullptr) != nullptr; }
    bool boolean(bool value) { return add(value) != nullptr; }
    bool number_integer(json_document::number_integer_t value) { return add(value) != nullptr; }
    bool number_unsigned(json_document::number_unsigned_t value) { return add(value) != nullptr; }
    bool number_float(json_document::number_float_t value, const json_document::string_t&) {
        return add(value) != nullptr;
    }
    bool string(json_document::string_t& value) { return add(std::move(value)) != nullptr; }
    bool binary(json_document::binary_t&) { return false; }
    bool start_object(std::size_t) { return open(json_document::object()); }
    bool start_array(std::size_t) { return open(json_document::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(json_document::string_t& name) {
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
    json_document* add(Value&& value) {
        if (++count_ > limits_->values) {
            reject(errc::limit, "number of values");
            return nullptr;
        }
        json_document* place = &root_;
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
    bool open(json_document given) {
        if (open_.size() >= limits_->depth) return reject(errc::limit, "depth");
        json_document* place = add(std::move(given));
        if (place != nullptr) open_.push_back(place);
        return place != nullptr;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    const json_bounds* limits_;
    const char* begin_;
    std::size_t size_;
    const char** position_;
    json_document root_{};
    std::vector<json_document*> open_{};
    json_document* member_ = nullptr;
    std::size_t count_ = 0;
    error failure_{};
};

} // namespace detail

MOQRTC_INLINE_SHARED result<json_document> read_json(bytes data, const json_bounds& limits) {
    if (data.size() > limits.size || data.size() > UINT32_MAX)
        return fail(errc::limit, "size", 0, detail::json_where);
    const auto text = as_text(data);
    const char* position = text.data();
    detail::json_builder builder{limits, text, position};
    if (!json_document::sax_parse(detail::json_iterator{text.data(), &position},
                                  detail::json_iterator{text.data() + text.size(), &position},
                                  &builder))
        return std::unexpected(builder.failure());
    return builder.take();
}
#endif

} // namespace moqrtc
