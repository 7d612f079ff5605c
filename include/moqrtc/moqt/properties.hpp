#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/limits.hpp>
#include <moqrtc/moqt/types.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

/// Track and object properties ("extension headers" up to draft 16): a sequence of Key-Value-Pairs
/// that is kept and forwarded as bytes, and looked into when somebody asks.
///
/// Spec    moq-transport, anchors `key-value-pair-structure` and `properties`.
namespace moqrtc::moqt {

namespace property {
inline constexpr std::uint64_t object_delivery_timeout = 0x02;
inline constexpr std::uint64_t max_cache_duration = 0x04;
inline constexpr std::uint64_t subgroup_delivery_timeout = 0x06;
inline constexpr std::uint64_t immutable = 0x0b;
inline constexpr std::uint64_t default_publisher_priority = 0x0e;
inline constexpr std::uint64_t default_publisher_group_order = 0x22;
inline constexpr std::uint64_t dynamic_groups = 0x30;
inline constexpr std::uint64_t prior_group_id_gap = 0x3c;
inline constexpr std::uint64_t prior_object_id_gap = 0x3e;
/// Types that a receiver which does not know them must refuse the track for.
inline constexpr std::uint64_t first_mandatory = 0x4000;
inline constexpr std::uint64_t last_mandatory = 0x7fff;
} // namespace property

/// One Key-Value-Pair: an even type has a number, an odd type has bytes.
struct key_value {
    std::uint64_t type = 0;
    std::uint64_t number = 0;
    bytes data{};
};

/// Walks Key-Value-Pairs that run to the end of `in`.
///
/// Borrows `in`.
class key_value_reader {
public:
    constexpr key_value_reader(const wire_rules& rules, bytes in) noexcept : io_{rules, in} {}

    /// The next pair, or none at the end and after a failure (`failure()` tells which).
    [[nodiscard]] constexpr std::optional<key_value> next() noexcept {
        if (!io_.ok() || io_.left() == 0) return std::nullopt;
        key_value pair;
        std::uint64_t key = 0;
        io_.varint("type", key);
        if (io_.rules().keys == key_form::delta) {
            io_.check(key <= UINT64_MAX - type_, "type", errc::overflow);
            key += type_;
        }
        pair.type = type_ = key;
        if (pair.type % 2 == 0)
            io_.varint("value", pair.number);
        else
            io_.blob("value", pair.data, limits::key_value_bytes);
        if (!io_.ok()) return std::nullopt;
        return pair;
    }
    [[nodiscard]] constexpr bool ok() const noexcept { return io_.ok(); }
    [[nodiscard]] constexpr const error& failure() const noexcept { return io_.failure(); }
    [[nodiscard]] constexpr std::size_t position() const noexcept { return io_.position(); }

private:
    reader<wire_rules> io_;
    std::uint64_t type_ = 0;
};

/// Appends Key-Value-Pairs in the encoding of a draft; types must not decrease.
///
/// Errors  bad_value, duplicate (a type that may stand once, anchors `immutable-properties` and
///         `prior-group-id-gap`, stands twice), limit, no_space.
class key_value_writer {
public:
    constexpr key_value_writer(const wire_rules& rules, mutable_bytes out) noexcept
        : io_{rules, out} {}

