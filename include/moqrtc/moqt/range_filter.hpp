#pragma once

#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/limits.hpp>
#include <moqrtc/moqt/properties.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

/// Range filters: which objects of a subscription or fetch, and which tracks, somebody wants.
///
/// Spec    moq-transport from draft 19 on, anchor `range-filters`.
namespace moqrtc::moqt {

/// What a range filter looks at; the number is its parameter's type.
enum class range_subject : std::uint8_t {
    subgroup = 0x25,
    object_id = 0x26,
    publisher_priority = 0x27,
    object_property = 0x28,
    track_property = 0x29,
};
[[nodiscard]] constexpr bool names_property(range_subject subject) noexcept {
    return subject >= range_subject::object_property;
}

/// Numbers from `first` to `last`, both included.
struct filter_range {
    std::uint64_t first = 0;
    std::uint64_t last = UINT64_MAX;
};

/// One range filter as it travels: `value` is what stands behind its length, and empty when the
/// filter is to be taken away. Nothing of it has been looked into.
struct encoded_filter {
    range_subject subject = range_subject::subgroup;
    bytes value{};
};

/// Writes the value of a range filter and returns its size; ranges ascend and do not touch.
///
/// Errors  no_space, bad_value for ranges that are out of order.
[[nodiscard]] constexpr result<std::size_t> encode_filter(const wire_rules& rules,
                                                          range_subject subject, std::uint8_t set,
                                                          std::uint64_t property,
                                                          std::span<const filter_range> ranges,
                                                          mutable_bytes out) noexcept {
    writer io{rules, out};
    io.u8("set_id", set);
    if (names_property(subject)) io.varint("property_type", property);
    std::uint64_t before = 0;
    for (const auto& range : ranges) {
        io.check(range.first >= before && range.last >= range.first, "range");
        io.varint("start", range.first - before);
        if (range.last != UINT64_MAX) io.varint("end", range.last - range.first);
        before = range.last;
    }
    if (!io.ok()) return std::unexpected(io.failure());
    return io.position();
}

/// The range filters of one message, in order.
///
/// Borrows either the parsed buffer or the caller's array, which is in order of the subjects.
class range_filter_list {
public:
    constexpr range_filter_list() noexcept = default;
    /// Filters to send; the array outlives the message.
    constexpr explicit range_filter_list(std::span<const encoded_filter> given) noexcept
        : given_{given.data()}, count_{static_cast<std::uint32_t>(given.size())} {}
    /// Filters in a parsed buffer, the first without its key.
    constexpr range_filter_list(const wire_rules& rules, bytes encoded, range_subject first,
                                std::size_t count) noexcept
        : encoded_{encoded},
          rules_{&rules},
          count_{static_cast<std::uint32_t>(count)},
          first_{first} {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }

    /// Walks the filters in order.
    class cursor {
    public:
        constexpr explicit cursor(const range_filter_list& of) noexcept
            : of_{&of}, left_{of.encoded_}, subject_{static_cast<std::uint64_t>(of.first_)} {}
        [[nodiscard]] constexpr std::optional<encoded_filter> next() noexcept {
            if (at_ == of_->count_) return std::nullopt;
            if (of_->given_ != nullptr) return of_->given_[at_++];
            reader io{*of_->rules_, left_};
            std::uint64_t delta = 0;
            if (at_++ != 0) io.varint("type", delta);
            subject_ += delta;
            encoded_filter found{static_cast<range_subject>(subject_), {}};
            io.blob("value", found.value, limits::key_value_bytes);
            left_ = left_.subspan(io.position());
            return found;
        }

    private:
        const range_filter_list* of_;
        bytes left_;
        std::uint64_t subject_;
        std::size_t at_ = 0;
    };
    [[nodiscard]] constexpr cursor filters() const noexcept { return cursor{*this}; }

private:
    bytes encoded_{};
    const wire_rules* rules_ = nullptr;
    const encoded_filter* given_ = nullptr;
    std::uint32_t count_ = 0;
    range_subject first_ = range_subject::subgroup;
};

/// Range filters that somebody has asked for, decoded and kept.
class range_filters {
public:
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    /// How many ranges there are, which MAX_FILTER_RANGES bounds.
    [[nodiscard]] std::size_t ranges() const noexcept { return ranges_.size(); }

