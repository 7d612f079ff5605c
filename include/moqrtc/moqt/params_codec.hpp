#pragma once

#include <moqrtc/moqt/data/quick_archives.hpp>
#include <moqrtc/moqt/params_values.hpp>

namespace moqrtc::moqt {

namespace detail {

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

template <class Io>
constexpr void skip_key_value(Io& io, std::uint64_t type) {
    std::uint64_t number = 0;
    bytes ignored;
    if (type % 2 == 0)
        io.varint("value", number);
    else
        io.blob("value", ignored, limits::key_value_bytes);
}

template <class Io>
constexpr void read_params(Io& io, message_params& params, carrier where) {
    std::uint64_t count = 0;
    io.varint("number_of_parameters", count);
    std::uint64_t type = 0;
    std::uint32_t seen = 0;
    const bool deltas =
        io.rules().keys == key_form::delta || io.rules().parameters == parameter_form::typed;
    const auto column = carrier_column(io.rules().id);
    for (std::uint64_t i = 0; i < count && io.ok(); ++i) {
        std::uint64_t key = 0;
        io.varint("parameter_type", key);
        io.check(!deltas || key <= UINT64_MAX - type, "parameter_type", errc::overflow);
        type = deltas ? type + key : key;
        if (!io.ok()) return;
        const std::size_t index =
            type < 64 ? parameter_index[static_cast<std::size_t>(type)] : 0xff;
        const bool known =
            index != 0xff && parameter_rules[index].carriers[column] != carrier::none;
        if (!known) {
            io.check(io.rules().unknown_parameters == unknown_parameter::ignored, "parameter_type",
                     errc::unknown_type);
            skip_key_value(io, type);
            continue;
        }
        const auto& rule = parameter_rules[index];
        if (!overlaps(rule.carriers[column], where)) {
            io.check(io.rules().misplaced_parameters == unknown_parameter::ignored, rule.name);
            skip_key_value(io, type);
            continue;
        }
        const auto bit = std::uint32_t{1} << index;
        io.check((seen & bit) == 0, rule.name, errc::duplicate);
        seen |= bit;
        if (rule.kind == value_kind::token) {
            const auto read = read_tokens(io, params.authorization_tokens, count - i);
            if (read > 1) i += read - 1;
            continue;
        }
        // The row is a constant in each case, so that its kind costs nothing.
        const auto fill = [&]<parameter P>(auto& member) {
            describe_value(io, parameter_rules[static_cast<std::size_t>(P)], member.emplace());
        };
        switch (rule.id) {
        case parameter::object_delivery_timeout:
            fill.template operator()<parameter::object_delivery_timeout>(
                params.object_delivery_timeout);
            break;
        case parameter::authorization_token:
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
    if constexpr (requires { member.tokens(); })
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
concept fixed_size = !requires(Member member) { member.tokens(); } &&
                     !requires(Member member) { member->encoded(); };

template <class Io>
constexpr void write_params(Io& io, const message_params& params, carrier where) {
    std::size_t count = 0;
    message_params::for_each(params, [&](parameter, auto& m) { count += occurrences(m); });
    if constexpr (!prints<Io>) io.varint("number_of_parameters", count);
    std::uint64_t previous = 0;
    const bool deltas =
        io.rules().keys == key_form::delta || io.rules().parameters == parameter_form::typed;
    const auto column = carrier_column(io.rules().id);
    message_params::for_each(params, [&](parameter id, auto& member) {
        if (occurrences(member) == 0) return;
        const auto& rule = rule_of(id);
        io.check(overlaps(rule.carriers[column], where), rule.name, errc::not_in_draft);
        const auto key = [&] {
            if constexpr (!prints<Io>)
                io.varint("parameter_type", deltas ? rule.type - previous : rule.type);
            previous = rule.type;
        };
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
        } else {
            if (write_small(io, rule, deltas ? rule.type - previous : rule.type, *member)) {
                previous = rule.type;
                return;
            }
            key();
            describe_value(io, rule, *member);
        }
    });
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

template <class Io>
constexpr void sample_params(Io& io, message_params& params, carrier where) {
    message_params::for_each(params, [&](parameter id, auto& member) {
        const auto& rule = rule_of(id);
        if (!overlaps(rule.carriers[carrier_column(io.rules().id)], where)) return;
        if (io.below(3) != 0) return;
        if constexpr (requires { member.tokens(); }) {
            member = sample_tokens(io);
        } else {
            auto& value = member.emplace();
            if constexpr (requires { value.start; }) {
                value.type = static_cast<filter_type>(1 + io.below(4));
                if (value.type < filter_type::absolute_start) return;
                io.nested("start", value.start);
                if (value.type == filter_type::absolute_start) return;
                const auto room = varint_max(io.rules().varint) - value.start.group;
                value.end_group = value.start.group + (room == 0 ? 0 : io.next() % room);
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
    message_params::for_each(params, [&](parameter id, auto& member) {
        if (found == nullptr && detail::occurrences(member) != 0 &&
            !overlaps(carriers_of(rules, id), where))
            found = rule_of(id).name;
    });
    return found;
}

} // namespace moqrtc::moqt
