#pragma once

#include "records.hpp"

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstdint>
#include <vector>

/// Marks a function that JavaScript calls by its own name.
#define MOQRTC_WEB_EXPORT(name) extern "C" [[clang::export_name(#name)]]

namespace moqrtc::web {

[[nodiscard]] inline bytes view(const std::byte* data, std::uint32_t size) noexcept {
    return {data, size};
}
[[nodiscard]] inline span_record record_of(bytes data) noexcept {
    return {static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(data.data())),
            static_cast<std::uint32_t>(data.size())};
}
[[nodiscard]] inline bytes view(const span_record& of) noexcept {
    return {reinterpret_cast<const std::byte*>(static_cast<std::uintptr_t>(of.data)), of.size};
}
/// A number of JavaScript as an integer: what has no meaning as one becomes 0 or the largest.
[[nodiscard]] inline std::uint64_t integer(double number) noexcept {
    if (!(number > 0)) return 0;
    return number >= 18446744073709551615.0 ? UINT64_MAX : static_cast<std::uint64_t>(number);
}

/// Remembers why a call failed for `last_error`, and gives the value that says so: below -1.
double failed(const error& why) noexcept;
/// The value of a result that has one, else what `failed` gives.
template <class T>
[[nodiscard]] double number_of(const result<T>& value) noexcept {
    if (!value) return failed(value.error());
    if constexpr (std::is_void_v<T>)
        return 0;
    else
        return static_cast<double>(*value);
}

/// What the last call that makes bytes has made; valid until the next such call.
[[nodiscard]] std::vector<std::byte>& output() noexcept;

} // namespace moqrtc::web
