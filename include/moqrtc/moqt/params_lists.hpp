#pragma once

#include <moqrtc/moqt/params_values.hpp>

/// Parameters that may stand several times in a message: tokens and range filters.
namespace moqrtc::moqt::detail {

/// Reads adjacent AUTHORIZATION_TOKEN parameters; returns how many there were.
template <class Io>
constexpr std::uint64_t read_tokens(Io& io, token_list& out, std::uint64_t most) {
    const char* const field = "authorization_token";
    auto probe = io;
    const auto start = probe.position();
    const std::uint64_t repeated =
        io.rules().keys == key_form::delta ? 0 : rule_of(parameter::authorization_token).type;
    std::size_t end = start;
    std::uint64_t count = 0;
    while (probe.ok() && count < most) {
        if (count != 0) {
            auto peek = probe;
            std::uint64_t key = 0;
            peek.varint("type", key);
            if (!peek.ok() || key != repeated) break;
            probe = peek;
        }
        bytes one;
        probe.blob(field, one, limits::key_value_bytes);
        if (!probe.ok()) break;
        reader inner{io.rules(), one};
        authorization_token token;
        authorization_token::describe(inner, token);
        if (!inner.ok() || inner.left() != 0) probe.fail(errc::malformed_value, field);
        ++count;
        end = probe.position();
        probe.check(count <= limits::tokens_per_message, field, errc::limit);
    }
    bytes all;
    if (!probe.ok()) {
        io = probe;
        return count;
    }
    io.raw(field, all, end - start);
    out = token_list{io.rules(), all, static_cast<std::size_t>(count)};
    return count;
}

/// Reads adjacent range filters, the first of which has type `type`; returns how many there were.
/// What stands in them is looked at with the request: it can refuse that, never end the session.
template <class Io>
[[gnu::noinline]] constexpr std::uint64_t read_ranges(Io& io, range_filter_list& out,
                                                      std::uint64_t& type, std::uint64_t most,
                                                      carrier where) {
    const char* const field = "range_filter";
    const auto first = static_cast<range_subject>(type);
    auto probe = io;
    const auto start = probe.position();
    std::size_t end = start;
    std::uint64_t count = 0;
    while (probe.ok() && count < most) {
        if (count != 0) {
            auto peek = probe;
            std::uint64_t key = 0;
            peek.varint("type", key);
            if (!peek.ok() ||
                key > static_cast<std::uint64_t>(range_subject::track_property) - type)
                break;
            type += key;
            probe = peek;
        }
        const auto id = parameter_slots.back()[static_cast<std::size_t>(type)].id;
        probe.check(overlaps(carriers_of(io.rules(), id), where), field);
        bytes one;
        probe.blob(field, one, limits::key_value_bytes);
        if (!probe.ok()) break;
        ++count;
        end = probe.position();
    }
    bytes all;
    if (!probe.ok()) {
        io = probe;
        return count;
    }
    io.raw(field, all, end - start);
    out = range_filter_list{io.rules(), all, first, static_cast<std::size_t>(count)};
    return count;
}

template <class Io>
constexpr void skip_key_value(Io& io, std::uint64_t type) {
    std::uint64_t number = 0;
    bytes ignored;
    if (type % 2 == 0)
        io.varint("value", number);
    else
        io.blob("value", ignored, limits::key_value_bytes);
}

/// One of each kind, values of 2 and 13 bytes, small numbers that every draft can carry.
inline constexpr std::array<std::byte, 13> sample_token_value{std::byte{0x7f}, std::byte{0x00}};
inline constexpr std::array sampled_tokens{
    authorization_token{alias_type::register_alias, 3, 0, bytes{sample_token_value}.first(2)},
    authorization_token{alias_type::use_value, 0, 0x9d, sample_token_value},
    authorization_token{alias_type::use_alias, 3, 0, {}},
    authorization_token{alias_type::delete_alias, 500, 0, {}},
};

/// One token or more, adjacent in the table above.
constexpr token_list sample_tokens(auto& io) {
    const auto first = static_cast<std::size_t>(io.below(sampled_tokens.size()));
    const auto count = 1 + static_cast<std::size_t>(io.below(sampled_tokens.size() - first));
    return token_list{std::span{sampled_tokens}.subspan(first, count)};
}

/// 3 to 5 and 10 to 15, the drafts' own example, in set 0; property 2 from 3 on, in set 1.
inline constexpr std::array<std::byte, 5> sample_ranges{std::byte{0}, std::byte{3}, std::byte{2},
                                                        std::byte{5}, std::byte{5}};
inline constexpr std::array<std::byte, 3> sample_property{std::byte{1}, std::byte{2}, std::byte{3}};
inline constexpr std::array sampled_ranges{
    encoded_filter{range_subject::subgroup, sample_ranges},
    encoded_filter{range_subject::object_id, sample_ranges},
    encoded_filter{range_subject::object_id, {}},
    encoded_filter{range_subject::publisher_priority, sample_ranges},
    encoded_filter{range_subject::object_property, sample_property},
    encoded_filter{range_subject::track_property, sample_property},
};

/// One filter or more, adjacent in the table above, as far as `where` may carry them.
constexpr range_filter_list sample_ranges_for(auto& io, carrier where) {
    const bool tracks = overlaps(carriers_of(io.rules(), parameter::track_property_filter), where);
    const auto most = sampled_ranges.size() - (tracks ? 0 : 1);
    const auto first = static_cast<std::size_t>(io.below(most));
    const auto count = 1 + static_cast<std::size_t>(io.below(most - first));
    return range_filter_list{std::span{sampled_ranges}.subspan(first, count)};
}

} // namespace moqrtc::moqt::detail
