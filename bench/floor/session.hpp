#pragma once

#include <moqrtc/core/ring.hpp>
#include <moqrtc/moqt/data/stream_reader.hpp>
#include <moqrtc/moqt/data/subgroup.hpp>

#include <array>
#include <cstdlib>
#include <optional>

/// The codec lane of a session: the bytes of a stream turned into objects, and objects into queued
/// bytes, with nothing around it: no requests, no priorities, no events, no time.
namespace floor_code {

using namespace moqrtc;
using namespace moqrtc::moqt;

/// Reads the objects of a subgroup stream that comes in pieces; returns how many there were.
inline std::size_t receive(const wire_rules& rules, bytes wire, std::size_t piece,
                           buffer_pool& pool, ring<object>& out) {
    const auto type = decode_varint(rules.varint, wire.data(), wire.size());
    auto reader = stream_reader::create(rules, type.value);
    if (!reader) std::abort();
    std::size_t objects = 0;
    std::size_t at = type.size;
    while (at < wire.size()) {
        auto in = wire.subspan(at, std::min(piece - at % piece, wire.size() - at));
        at += in.size();
        while (!in.empty()) {
            auto item = reader->next(in, pool);
            if (!item) std::abort();
            if (!*item || (*item)->what != stream_item::kind::object) continue;
            out.push(std::move((*item)->object));
            ++objects;
        }
        while (out.pop()) {
        }
    }
    return objects;
}

/// Writes `count` objects of one subgroup into a queue and empties it as a transport does, in
/// packets of up to eight chunks, freed when acknowledged; returns the bytes that left.
inline std::size_t send(const wire_rules& rules, const slice& payload, std::uint64_t count,
                        buffer_pool& pool, ring<slice>& queue) {
    subgroup_header header{.track_alias = 7, .group_id = 1};
    std::array<std::byte, 48> head{};
    const auto size = encode_subgroup_header(rules, header, head);
    if (!size) std::abort();
    queue.push(slice::copy(pool, bytes{head}.first(*size)));
    std::optional<std::uint64_t> previous;
    for (std::uint64_t id = 0; id < count; ++id) {
        object item;
        item.location = {1, id};
        item.payload = payload;
        auto block = buffer::allocate(pool, subgroup_object_header::max_size);
        const auto written =
            encode_subgroup_object_header(rules, header, previous, item, block.room());
        if (!written) std::abort();
        block.commit(*written);
        queue.push(block.freeze());
        queue.push(payload);
        previous = id;
    }
    std::size_t left = 0;
    while (!queue.empty()) {
        std::array<bytes, 8> chunks;
        std::size_t n = 0;
        for (; n < chunks.size() && n < queue.size(); ++n)
            chunks[n] = queue[n].view();
        for (std::size_t i = 0; i < n; ++i) {
            left += chunks[i].size();
            queue.pop_front();
        }
    }
    return left;
}

} // namespace floor_code
