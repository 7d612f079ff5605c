#pragma once

#include <moqrtc/moqt/data/stream_reader.hpp>

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// What the tests of data streams share: bytes written by hand, whole streams made at random, and
/// readers fed in pieces.
namespace moqrtc::moqt::data_test {

using octets = std::vector<std::byte>;
using kind = stream_item::kind;

/// Bytes from hexadecimal digits; blanks separate fields for the reader's eye.
inline octets hex(std::string_view text) {
    octets out;
    unsigned value = 0;
    int digits = 0;
    for (const char c : text) {
        if (c == ' ') continue;
        value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        if (++digits % 2 == 0) out.push_back(static_cast<std::byte>(value & 0xff));
    }
    return out;
}

inline void put(octets& out, bytes part) {
    out.insert(out.end(), part.begin(), part.end());
}
inline void put_varint(octets& out, const wire_rules& rules, std::uint64_t value) {
    std::byte room[9];
    put(out, bytes{room}.first(encode_varint(rules.varint, value, room)));
}

/// Everything of a `stream_item` that can be compared.
struct seen {
    kind what = kind::object;
    range_end range = range_end::unknown;
    request_id request = 0;
    location at{};
    std::uint64_t subgroup = 0;
    priority shown = default_priority;
    forwarding_preference forwarding = forwarding_preference::subgroup;
    object_status status = object_status::normal;
    bool end_of_group = false;
    bool first_object = false;
    std::string properties{};
    std::string payload{};

    friend bool operator==(const seen&, const seen&) = default;
};

inline seen seen_of(const object& m) {
    return {.at = m.location,
            .subgroup = m.forwarding == forwarding_preference::subgroup ? m.subgroup_id : 0,
            .shown = m.publisher_priority,
            .forwarding = m.forwarding,
            .status = m.status,
            .end_of_group = m.end_of_group,
            .first_object = m.first_object,
            .properties = std::string{as_text(m.properties)},
            .payload = std::string{as_text(m.payload)}};
}
inline seen seen_of(const stream_item& item) {
    auto out = seen_of(item.object);
    out.what = item.what;
    out.range = item.range;
    out.request = item.request_id;
    return out;
}

/// What a reader made of a stream.
struct reading {
    std::vector<seen> items;
    error failure{};
    std::optional<subgroup_header> header{};
    stream_progress progress{};

