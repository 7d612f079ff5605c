#pragma once

#include <moqrtc/core/archive.hpp>
#include <moqrtc/moqt/types.hpp>

#include <array>
#include <cstdint>

/// The location filter in its three forms on the wire; inside the library it is one range.
namespace moqrtc::moqt::detail {

/// The number of a filter in the form that writes its type without a length.
inline constexpr std::array<std::uint8_t, 7> untagged_types{0x0, 0x1, 0x5, 0x2, 0x3, 0x1, 0x4};

/// Behind the type: how many of the four integers a filter has.
[[nodiscard]] constexpr std::size_t fields_of(const subscription_filter& filter) noexcept {
    switch (filter.type) {
    case filter_type::everything:
        return 0;
    case filter_type::next_group_start:
    case filter_type::relative_start:
        return 1;
    case filter_type::largest_object:
    case filter_type::absolute_start:
        return 2;
    case filter_type::absolute_range:
        return 3;
    case filter_type::object_range:
        return 4;
    }
    return 0;
}

/// The filter that `count` integers mean, a start and the distance of an end.
constexpr void set_filter(auto& io, subscription_filter& filter, std::size_t count,
                          const std::array<std::uint64_t, 4>& fields) {
    filter = {};
    filter.start = {fields[0], fields[1]};
    if (count == 0) {
        filter.type = filter_type::everything;
    } else if (count == 1) {
        filter.type = fields[0] == 0 ? filter_type::next_group_start : filter_type::relative_start;
    } else if (count == 2) {
        filter.type = filter_type::absolute_start;
    } else {
        filter.type = count == 3 ? filter_type::absolute_range : filter_type::object_range;
        io.check(fields[2] <= UINT64_MAX - fields[0], "end_group_delta", errc::overflow);
        filter.end_group = fields[0] + fields[2];
        filter.end_object = fields[3];
    }
}

inline constexpr std::array<const char*, 4> filter_fields{"start_group", "start_object",
                                                          "end_group_delta", "end_object"};

/// `count` integers of a filter that is written or printed.
constexpr void write_filter_fields(auto& io, const subscription_filter& filter, std::size_t count) {
    const bool ends = filter.has_end();
    io.check(!ends || filter.end_group >= filter.start.group, "end_group");
    const std::array<std::uint64_t, 4> fields{filter.start.group, filter.start.object,
                                              filter.end_group - filter.start.group,
                                              filter.end_object};
    for (std::size_t i = 0; i < count; ++i)
        io.varint(filter_fields[i], fields[i]);
}

/// Drafts 20 and 21: the integers alone, as many as the length has room for. Two that are 0 mean
/// the next object, so that a start at {0, 0} without an end is written as no filter, which it is.
constexpr void describe_counted_filter(auto& io, auto& filter) {
    std::array<std::uint64_t, 4> fields{};
    std::size_t count = 0;
    if constexpr (reads<decltype(io)>) {
        while (count < fields.size() && io.ok() && io.left() != 0) {
            io.varint(filter_fields[count], fields[count]);
            ++count;
        }
        if (!io.ok()) return;
        set_filter(io, filter, count, fields);
        if (count == 2 && filter.start == location{}) filter.type = filter_type::largest_object;
    } else {
        count = fields_of(filter);
        if (filter.type == filter_type::absolute_start && filter.start == location{}) count = 0;
        auto written = filter;
        if (!written.has_end() && written.type != filter_type::absolute_start &&
            written.type != filter_type::relative_start)
            written.start = {};
        write_filter_fields(io, written, count);
    }
}

/// Draft 22: a type and what belongs to it, without a length.
constexpr void describe_untagged_filter(auto& io, auto& filter) {
    if constexpr (reads<decltype(io)>) {
        std::uint64_t type = 0;
        io.varint("location_filter_type", type);
        io.check(type <= 5, "location_filter_type");
        std::array<std::uint64_t, 4> fields{};
        const auto count = type == 5 ? std::size_t{0} : static_cast<std::size_t>(type);
        for (std::size_t i = 0; i < count && io.ok(); ++i)
            io.varint(filter_fields[i], fields[i]);
        if (!io.ok()) return;
        set_filter(io, filter, count, fields);
        if (type == 5) filter.type = filter_type::largest_object;
    } else {
        const auto at = static_cast<std::size_t>(filter.type);
        io.varint("location_filter_type", untagged_types[at]);
        auto written = filter;
        if (filter.type == filter_type::next_group_start) written.start = {};
        write_filter_fields(io, written,
                            filter.type == filter_type::largest_object ? 0 : fields_of(filter));
    }
}

/// Up to draft 19: a type and what belongs to it, behind a length.
constexpr void describe_typed_filter(auto& io, auto& filter) {
    auto type = static_cast<std::uint64_t>(filter.type);
    if constexpr (!reads<decltype(io)>)
        io.check(type >= 1 && type <= 4, "filter_type", errc::not_in_draft);
    io.varint("filter_type", type);
    if constexpr (reads<decltype(io)>) {
        io.check(type >= 1 && type <= 4, "filter_type");
        if (!io.ok()) return;
        filter.type = static_cast<filter_type>(type);
    }
    if (filter.type != filter_type::absolute_start && filter.type != filter_type::absolute_range)
        return;
    io.nested("start", filter.start);
    if (filter.type != filter_type::absolute_range) return;
    if (io.rules().location_filter == location_filter_form::delta_end) {
        io.check(reads<decltype(io)> || filter.end_group >= filter.start.group, "end_group");
        std::uint64_t delta = filter.end_group - filter.start.group;
        io.varint("end_group_delta", delta);
        if constexpr (reads<decltype(io)>) {
            io.check(delta <= UINT64_MAX - filter.start.group, "end_group_delta", errc::overflow);
            filter.end_group = filter.start.group + delta;
        }
    } else {
        io.varint("end_group", filter.end_group);
        io.check(filter.end_group >= filter.start.group, "end_group");
    }
}

/// A filter that the draft can say, with legal random content.
constexpr void sample_filter(auto& io, subscription_filter& filter) {
    const auto form = io.rules().location_filter;
    const bool typed =
        form != location_filter_form::counted && form != location_filter_form::untagged;
    filter.type = static_cast<filter_type>(typed ? 1 + io.below(4) : io.below(7));
    if (filter.type == filter_type::relative_start) filter.start.group = 1 + (io.any_varint() >> 1);
    if (!filter.has_end() && filter.type != filter_type::absolute_start) return;
    io.nested("start", filter.start);
    if (filter.type == filter_type::absolute_start) {
        if (filter.start == location{}) filter.start.group = 1;
        return;
    }
    const auto room = varint_max(io.rules().varint) - filter.start.group;
    filter.end_group = filter.start.group + (room == 0 ? 0 : io.next() % room);
    if (filter.type == filter_type::object_range) filter.end_object = io.any_varint();
}

} // namespace moqrtc::moqt::detail
