// Data streams and datagrams of every draft. What parses must serialize and parse again to the
// same; a stream must give the same items and the same end in whatever pieces it comes; the checker
// of malformed tracks sees every object. The first byte of an input picks the draft, the second
// datagram or stream, the group order and how small the pool is, the third the sizes of the pieces;
// the rest is the datagram, or the stream with its type.
#include "../tests/moqt/data/support.hpp"

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/data/track_checker.hpp>
#include <moqrtc/moqt/message.hpp>

#include <cstdlib>

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;
using namespace moqrtc::moqt::data_test;

void require(bool good) {
    if (!good) std::abort();
}

object object_of(const seen& m) {
    object out;
    out.location = m.at;
    out.subgroup_id = m.subgroup;
    out.publisher_priority = m.shown;
    out.forwarding = m.forwarding;
    out.status = m.status;
    out.end_of_group = m.end_of_group;
    out.first_object = m.first_object;
    out.properties = slice::borrowed(as_bytes(m.properties));
    out.payload = slice::borrowed(as_bytes(m.payload));
    return out;
}

void datagram(const wire_rules& rules, bytes in) {
    const octets copy(in.begin(), in.end());
    const auto parsed = parse_datagram(rules, copy);
    if (!parsed) return require(parsed.error().offset <= in.size());
    if (!*parsed) return;
    octets wire(in.size() + 64);
    const auto size = serialize_datagram(rules, **parsed, wire);
    require(size.has_value() && *size == wire_size(rules, **parsed) && *size <= in.size());
    const auto again = parse_datagram(rules, bytes{wire}.first(*size));
    require(again && *again && to_text(rules, **again) == to_text(rules, **parsed));

    buffer_pool pool;
    const auto m = to_object(**parsed, 128, pool);
    require(m.has_value());
    const auto shortest = to_datagram(rules, (*parsed)->track_alias, *m, priority{128});
    const auto short_size = serialize_datagram(rules, shortest, wire);
    require(short_size && *short_size <= *size);
    const auto back = parse_datagram(rules, bytes{wire}.first(*short_size));
    require(back && *back);
    const auto same = to_object(**back, 128, pool);
    require(same && seen_of(*same) == seen_of(*m));
}

void check(const wire_rules& rules, std::uint64_t type, group_order order, const reading& got) {
    const bool fetch = type == stream_type::fetch;
    track_checker checker{
        rules, fetch ? track_checker::delivery::fetch : track_checker::delivery::subscription,
        order};
    auto fault = track_fault::none;
    std::optional<seen> last;
    for (const auto& item : got.items) {
        if (item.what != kind::object) continue;
        const auto judged = checker.observe(object_of(item));
        if (!judged) return require(!item.properties.empty());
        if (fault == track_fault::none) fault = *judged;
        last = item;
    }
    if (last && !fetch) (void)checker.observe_end(last->at, last->subgroup, last->end_of_group);
}

/// Writes the items of a stream again; a fetch that is out of order ends where it went astray.
octets written(const wire_rules& rules, group_order order, const reading& got, std::size_t& count) {
    octets wire;
    octets room(70'000);
    const auto put_result = [&](const result<std::size_t>& size) {
        if (size) put(wire, bytes{room}.first(*size));
        return size.has_value();
    };
    fetch_sequence sequence{rules, order};
    std::optional<std::uint64_t> previous;
    for (count = 0; count < got.items.size(); ++count) {
        const auto& item = got.items[count];
        const auto m = object_of(item);
        if (item.what == kind::subgroup_header) {
            require(put_result(encode_subgroup_header(rules, *got.header, room)));
        } else if (item.what == kind::fetch_header) {
            require(put_result(encode_fetch_header(rules, {item.request}, room)));
        } else if (got.header) {
            require(
                put_result(encode_subgroup_object_header(rules, *got.header, previous, m, room)));
            previous = m.location.object;
            put(wire, m.payload);
        } else if (item.what == kind::end_of_range) {
            if (!put_result(sequence.encode_range_end(item.range, item.at, room))) return wire;
        } else {
            const auto size = sequence.encode(m, room);
            if (!size) {
                require(size.error().code == errc::bad_value);
                return wire;
            }
            put(wire, bytes{room}.first(*size));
            put(wire, m.payload);
        }
    }
    return wire;
}

void stream(const wire_rules& rules, group_order order, bool small_pool, std::uint8_t sizes,
            bytes in) {
    const auto type = decode_varint(rules.varint, in.data(), in.size());
    if (type.size == 0) return;
    const auto rest = in.subspan(type.size);
    std::minstd_rand random{sizes};
    buffer_pool pool{small_pool ? std::size_t{2000} : SIZE_MAX};
    const auto whole =
        read_in_pieces(rules, type.value, order, rest, pool, [&] { return rest.size(); });
    const auto most = std::size_t{1} << (sizes % 9);
    const auto split =
        read_in_pieces(rules, type.value, order, rest, pool, [&] { return 1 + random() % most; });
    require(pool.used() == 0);
    const bool memory = whole.code() == errc::out_of_memory || split.code() == errc::out_of_memory;
    require(!memory || small_pool);
    if (memory) return;
    require(whole.items == split.items && whole.code() == split.code());
    require(whole.progress.objects == split.progress.objects);
    check(rules, type.value, order, whole);

    std::size_t count = 0;
    const auto wire = written(rules, order, whole, count);
    if (wire.empty()) return;
    const auto again_type = decode_varint(rules.varint, wire.data(), wire.size());
    const auto again =
        read_whole(rules, again_type.value, bytes{wire}.subspan(again_type.size), order);
    require(again.code() == errc::ok && again.items.size() == count);
    require(std::equal(again.items.begin(), again.items.end(), whole.items.begin()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const auto in = std::as_bytes(std::span{data, size}).subspan(3);
    const auto& rules = rules_for(all_drafts[data[0] % all_drafts.size()]);
    const auto order = (data[1] & 2) != 0 ? group_order::descending : group_order::ascending;
    if ((data[1] & 1) != 0)
        datagram(rules, in);
    else
        stream(rules, order, (data[1] & 4) != 0, data[2], in);
    return 0;
}
