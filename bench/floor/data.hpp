#pragma once

#include "control.hpp"

#include <cstring>

/// Objects of a subgroup stream in straight lines, for a header without properties.
namespace floor_code {

struct subgroup_object {
    std::uint64_t id;
    std::uint8_t status;
    view payload;
};

/// Reads the object at the front of `in`; `next` is the smallest ID it may have.
template <bool Ones>
bool decode_subgroup_object(view& in, std::uint64_t next, subgroup_object& out) noexcept {
    cursor<Ones> at{in.data(), in.data() + in.size()};
    out.id = next + at.integer();
    const auto size = at.integer();
    out.status = 0;
    if (size == 0) {
        const auto status = at.integer();
        if (status != 0 && status != 3 && status != 4) return false;
        out.status = static_cast<std::uint8_t>(status);
    }
    if (at.bad || out.id < next || size > static_cast<std::size_t>(at.end - at.at)) return false;
    out.payload = {at.at, static_cast<std::size_t>(size)};
    in = {at.at + size, at.end};
    return true;
}

/// Writes what precedes the payload; `out` has 32 writable bytes.
template <bool Ones>
std::size_t encode_subgroup_object(std::byte* out, std::uint64_t next, std::uint64_t id,
                                   std::size_t size) noexcept {
    const auto put = [](std::byte* at, std::uint64_t value) {
        return Ones ? encode_ones(at, value) : encode_quic(at, value);
    };
    auto* at = out + put(out, id - next);
    at += put(at, size);
    if (size == 0) *at++ = std::byte{0};
    return static_cast<std::size_t>(at - out);
}

} // namespace floor_code