    [[nodiscard]] errc code() const { return failure.code; }
};

/// Feeds `wire` in pieces whose sizes `piece` gives, then FIN.
template <class Piece>
reading read_in_pieces(const wire_rules& rules, std::uint64_t type, group_order order, bytes wire,
                       buffer_pool& pool, Piece&& piece, bool fin = true) {
    reading out;
    auto reader = stream_reader::create(rules, type);
    if (!reader) {
        out.failure = reader.error();
        return out;
    }
    while (!wire.empty()) {
        const auto size = std::min<std::size_t>(wire.size(), piece());
        // A copy of its own, so that nothing can look beyond the piece or at it later.
        const octets copy(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
        wire = wire.subspan(size);
        bytes in{copy};
        for (;;) {
            const auto item = reader->next(in, pool);
            if (!item) {
                out.failure = item.error();
                out.progress = reader->progress();
                return out;
            }
            if (!*item) break;
            if ((*item)->what == kind::subgroup_header) out.header = reader->header();
            if ((*item)->what == kind::fetch_header) reader->set_group_order(order);
            out.items.push_back(seen_of(**item));
        }
        if (!in.empty()) {
            out.failure = {errc::bad_state, 0, "bytes left over", "test"};
            return out;
        }
    }
    out.progress = reader->progress();
    if (fin)
        if (const auto end = reader->finish(); !end) out.failure = end.error();
    return out;
}

inline reading read_whole(const wire_rules& rules, std::uint64_t type, bytes wire,
                          group_order order = group_order::ascending) {
    buffer_pool pool;
    return read_in_pieces(rules, type, order, wire, pool, [&] { return wire.size(); });
}

/// A stream made at random by our encoders, and what a reader has to see in it.
struct sample_stream {
    std::uint64_t type = 0;
    group_order order = group_order::ascending;
    octets wire{};
    std::vector<seen> items{};
};

class stream_maker {
public:
    stream_maker(const wire_rules& rules, std::uint64_t seed, buffer_pool& pool)
        : rules_{rules}, pool_{pool}, random_{seed} {}

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool coin() { return below(2) == 1; }
    /// An identifier of any length, with room above it for some hundred more.
    std::uint64_t any_id() { return ((varint_max(rules_.varint) >> 1) & random_()) >> below(62); }
    slice any_bytes(std::size_t size) {
        octets data(size);
        for (auto& b : data)
            b = static_cast<std::byte>(random_() & 0xff);
        return slice::copy(pool_, data);
    }
    slice any_payload() {
        constexpr std::size_t sizes[]{0, 1, 5, 63, 64, 120, 700, 1200, 4095, 4096, 4097, 9000};
        return any_bytes(sizes[below(std::size(sizes))]);
    }
    slice any_properties() {
        octets room(400);
        key_value_writer pairs{rules_, room};
        pairs.put(0x08, below(1000));
        const octets text(below(300), std::byte{0x61});
        if (coin()) pairs.put({0x09, 0, text});
        room.resize(*pairs.size());
        return slice::copy(pool_, room);
    }

    sample_stream subgroup() {
        sample_stream out;
        std::byte room[1024];
        auto bits = below(0x80) & defined_subgroup_bits(rules_);
        if ((bits & subgroup_bits::id_mode) == subgroup_bits::id_mode) bits ^= 0x02;
        out.type = bits | subgroup_bits::always;
        auto header = subgroup_header::of_type(out.type);
        header.track_alias = any_id();
        header.group_id = any_id();
        if (header.id_mode == subgroup_id_mode::present) header.subgroup_id = any_id();
        if (header.publisher_priority)
            header.publisher_priority = static_cast<priority>(below(256));
        const auto size = encode_subgroup_header(rules_, header, room);
        const auto type_size = varint_size(rules_.varint, out.type);
        put(out.wire, bytes{room}.subspan(type_size, size.value() - type_size));
        out.items.push_back({.what = kind::subgroup_header});
        std::optional<std::uint64_t> previous;
        for (auto left = below(12); left > 0; --left) {
            object m;
            m.location = {header.group_id,
                          previous ? *previous + 1 + (coin() ? 0 : below(200)) : any_id()};
            if (!previous && header.id_mode == subgroup_id_mode::first_object)
                header.subgroup_id = m.location.object;
            m.subgroup_id = header.subgroup_id;
            m.publisher_priority = header.publisher_priority.value_or(default_priority);
            m.end_of_group = header.end_of_group;
            m.first_object = header.first_object && !previous;
            if (header.properties && coin()) m.properties = any_properties();
            m.payload = any_payload();
            if (m.payload.empty() && m.properties.empty() && coin())
                m.status = coin() ? object_status::end_of_group : object_status::end_of_track;
            const auto head = encode_subgroup_object_header(rules_, header, previous, m, room);
            put(out.wire, bytes{room}.first(head.value()));
            put(out.wire, m.payload);
            out.items.push_back(seen_of(m));
            previous = m.location.object;
        }
        return out;
    }

    sample_stream fetch() {
        sample_stream out{.type = stream_type::fetch};
        out.order = coin() ? group_order::ascending : group_order::descending;
        std::byte room[1024];
        const fetch_header header{any_id()};
        const auto size = encode_fetch_header(rules_, header, room);
        put(out.wire, bytes{room}.subspan(1, size.value() - 1));
        out.items.push_back({.what = kind::fetch_header, .request = header.request_id});
        fetch_sequence sequence{rules_, out.order};
        location at{any_id() + 1000, below(3) == 0 ? any_id() : below(3)};
        const bool ranges = fetch_object_header::has_status(rules_) ? false : coin();
        for (auto left = below(14); left > 0; --left) {
            if (ranges && below(4) == 0) {
                const auto ends = rules_.timed_out_range ? 3U : 2U;
                const auto range = static_cast<range_end>(below(ends));
                put(out.wire,
                    bytes{room}.first(sequence.encode_range_end(range, at, room).value()));
                out.items.push_back({.what = kind::end_of_range, .range = range, .at = at});
            } else {
                object m;
                m.location = at;
                m.publisher_priority = static_cast<priority>(coin() ? 7 : below(256));
                m.subgroup_id = coin() ? below(4) : any_id();
                if (below(4) == 0) {
                    m.forwarding = forwarding_preference::datagram;
                    m.subgroup_id = 0;
                }
                if (coin()) m.properties = any_properties();
                m.payload = any_payload();
                put(out.wire, bytes{room}.first(sequence.encode(m, room).value()));
                put(out.wire, m.payload);
                if (fetch_object_header::has_status(rules_) &&
                    m.forwarding == forwarding_preference::datagram) {
                    m.forwarding = forwarding_preference::subgroup;
                    m.subgroup_id = m.location.object;
                }
                out.items.push_back(seen_of(m));
            }
            if (coin()) {
                at.object += coin() ? 1 : 1 + below(100);
            } else {
                const auto step = coin() ? 1 : 1 + below(70);
                at.group = out.order == group_order::ascending ? at.group + step : at.group - step;
                at.object = coin() ? at.object + 1 : below(100);
            }
        }
        return out;
    }

private:
    const wire_rules& rules_;
    buffer_pool& pool_;
    std::mt19937_64 random_;
};

} // namespace moqrtc::moqt::data_test
