#pragma once

#include <moqrtc/catalog/json.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// Applies a JSON Patch, all of it or nothing: on failure `document` is as before.
///
/// Spec    RFC 6902 section 4, all six operations.
/// Errors  malformed_value, bad_value (a pointer, a test that fails), not_found, unknown_type,
///         limit (operations, depth, values in the document after all of them; a copy is refused
///         when it might double them past the limit).
[[nodiscard]] result<void> apply_patch(json& document, const json& patch,
                                       const limits& bounds = {});

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* patch_where = "JSON Patch, RFC 6902 4";

/// The number of values in a document, which bounds what copying can build.
[[nodiscard]] MOQRTC_INLINE std::size_t count_values(const json& value) {
    std::size_t count = 1;
    if (value.is_structured())
        for (const auto& element : value)
            count += count_values(element);
    return count;
}

/// How deep a value nests: 0 without elements, as the limit counts.
[[nodiscard]] MOQRTC_INLINE std::size_t depth_of(const json& value) {
    if (!value.is_structured()) return 0;
    std::size_t deepest = 0;
    for (const auto& element : value)
        deepest = std::max(deepest, depth_of(element));
    return deepest + 1;
}

/// The parts of a JSON pointer (RFC 6901 section 3), unescaped.
[[nodiscard]] MOQRTC_INLINE result<std::vector<std::string>>
pointer_parts(std::string_view pointer) {
    constexpr const char* where = "JSON pointer, RFC 6901 3";
    std::vector<std::string> parts;
    if (!pointer.empty() && pointer[0] != '/') return fail(errc::bad_value, "path", 0, where);
    for (std::size_t i = 0; i < pointer.size(); ++i) {
        if (pointer[i] == '/') {
            parts.emplace_back();
            continue;
        }
        char c = pointer[i];
        if (c == '~') {
            if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1'))
                return fail(errc::bad_value, "path", 0, where);
            c = pointer[++i] == '0' ? '~' : '/';
        }
        parts.back() += c;
    }
    return parts;
}

/// An array index (RFC 6901 section 4): no leading zero; `count` when it is none or too large.
[[nodiscard]] MOQRTC_INLINE std::size_t index_of(std::string_view part,
                                                 std::size_t count) noexcept {
    std::size_t index = 0;
    if (part.empty() || (part.size() > 1 && part[0] == '0')) return count;
    const auto* end = part.data() + part.size();
    const auto number = std::from_chars(part.data(), end, index);
    return number.ec == std::errc{} && number.ptr == end && index < count ? index : count;
}

/// The value behind the first `count` parts, or null.
[[nodiscard]] MOQRTC_INLINE json* walk(json& document, const std::vector<std::string>& parts,
                                       std::size_t count) {
    json* at = &document;
    for (std::size_t i = 0; i < count; ++i) {
        if (at->is_array()) {
            const auto index = index_of(parts[i], at->size());
            if (index == at->size()) return nullptr;
            at = &(*at)[index];
        } else {
            const auto found = at->find(parts[i]); // end() for what is no object
            if (found == at->end()) return nullptr;
            at = &*found;
        }
    }
    return at;
}

[[nodiscard]] MOQRTC_INLINE result<void>
patch_add(json& document, const std::vector<std::string>& parts, json value) {
    if (parts.empty()) {
        document = std::move(value);
        return {};
    }
    json* parent = walk(document, parts, parts.size() - 1);
    if (parent == nullptr) return fail(errc::not_found, "path", 0, patch_where);
    if (parent->is_object()) {
        (*parent)[parts.back()] = std::move(value);
        return {};
    }
    if (!parent->is_array()) return fail(errc::bad_value, "path", 0, patch_where);
    const auto index =
        parts.back() == "-" ? parent->size() : index_of(parts.back(), parent->size() + 1);
    if (index > parent->size()) return fail(errc::not_found, "path", 0, patch_where);
    parent->insert(parent->begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
    return {};
}

/// Takes a value out of the document.
[[nodiscard]] MOQRTC_INLINE result<json> patch_remove(json& document,
                                                      const std::vector<std::string>& parts) {
    if (parts.empty()) return std::exchange(document, nullptr);
    json* parent = walk(document, parts, parts.size() - 1);
    json* value = walk(document, parts, parts.size());
    if (value == nullptr) return fail(errc::not_found, "path", 0, patch_where);
    json taken = std::move(*value);
    if (parent->is_object())
        parent->erase(parts.back());
    else
        parent->erase(index_of(parts.back(), parent->size()));
    return taken;
}

[[nodiscard]] MOQRTC_INLINE result<void> patch_one(json& document, const json& operation,
                                                   const limits& bounds) {
    const auto text = [&operation](const char* name) -> const std::string* {
        const auto found = operation.find(name);
        return found != operation.end() ? found->get_ptr<const std::string*>() : nullptr;
    };
    const auto* op = text("op");
    const auto* path = text("path");
    if (op == nullptr) return fail(errc::malformed_value, "op", 0, patch_where);
    if (path == nullptr) return fail(errc::malformed_value, "path", 0, patch_where);
    const auto to = pointer_parts(*path);
    if (!to) return std::unexpected(to.error());

    json value;
    if (*op == "add" || *op == "replace" || *op == "test") {
        const auto found = operation.find("value");
        if (found == operation.end()) return fail(errc::not_found, "value", 0, patch_where);
        value = *found;
    } else if (*op == "move" || *op == "copy") {
        const auto* source = text("from");
        if (source == nullptr) return fail(errc::malformed_value, "from", 0, patch_where);
        const auto from = pointer_parts(*source);
        if (!from) return std::unexpected(from.error());
        if (*op == "move") {
            auto taken = patch_remove(document, *from);
            if (!taken) return std::unexpected(taken.error());
            value = std::move(*taken);
        } else {
            const json* copied = walk(document, *from, from->size());
            if (copied == nullptr) return fail(errc::not_found, "from", 0, patch_where);
            value = *copied;
        }
    } else if (*op != "remove") {
        return fail(errc::unknown_type, "op", 0, patch_where);
    }

    if (*op == "test") {
        const json* there = walk(document, *to, to->size());
        if (there == nullptr || *there != value)
            return fail(errc::bad_value, "test", 0, patch_where);
        return {};
    }
    if (to->size() + depth_of(value) > bounds.depth)
        return fail(errc::limit, "depth", 0, patch_where);
    if (*op == "remove" || *op == "replace")
        if (auto removed = patch_remove(document, *to); !removed)
            return std::unexpected(removed.error());
    if (*op == "remove") return {};
    return patch_add(document, *to, std::move(value));
}

} // namespace detail

MOQRTC_INLINE result<void> apply_patch(json& document, const json& patch, const limits& bounds) {
    if (!patch.is_array()) return fail(errc::malformed_value, "", 0, detail::patch_where);
    if (patch.size() > bounds.operations)
        return fail(errc::limit, "operations", 0, detail::patch_where);
    json work = document;
    for (const auto& operation : patch) {
        if (!operation.is_object())
            return fail(errc::malformed_value, "operation", 0, detail::patch_where);
        if (const auto op = operation.find("op"); op != operation.end() && *op == "copy") {
            // Copies are the only way in which a small patch makes a large document.
            if (detail::count_values(work) > bounds.values / 2)
                return fail(errc::limit, "copy", 0, detail::patch_where);
        }
        if (auto done = detail::patch_one(work, operation, bounds); !done) return done;
    }
    if (detail::count_values(work) > bounds.values)
        return fail(errc::limit, "number of values", 0, detail::patch_where);
    document = std::move(work);
    return {};
}
#endif

} // namespace moqrtc::catalog