    constexpr void put(const key_value& pair) noexcept {
        io_.check(pair.type >= type_, "type", errc::bad_value);
        const bool single = pair.type == property::immutable ||
                            pair.type == property::prior_group_id_gap ||
                            pair.type == property::prior_object_id_gap;
        io_.check(!single || pair.type != type_, "type", errc::duplicate);
        io_.varint("type", io_.rules().keys == key_form::delta ? pair.type - type_ : pair.type);
        type_ = pair.type;
        if (pair.type % 2 == 0)
            io_.varint("value", pair.number);
        else
            io_.blob("value", pair.data, limits::key_value_bytes);
    }
    constexpr void put(std::uint64_t type, std::uint64_t number) noexcept {
        put(key_value{type, number, {}});
    }
    [[nodiscard]] constexpr result<std::size_t> size() const noexcept {
        if (!io_.ok()) return std::unexpected(io_.failure());
        return io_.position();
    }

private:
    writer<wire_rules> io_;
    std::uint64_t type_ = 0;
};

/// The properties of a track that a relay or subscriber acts on.
///
/// Units   durations in milliseconds.
/// Fields  `unknown_mandatory` is the type of a property that this library does not know and that
///         the draft forbids to ignore (anchor `mandatory-track-properties`). `malformed` says that
///         an immutable block does not parse or holds another one, which ends the subscription
///         and not the session (anchor `immutable-properties`).
struct track_properties {
    std::optional<std::uint64_t> object_delivery_timeout{};
    std::optional<std::uint64_t> subgroup_delivery_timeout{};
    std::optional<std::uint64_t> max_cache_duration{};
    priority default_publisher_priority = default_priority;
    group_order default_publisher_group_order = group_order::ascending;
    bool dynamic_groups = false;
    std::optional<std::uint64_t> unknown_mandatory{};
    bool malformed = false;
};

namespace detail {

/// Takes over one pair; the name of the property when its value closes the session.
[[nodiscard]] constexpr const char* take_track_property(const wire_rules& rules,
                                                        const key_value& pair,
                                                        track_properties& out) noexcept {
    switch (pair.type) {
    case property::object_delivery_timeout:
        if (pair.number == 0 && !rules.zero_timeout_is_none) return "object_delivery_timeout";
        out.object_delivery_timeout = pair.number;
        break;
    case property::subgroup_delivery_timeout:
        if (rules.subgroup_timeout) out.subgroup_delivery_timeout = pair.number;
        break;
    case property::max_cache_duration:
        out.max_cache_duration = pair.number;
        break;
    case property::default_publisher_priority:
        // The drafts call larger values invalid without a reaction; closing is the safe reading.
        if (pair.number > 255) return "default_publisher_priority";
        out.default_publisher_priority = static_cast<priority>(pair.number);
        break;
    case property::default_publisher_group_order:
        if (pair.number != 1 && pair.number != 2) return "default_publisher_group_order";
        out.default_publisher_group_order = static_cast<group_order>(pair.number);
        break;
    case property::dynamic_groups:
        if (pair.number > 1) return "dynamic_groups";
        out.dynamic_groups = pair.number == 1;
        break;
    default:
        if (rules.mandatory_properties && pair.type >= property::first_mandatory &&
            pair.type <= property::last_mandatory && !out.unknown_mandatory)
            out.unknown_mandatory = pair.type;
    }
    return nullptr;
}

} // namespace detail

/// Reads the properties of a track, inside an immutable block too.
///
/// Errors  bad_value for a value that closes the session, truncated, overflow, limit. `offset`
///         counts from the start of `in`.
[[nodiscard]] constexpr result<track_properties> read_track_properties(const wire_rules& rules,
                                                                       bytes in) noexcept {
    track_properties out;
    key_value_reader pairs{rules, in};
    for (auto at = pairs.position(); const auto pair = pairs.next(); at = pairs.position()) {
        const char* bad = detail::take_track_property(rules, *pair, out);
        if (pair->type == property::immutable) {
            key_value_reader inside{rules, pair->data};
            while (const auto inner = inside.next()) {
                if (inner->type == property::immutable) out.malformed = true;
                if (bad == nullptr) bad = detail::take_track_property(rules, *inner, out);
            }
            if (!inside.ok()) out.malformed = true;
        }
        if (bad != nullptr) return fail(errc::bad_value, bad, static_cast<std::uint32_t>(at));
    }
    if (!pairs.ok()) return std::unexpected(pairs.failure());
    return out;
}

/// The same properties in the encoding of another draft; a delivery timeout of 0, which means
/// none, is left out where the other draft forbids it.
///
/// Errors  bad_value when a number does not fit the other encoding; not_in_draft for an immutable
///         block whose bytes would mean something else there, since nobody may re-encode it;
///         no_space; what reading reports.
[[nodiscard]] constexpr result<std::size_t> transcode_properties(const wire_rules& from,
                                                                 const wire_rules& to, bytes in,
                                                                 mutable_bytes out) noexcept {
    key_value_reader pairs{from, in};
    key_value_writer written{to, out};
    while (const auto pair = pairs.next()) {
        if (pair->type == property::immutable &&
            (from.varint != to.varint || from.keys != to.keys)) {
            // Integers below 64 are the same single byte in every form; nothing else is.
            key_value_reader here{from, pair->data};
            key_value_reader there{to, pair->data};
            while (const auto a = here.next()) {
                const auto b = there.next();
                if (!b || a->type != b->type || a->number != b->number || !equal(a->data, b->data))
                    return fail(errc::not_in_draft, "immutable_properties");
            }
            if (!here.ok() || there.next()) return fail(errc::not_in_draft, "immutable_properties");
        }
        const bool forbidden = pair->type == property::object_delivery_timeout &&
                               pair->number == 0 && !to.zero_timeout_is_none;
        if (!forbidden) written.put(*pair);
    }
    if (!pairs.ok()) return std::unexpected(pairs.failure());
    return written.size();
}

namespace detail {

/// What the sampler draws track properties from, the same bytes in every draft: a cache duration,
/// an unknown odd type, the group order, dynamic groups; then an immutable block with a priority.
inline constexpr auto sample_properties = [] {
    constexpr std::string_view text{"\x04\x0a\x05\x01*\x19\x02\x0e\x01\x0b\x02\x0e\x07", 13};
    std::array<std::byte, text.size()> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>(text[i]);
    return out;
}();

} // namespace detail

/// Describes track properties at the end of a message: validated when read, kept as bytes.
///
/// Fields  `defined` says whether the draft has them in this message.
template <class Io, class Bytes>
constexpr void describe_track_properties(Io& io, bool defined, Bytes& value) {
    if constexpr (samples<Io>) {
        if (!defined) return;
        constexpr std::array<std::size_t, 4> ends{0, 2, 5, 9};
        const bytes all{detail::sample_properties};
        const auto pick = static_cast<std::size_t>(io.below(5));
        value = pick < 4 ? all.first(ends[pick]) : all.subspan(9);
    } else if constexpr (reads<Io>) {
        if (!defined) return;
        const auto start = io.position();
        io.rest("track_properties", value);
        if (!io.ok()) return;
        const auto known = read_track_properties(io.rules(), value);
        if (!known)
            io.fail_at(start + known.error().offset, known.error().code, known.error().field);
    } else {
        io.check(defined || value.empty(), "track_properties", errc::not_in_draft);
        if (defined) io.rest("track_properties", value);
    }
}

} // namespace moqrtc::moqt
