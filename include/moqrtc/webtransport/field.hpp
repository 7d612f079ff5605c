#pragma once

#include <moqrtc/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

namespace moqrtc::webtransport {

/// One field of a header or trailer section, borrowed. Names are lower case; those of pseudo-header
/// fields begin with a colon.
struct field {
    std::string_view name;
    std::string_view value;

    [[nodiscard]] friend bool operator==(const field&, const field&) noexcept = default;
};

/// The fields of a message in their order, pseudo-header fields first.
///
/// Owns    one pooled block; copies share it.
class field_list {
public:
    class iterator {
    public:
        using value_type = field;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::forward_iterator_tag;

        iterator() noexcept = default;
        [[nodiscard]] field operator*() const noexcept {
            const auto [name, value] = sizes();
            const auto* const text = reinterpret_cast<const char*>(at_ + lengths);
            return {{text, name}, {text + name, value}};
        }
        iterator& operator++() noexcept {
            const auto [name, value] = sizes();
            at_ += lengths + name + value;
            return *this;
        }
        iterator operator++(int) noexcept {
            auto old = *this;
            ++*this;
            return old;
        }
        [[nodiscard]] friend bool operator==(const iterator&, const iterator&) noexcept = default;

    private:
        friend class field_list;
        struct pair {
            std::size_t name = 0;
            std::size_t value = 0;
        };
        explicit iterator(const std::byte* at) noexcept : at_{at} {}
        [[nodiscard]] pair sizes() const noexcept {
            return {static_cast<std::size_t>(load_be<4>({at_, 4})),
                    static_cast<std::size_t>(load_be<4>({at_ + 4, 4}))};
        }
        const std::byte* at_ = nullptr;
    };

    [[nodiscard]] iterator begin() const noexcept { return iterator{packed_.data()}; }
    [[nodiscard]] iterator end() const noexcept {
        return iterator{packed_.data() + packed_.size()};
    }
    [[nodiscard]] bool empty() const noexcept { return packed_.empty(); }

    /// The first value under `name` (lower case), or an empty text.
    [[nodiscard]] std::string_view value(std::string_view name) const noexcept {
        for (const auto each : *this)
            if (each.name == name) return each.value;
        return {};
    }
    [[nodiscard]] bool contains(std::string_view name) const noexcept {
        for (const auto each : *this)
            if (each.name == name) return true;
        return false;
    }
    /// All values under `name`, joined as one list.
    ///
    /// Spec    RFC 9110 section 5.3.
    [[nodiscard]] std::string combined(std::string_view name) const {
        std::string all;
        bool first = true;
        for (const auto each : *this) {
            if (each.name != name) continue;
            if (!first) all += ", ";
            all += each.value;
            first = false;
        }
        return all;
    }

private:
    friend class field_list_builder;
    static constexpr std::size_t lengths = 8; ///< of name and value, four bytes each
    slice packed_{};
};

/// Collects fields into a list.
class field_list_builder {
public:
    explicit field_list_builder(buffer_pool& pool) noexcept : pool_{&pool} {}

    /// False when the pool is exhausted.
    [[nodiscard]] bool add(std::string_view name, std::string_view value) noexcept {
        std::byte lengths[field_list::lengths];
        store_be<4>(mutable_bytes{lengths, 4}, name.size());
        store_be<4>(mutable_bytes{lengths + 4, 4}, value.size());
        return packed_.append(*pool_, lengths) && packed_.append(*pool_, as_bytes(name)) &&
               packed_.append(*pool_, as_bytes(value));
    }
    [[nodiscard]] field_list finish() noexcept {
        field_list list;
        list.packed_ = packed_.freeze();
        return list;
    }

private:
    buffer_pool* pool_;
    buffer packed_{};
};

} // namespace moqrtc::webtransport
