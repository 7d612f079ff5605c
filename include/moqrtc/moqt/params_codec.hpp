#pragma once

#include <moqrtc/moqt/data/quick_archives.hpp>
#include <moqrtc/moqt/params_lists.hpp>

namespace moqrtc::moqt {

namespace detail {

template <class Io>
constexpr void read_params(Io& io, message_params& params, carrier where, bool counted = true);

/// What stands in FILL_PARAMETERS. The drafts leave open whether a number of parameters comes first
/// there; we write one and read both: without one the first byte is a type of at least ten.
[[gnu::noinline]] constexpr bool read_fill(const wire_rules& rules, bytes value,
                                           message_params& out) {
    if (value.empty()) return true;
    reader counted{rules, value};
    read_params(counted, out, carrier::fill);
    if (counted.ok() && counted.left() == 0) return true;
    out = {};
    reader bare{rules, value};
    read_params(bare, out, carrier::fill, false);
    return bare.ok();
}

/// A value of a type that another parameter has as well: `describe_value` stays in one place.
template <class Io>
[[gnu::noinline]] constexpr void read_apart(Io& io, const parameter_rule& rule, bool& member) {
    std::uint8_t value = 0;
    io.u8(rule.name, value);
    check_parameter(io, rule, value);
    member = value == 1;
}

/// Out of the way of what nearly every message has.
template <class Io>
[[gnu::noinline]] constexpr void read_fill_parameters(Io& io, fill_parameters& out) {
    const char* const field = rule_of(parameter::fill_parameters).name;
    bytes inside;
    message_params checked;
    io.blob(field, inside, limits::key_value_bytes);
    if (io.ok()) io.check(read_fill(io.rules(), inside, checked), field);
    out = fill_parameters{io.rules(), inside};
}

/// A parameter that the draft does not know, or not in this message.
template <class Io>
[[gnu::cold, gnu::noinline]] constexpr void pass_parameter(Io& io, const parameter_slot& slot,
                                                           std::uint64_t type) {
    if (slot.carriers == carrier::none)
        io.check(io.rules().unknown_parameters == unknown_parameter::ignored, "parameter_type",
                 errc::unknown_type);
    else
        io.check(io.rules().misplaced_parameters == unknown_parameter::ignored,
                 rule_of(slot.id).name);
    skip_key_value(io, type);
}

template <class Io>
constexpr void read_params(Io& io, message_params& params, carrier where, bool counted) {
    std::uint64_t count = UINT64_MAX;
    if (counted) io.varint("number_of_parameters", count);
    std::uint64_t type = 0;
    std::uint32_t seen = 0;
    const bool deltas =
        io.rules().keys == key_form::delta || io.rules().parameters == parameter_form::typed;
    const auto column = carrier_column(io.rules().id);
    for (std::uint64_t i = 0; i < count && io.ok() && (counted || io.left() != 0); ++i) {
        std::uint64_t key = 0;
        io.varint("parameter_type", key);
        io.check(!deltas || key <= UINT64_MAX - type, "parameter_type", errc::overflow);
        type = deltas ? type + key : key;
        if (!io.ok()) return;
        const auto slot =
            type < 64 ? parameter_slots[column][static_cast<std::size_t>(type)] : parameter_slot{};
        if (!overlaps(slot.carriers, where)) [[unlikely]] {
            pass_parameter(io, slot, type);
            continue;
        }
        const auto bit = std::uint32_t{1} << static_cast<unsigned>(slot.id);
        if ((seen & bit) != 0) [[unlikely]]
            return io.fail(errc::duplicate, rule_of(slot.id).name);
        seen |= bit;
        if (slot.kind == value_kind::token) {
            const auto read = read_tokens(io, params.authorization_tokens, count - i);
            if (read > 1) i += read - 1;
            continue;
        }
        if (slot.kind == value_kind::ranges) {
            const auto read = read_ranges(io, params.range_filters, type, count - i, where);
            if (read > 1) i += read - 1;
            continue;
        }
        // The row is a constant in each case, so that its kind costs nothing.
        const auto fill = [&]<parameter P>(auto& member) {
            describe_value(io, parameter_rules[static_cast<std::size_t>(P)], member.emplace());
        };
        switch (slot.id) {
        case parameter::object_delivery_timeout:
            fill.template operator()<parameter::object_delivery_timeout>(
                params.object_delivery_timeout);
            break;
        case parameter::authorization_token:
            break;
        case parameter::max_cache_duration:
            fill.template operator()<parameter::max_cache_duration>(params.max_cache_duration);
            break;
        case parameter::rendezvous_timeout:
            fill.template operator()<parameter::rendezvous_timeout>(params.rendezvous_timeout);
            break;
        case parameter::subgroup_delivery_timeout:
            fill.template operator()<parameter::subgroup_delivery_timeout>(
                params.subgroup_delivery_timeout);
            break;
        case parameter::expires:
            fill.template operator()<parameter::expires>(params.expires);
            break;
        case parameter::largest_object:
            fill.template operator()<parameter::largest_object>(params.largest_object);
            break;
        case parameter::fill_timeout:
            fill.template operator()<parameter::fill_timeout>(params.fill_timeout);
            break;
        case parameter::publisher_priority:
            fill.template operator()<parameter::publisher_priority>(params.publisher_priority);
            break;
        case parameter::forward:
            fill.template operator()<parameter::forward>(params.forward);
            break;
        case parameter::subscriber_priority:
            fill.template operator()<parameter::subscriber_priority>(params.subscriber_priority);
            break;
        case parameter::subscription_filter:
            fill.template operator()<parameter::subscription_filter>(params.subscription_filter);
            break;
        case parameter::group_order:
            fill.template operator()<parameter::group_order>(params.group_order);
            break;
        case parameter::fill_parameters: {
            read_fill_parameters(io, params.fill);
            break;
        }
        case parameter::subgroup_filter:
        case parameter::object_id_filter:
        case parameter::priority_filter:
        case parameter::object_property_filter:
        case parameter::track_property_filter:
            break;
        case parameter::include_properties:
            read_apart(io, rule_of(slot.id), params.include_properties.emplace());
            break;
        case parameter::dynamic_groups:
            fill.template operator()<parameter::dynamic_groups>(params.dynamic_groups);
            break;
        case parameter::new_group_request:
            fill.template operator()<parameter::new_group_request>(params.new_group_request);
            break;
        case parameter::track_namespace_prefix:
            fill.template operator()<parameter::track_namespace_prefix>(
                params.track_namespace_prefix);
            break;
        }
    }
}

template <class Member>
constexpr std::size_t occurrences(const Member& member) noexcept {
    if constexpr (requires { member.size(); })
        return member.size();
    else
        return member.has_value() ? 1 : 0;
}

/// Key and value at once where both are numbers below 64; false when they are not.
template <class Io, class Value>
constexpr bool write_small(Io& io, const parameter_rule& rule, std::uint64_t key, Value value) {
    if constexpr (requires { io.room(); } && requires { static_cast<std::uint64_t>(value); }) {
        const auto n = static_cast<std::uint64_t>(value);
        if (n >= 64) return false;
        check_parameter(io, rule, n);
        io.byte_pair(rule.name, key, n);
        return true;
    }
    return false;
}

/// Archives that know only whether all went well.
template <class Io>
concept hurries = requires { Io::quick; };
/// Parameters whose size has a small bound.
template <class Member>
concept fixed_size = !requires(Member member) { member.size(); } && !requires(Member member) {
    member.inside();
} && !requires(Member member) { member->encoded(); };

template <class Io>
constexpr void write_params(Io& io, const message_params& params, carrier where) {
    std::size_t count = 0;
    const bool fields = io.rules().fixed_request_fields;
    const char* const number = "number_of_parameters";
    [[maybe_unused]] std::byte* place = nullptr;
    if constexpr (hurries<Io>) {
        place = io.enter(number); // each at most once: fewer than 64, counted on the way
    } else {
        message_params::for_each(params, [&](parameter id, auto& m) {
            if (!fields || !rule_of(id).fixed) count += occurrences(m);
        });
        if constexpr (!prints<Io>) io.varint(number, count);
    }
    std::uint64_t previous = 0;
    const bool deltas =
        io.rules().keys == key_form::delta || io.rules().parameters == parameter_form::typed;
    const auto column = carrier_column(io.rules().id);
    message_params::for_each(params, [&](parameter id, auto& member) {
        if (occurrences(member) == 0) return;
        const auto& rule = rule_of(id);
        const auto allow = [&](const parameter_rule& row) {
            io.check(overlaps(row.carriers[column], where), row.name, errc::not_in_draft);
        };
        const auto key_of = [&](const parameter_rule& row) {
            if constexpr (!prints<Io>)
                io.varint("parameter_type", deltas ? row.type - previous : row.type);
            previous = row.type;
        };
        const auto key = [&] { key_of(rule); };
        if constexpr (!requires { member.filters(); }) allow(rule);
        if (fields && rule.fixed) return;
        if constexpr (hurries<Io>) ++count;
        if constexpr (hurries<Io> && !fixed_size<decltype(member)>) {
            io.fail(errc::unsupported, rule.name);
        } else if constexpr (requires { member.tokens(); }) {
            auto at = member.tokens();
            while (const auto token = at.next()) {
                key();
                length_prefixed<false>(io, rule.name, errc::malformed_value, [&](auto& inner) {
                    authorization_token::describe(inner, *token);
                });
            }
        } else if constexpr (requires { member.filters(); }) {
            auto at = member.filters();
            while (const auto one = at.next()) {
                const auto type = static_cast<std::size_t>(one->subject);
                const auto& row = rule_of(parameter_slots.back()[type].id);
                allow(row);
                io.check(type >= previous, row.name);
                if (!io.ok()) return;
                key_of(row);
                io.blob(row.name, one->value, limits::key_value_bytes);
            }
        } else if constexpr (requires { member.inside(); }) {
            const auto inside = member.inside();
            key();
            length_prefixed<false>(io, rule.name, errc::bad_value, [&](auto& inner) {
                write_params(inner, inside, carrier::fill);
            });
        } else {
            if (write_small(io, rule, deltas ? rule.type - previous : rule.type, *member)) {
                previous = rule.type;
                return;
            }
            key();
            describe_value(io, rule, *member);
        }
    });
    if constexpr (hurries<Io>) io.fill(place, count);
}

/// Parameters of fixed size, which is nearly always all of them, without leaving the registers;
/// 0 when there is another one, no room or a failure, which `writer` then meets and names.
[[nodiscard]] [[gnu::flatten, gnu::noinline]] constexpr std::size_t
write_params_quickly(const wire_rules& rules, const message_params& params, carrier where,
                     mutable_bytes out) {
    quick_writer io{rules, out};
    write_params(io, params, where);
    return io.ok() ? io.position() : 0;
}

/// The past of a track, of its current group, and all of the newest of it at once.
inline constexpr std::array<message_params, 3> sampled_fills{{
    {},
    {.subscription_filter = subscription_filter{filter_type::relative_start, {1, 0}},
     .group_order = group_order::ascending},
    {.fill_timeout = 250,
     .subscriber_priority = priority{200},
     .subscription_filter = subscription_filter{filter_type::object_range, {2, 1}, 5, 300},
     .group_order = group_order::descending,
     .range_filters = range_filter_list{std::span{sampled_ranges}.first(2)}},
}};

template <class Io>
constexpr void sample_params(Io& io, message_params& params, carrier where) {
    message_params::for_each(params, [&](parameter id, auto& member) {
        const auto& rule = rule_of(id);
        if (!overlaps(rule.carriers[carrier_column(io.rules().id)], where)) return;
        if (io.rules().fixed_request_fields && rule.fixed) return;
        if (io.below(3) != 0) return;
        if constexpr (requires { member.tokens(); }) {
            member = sample_tokens(io);
        } else if constexpr (requires { member.filters(); }) {
            member = sample_ranges_for(io, where);
        } else if constexpr (requires { member.inside(); }) {
            member = fill_parameters{
                sampled_fills[static_cast<std::size_t>(io.below(sampled_fills.size()))]};
        } else {
            auto& value = member.emplace();
            if constexpr (requires { value.start; }) {
                sample_filter(io, value);
            } else if constexpr (requires { value.group; }) {
                io.nested(rule.name, value);
            } else if constexpr (requires { value.encoded(); }) {
                describe_namespace(io, rule.name, value, 0);
            } else if (rule.kind == value_kind::order) {
                value = static_cast<std::remove_cvref_t<decltype(value)>>(1 + io.below(2));
            } else if (rule.kind == value_kind::boolean) {
                value = static_cast<std::remove_cvref_t<decltype(value)>>(io.below(2));
            } else if (rule.kind == value_kind::priority_value) {
                value = static_cast<std::remove_cvref_t<decltype(value)>>(io.below(256));
            } else {
                const auto number = io.any_varint(); // 0 is forbidden for some timeouts
                value = static_cast<std::remove_cvref_t<decltype(value)>>(number == 0 ? 1 : number);
            }
        }
    });
}

} // namespace detail

constexpr message_params fill_parameters::inside() const {
    if (given_ != nullptr) return *given_;
    message_params out;
    if (rules_ != nullptr) (void)detail::read_fill(*rules_, encoded_, out);
    return out;
}

/// Describes the parameters of a message that counts as `where`.
///
/// Errors  unknown_type, bad_value (misplaced or forbidden value), malformed_value, duplicate,
///         overflow, limit; the session maps them to its termination codes.
template <class Io, class Params>
constexpr void describe_params(Io& io, Params& params, carrier where) {
    if constexpr (reads<Io>)
        detail::read_params(io, params, where);
    else if constexpr (samples<Io>)
        detail::sample_params(io, params, where);
    else if constexpr (prints<Io>) {
        io.begin("parameters");
        detail::write_params(io, params, where);
        io.end();
    } else {
        if constexpr (requires { io.commit(0); }) {
            const auto size = detail::write_params_quickly(io.rules(), params, where, io.spare());
            if (size != 0) return io.commit(size);
        }
        detail::write_params(io, params, where);
    }
}

/// The first parameter set in `params` that the draft does not define for `where`, if any: what a
/// session asks once it knows which request an OK or an update belongs to.
[[nodiscard]] constexpr const char*
misplaced_parameter(const wire_rules& rules, const message_params& params, carrier where) noexcept {
    const char* found = nullptr;
    const auto look = [&](parameter id) {
        if (found == nullptr && !overlaps(carriers_of(rules, id), where)) found = rule_of(id).name;
    };
    message_params::for_each(params, [&](parameter id, auto& member) {
        if (detail::occurrences(member) == 0) return;
        if constexpr (requires { member.filters(); }) {
            for (auto at = member.filters(); const auto one = at.next();)
                look(detail::parameter_slots.back()[static_cast<std::size_t>(one->subject)].id);
        } else {
            look(id);
        }
    });
    return found;
}

} // namespace moqrtc::moqt