    /// Applies the filters of a message: what it names replaces all there was of that subject.
    ///
    /// Errors  overflow, duplicate, limit (more than `most` ranges), bad_value (a priority above
    ///         255, a property with an odd type), truncated: the request is refused with
    ///         INVALID_FILTER. After an error the filters are as before.
    [[nodiscard]] result<void> apply(const wire_rules& rules, const range_filter_list& list,
                                     std::size_t most) {
        if (list.empty()) return {};
        range_filters made;
        std::array<bool, 5> replaced{};
        for (auto at = list.filters(); const auto one = at.next();)
            replaced[place(one->subject)] = true;
        for (const auto& old : all_)
            if (!replaced[place(old.subject)]) made.take(*this, old);
        for (auto at = list.filters(); const auto one = at.next();) {
            if (one->value.empty()) continue;
            if (const auto added = made.add(rules, *one, most); !added) return added;
        }
        if (made.ranges_.size() > most) return fail(errc::limit, "ranges");
        *this = std::move(made);
        return {};
    }
    /// Whether an object passes. Its properties are in the encoding of `rules`.
    [[nodiscard]] bool pass(const wire_rules& rules, std::uint64_t subgroup,
                            std::uint64_t object_id, priority publisher_priority,
                            bytes properties) const noexcept {
        return any_set([&](const filter& f) -> std::optional<bool> {
            switch (f.subject) {
            case range_subject::subgroup:
                return contains(f, subgroup);
            case range_subject::object_id:
                return contains(f, object_id);
            case range_subject::publisher_priority:
                return contains(f, publisher_priority);
            case range_subject::object_property:
                return has(rules, f, properties);
            case range_subject::track_property:
                break;
            }
            return std::nullopt;
        });
    }
    /// Whether a track with these properties passes.
    [[nodiscard]] bool pass_track(const wire_rules& rules, bytes properties) const noexcept {
        return any_set([&](const filter& f) -> std::optional<bool> {
            if (f.subject != range_subject::track_property) return std::nullopt;
            return has(rules, f, properties);
        });
    }

private:
    struct filter {
        range_subject subject = range_subject::subgroup;
        std::uint8_t set = 0;
        std::uint64_t property = 0;
        std::size_t begin = 0; ///< place of its ranges
        std::size_t end = 0;
    };

    [[nodiscard]] static constexpr std::size_t place(range_subject subject) noexcept {
        return static_cast<std::size_t>(subject) -
               static_cast<std::size_t>(range_subject::subgroup);
    }
    void take(const range_filters& from, const filter& old) {
        auto moved = old;
        moved.begin = ranges_.size();
        for (auto i = old.begin; i < old.end; ++i)
            ranges_.push_back(from.ranges_[i]);
        moved.end = ranges_.size();
        all_.push_back(moved);
    }
    [[nodiscard]] result<void> add(const wire_rules& rules, const encoded_filter& one,
                                   std::size_t most) {
        reader io{rules, one.value};
        filter made{.subject = one.subject, .begin = ranges_.size()};
        io.u8("set_id", made.set);
        if (names_property(one.subject)) {
            io.varint("property_type", made.property);
            io.check(made.property % 2 == 0, "property_type");
        }
        for (const auto& other : all_)
            io.check(other.subject != made.subject || other.set != made.set ||
                         other.property != made.property,
                     "set_id", errc::duplicate);
        const auto step = [&](const char* field, std::uint64_t& to) {
            std::uint64_t delta = 0;
            io.varint(field, delta);
            io.check(delta <= UINT64_MAX - to, field, errc::overflow);
            to += delta;
            io.check(one.subject != range_subject::publisher_priority || to <= 255, field);
        };
        std::uint64_t at = 0;
        while (io.ok() && io.left() != 0) {
            io.check(ranges_.size() < most, "ranges", errc::limit);
            filter_range range;
            step("start", at);
            range.first = at;
            if (io.ok() && io.left() != 0) {
                step("end", at);
                range.last = at;
            }
            if (io.ok()) ranges_.push_back(range);
        }
        if (!io.ok()) return std::unexpected(io.failure());
        made.end = ranges_.size();
        all_.push_back(made);
        return {};
    }
    [[nodiscard]] bool contains(const filter& f, std::uint64_t number) const noexcept {
        return std::any_of(ranges_.begin() + static_cast<std::ptrdiff_t>(f.begin),
                           ranges_.begin() + static_cast<std::ptrdiff_t>(f.end),
                           [&](const auto& r) { return number >= r.first && number <= r.last; });
    }
    /// A property counts whether it may change or stands in an immutable block (anchor
    /// `immutable-properties`).
    [[nodiscard]] bool has(const wire_rules& rules, const filter& f,
                           bytes properties) const noexcept {
        key_value_reader pairs{rules, properties};
        while (const auto pair = pairs.next()) {
            if (pair->type == f.property && contains(f, pair->number)) return true;
            if (pair->type == property::immutable && has(rules, f, pair->data)) return true;
        }
        return false;
    }
    /// Whether one set's filters, as far as `look` decides on them, all hold; or there is none.
    template <class Look>
    [[nodiscard]] bool any_set(Look&& look) const noexcept {
        bool decided = false;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            bool whole = true;
            bool looked = false;
            for (const auto& f : all_) {
                if (f.set != all_[i].set) continue;
                const auto holds = look(f);
                looked = looked || holds;
                whole = whole && holds.value_or(true);
            }
            if (!looked) continue;
            if (whole) return true;
            decided = true;
        }
        return !decided;
    }

    std::vector<filter> all_;
    std::vector<filter_range> ranges_;
};

/// How objects that no filter needs to look at share "none".
using shared_filters = std::shared_ptr<const range_filters>;

} // namespace moqrtc::moqt
