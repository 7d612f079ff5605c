#pragma once

#include "varint.hpp"

#include <array>
#include <span>

/// SUBSCRIBE in straight lines, once for drafts up to 16 and once for 17 and later.
namespace floor_code {

using view = std::span<const std::byte>;

struct subscribe {
    std::uint64_t request_id;
    std::array<view, 32> fields;
    std::size_t field_count;
    view track_name;
    bool has_forward, has_priority, has_filter, has_order;
    bool forward;
    std::uint8_t priority;
    std::uint8_t filter_type;
    std::uint64_t start_group, start_object;
    std::uint8_t order;
};

/// Walks a body; every step is checked against the end.
template <bool Ones>
struct cursor {
    const std::byte* at;
    const std::byte* end;
    bool bad = false;

    std::uint64_t integer() noexcept {
        const auto left = static_cast<std::size_t>(end - at);
        const auto got = Ones ? decode_ones(at, left) : decode_quic(at, left);
        bad |= got.size == 0;
        at += got.size;
        return got.value;
    }
    std::uint8_t byte() noexcept {
        if (at == end) return bad = true, std::uint8_t{0};
        return static_cast<std::uint8_t>(*at++);
    }
    view data() noexcept {
        const auto size = integer();
        if (size > static_cast<std::size_t>(end - at)) return bad = true, view{};
        const view out{at, static_cast<std::size_t>(size)};
        at += size;
        return out;
    }
};

template <bool Ones>
bool decode_subscribe(view body, subscribe& out) noexcept {
    cursor<Ones> in{body.data(), body.data() + body.size()};
    out.request_id = in.integer();
    out.field_count = static_cast<std::size_t>(in.integer());
    if (out.field_count > 32 || (!Ones && out.field_count == 0)) return false;
    std::size_t content = 0;
    for (std::size_t i = 0; i < out.field_count; ++i) {
        out.fields[i] = in.data();
        if (out.fields[i].empty()) return false;
        content += out.fields[i].size();
    }
    out.track_name = in.data();
    if (content + out.track_name.size() > 4096) return false;
    out.has_forward = out.has_priority = out.has_filter = out.has_order = false;
    const auto count = in.integer();
    std::uint64_t type = 0;
    for (std::uint64_t i = 0; i < count && !in.bad; ++i) {
        const auto delta = in.integer();
        if (i != 0 && delta == 0) return false;
        type += delta;
        switch (type) {
        case 0x10: {
            const auto value = Ones ? in.byte() : in.integer();
            if (value > 1) return false;
            out.forward = value == 1;
            out.has_forward = true;
            break;
        }
        case 0x20: {
            const auto value = Ones ? in.byte() : in.integer();
            if (value > 255) return false;
            out.priority = static_cast<std::uint8_t>(value);
            out.has_priority = true;
            break;
        }
        case 0x21: {
            const auto size = in.integer();
            const auto* const stop = in.at + size;
            if (size > static_cast<std::size_t>(in.end - in.at)) return false;
            const auto kind = in.integer();
            if (kind < 1 || kind > 3) return false; // no range in what is measured
            out.filter_type = static_cast<std::uint8_t>(kind);
            if (kind == 3) {
                out.start_group = in.integer();
                out.start_object = in.integer();
            }
            if (in.at != stop) return false;
            out.has_filter = true;
            break;
        }
        case 0x22: {
            const auto value = Ones ? in.byte() : in.integer();
            if (value != 1 && value != 2) return false;
            out.order = static_cast<std::uint8_t>(value);
            out.has_order = true;
            break;
        }
        default:
            return false;
        }
    }
    return !in.bad && in.at == in.end;
}

/// The message with its type and length; 0 when `out` may be too small.
template <bool Ones>
std::size_t encode_subscribe(const subscribe& in, std::span<std::byte> out) noexcept {
    std::size_t most = 9 * 16 + in.track_name.size();
    for (std::size_t i = 0; i < in.field_count; ++i)
        most += 9 + in.fields[i].size();
    if (out.size() < most) return 0;
    auto* at = out.data();
    const auto integer = [&](std::uint64_t value) {
        at += Ones ? encode_ones(at, value) : encode_quic(at, value);
    };
    const auto data = [&](view value) {
        integer(value.size());
        std::memcpy(at, value.data(), value.size());
        at += value.size();
    };
    const auto small = [&](std::uint8_t value) {
        if constexpr (Ones)
            *at++ = static_cast<std::byte>(value);
        else
            integer(value);
    };
    *at = std::byte{0x3};
    at += 3;
    integer(in.request_id);
    integer(in.field_count);
    for (std::size_t i = 0; i < in.field_count; ++i)
        data(in.fields[i]);
    data(in.track_name);
    integer(std::uint64_t{in.has_forward} + in.has_priority + in.has_filter + in.has_order);
    std::uint64_t previous = 0;
    const auto key = [&](std::uint64_t type) {
        integer(type - previous);
        previous = type;
    };
    if (in.has_forward) {
        key(0x10);
        small(in.forward);
    }
    if (in.has_priority) {
        key(0x20);
        small(in.priority);
    }
    if (in.has_filter) {
        key(0x21);
        auto* const length = at++;
        integer(in.filter_type);
        if (in.filter_type == 3) {
            integer(in.start_group);
            integer(in.start_object);
        }
        *length = static_cast<std::byte>(at - length - 1); // at most 19
    }
    if (in.has_order) {
        key(0x22);
        small(in.order);
    }
    const auto total = static_cast<std::size_t>(at - out.data());
    out[1] = static_cast<std::byte>((total - 3) >> 8);
    out[2] = static_cast<std::byte>((total - 3) & 0xff);
    return total;
}

} // namespace floor_code
