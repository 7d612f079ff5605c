#pragma once

#include <moqrtc/moqt/data/fetch_sequence.hpp>
#include <moqrtc/moqt/data/partial_header.hpp>
#include <moqrtc/moqt/data/payload_assembler.hpp>
#include <moqrtc/moqt/data/subgroup.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace moqrtc::moqt {

/// What a data stream yields, in its order.
///
/// Fields  by `what`: `subgroup_header` has its fields in `stream_reader::header()`, `fetch_header`
///         has `request_id`, `object` has `object`, `end_of_range` has `range` and
///         `object.location`, the last location of the range.
struct stream_item {
    enum class kind : std::uint8_t { subgroup_header, fetch_header, object, end_of_range };

    kind what = kind::object;
    range_end range = range_end::unknown;
    moqt::request_id request_id = 0;
    moqt::object object;

    /// Not defaulted: that would clear all bytes first and then set them, once per object.
    stream_item() noexcept {} // NOLINT(modernize-use-equals-default)
};

/// How far a data stream has come.
///
/// Fields  `received` of `length` payload bytes of the object under way have arrived, if there is
///         one; `last` is the location of the last whole object.
struct stream_progress {
    bool header_seen = false;
    bool object_under_way = false;
    std::uint64_t objects = 0;
    std::uint64_t received = 0;
    std::uint64_t length = 0;
    std::optional<location> last{};
};

/// Reads one unidirectional data stream, in pieces of any size, behind its type.
///
/// Objects that lie whole in a piece share one pooled copy of that piece; others are assembled in a
/// block of their own. What is held is bounded by what has arrived, the payload limit and the pool.
///
/// Spec    moq-transport, anchors `subgroup-header`, `fetch-header`, `padding-streams`.
/// Borrows the pieces for the call alone.
/// Errors  sticky: what the drafts forbid, as `bad_value`, `overflow`, `limit` (properties or
///         payload too long), `unknown_type`; `out_of_memory` from the pool. `offset` counts from
///         the start of the structure that `where` names.
class stream_reader {
public:
    /// Largest copy of one piece that objects share; what one of them keeps alive.
    static constexpr std::size_t shared_copy = std::size_t{16} << 10;

    /// A reader for a stream of this type; `order` is what the FETCH asked for.
    ///
    /// Errors  unknown_type for a type that no data stream of this draft has, bad_value for a
    ///         subgroup type with reserved bits.
    [[nodiscard]] static result<stream_reader>
    create(const wire_rules& rules, std::uint64_t type,
           group_order order = group_order::ascending) noexcept {
        const auto what = classify_stream(rules, type);
        if (what == stream_kind::invalid || what == stream_kind::control) {
            const bool reserved = type < 0x80 && (type & subgroup_bits::always) != 0 &&
                                  (type & subgroup_bits::id_mode) == subgroup_bits::id_mode;
            return fail(reserved ? errc::bad_value : errc::unknown_type, "type", 0,
                        "stream type, stream-types");
        }
        return stream_reader{rules, what, type, order};
    }

    /// Consumes from the front of `in` and returns the next item; none means that more bytes are
    /// needed, and then `in` is empty.
    [[nodiscard]] result<std::optional<stream_item>> next(bytes& in, buffer_pool& pool) noexcept {
        result<std::optional<stream_item>> out{std::in_place, std::in_place};
        if (!read(in, pool, **out)) {
            if (failure_.code != errc::ok)
                out = std::unexpected(failure_);
            else
                out->reset();
        }
        return out;
    }

    /// The stream has ended with FIN.
    ///
    /// Errors  truncated when it ends in a header or an object; the earlier error, if any.
    [[nodiscard]] result<void> finish() const noexcept {
        if (failure_.code != errc::ok) return std::unexpected(failure_);
        if (stage_ == stage::header || stage_ == stage::payload || !partial_.empty())
            return fail(errc::truncated, stage_ == stage::payload ? "payload" : "header", 0,
                        "data stream, streams");
        return {};
    }

    /// The order of the FETCH, for when its request ID has told; before the first object.
    void set_group_order(group_order order) noexcept { sequence_.set_order(order); }
    /// The track's default priority, for a SUBGROUP_HEADER without one; before the first object.
    void set_default_priority(priority inherited) noexcept { inherited_ = inherited; }
    /// A payload limit below `limits::object_payload`.
    void set_payload_limit(std::uint64_t limit) noexcept {
        payload_limit_ = std::min(limit, limits::object_payload);
    }

    [[nodiscard]] stream_kind kind() const noexcept { return kind_; }
    [[nodiscard]] const error& failure() const noexcept { return failure_; }
    /// The header of a subgroup stream; its type's flags alone before the item `subgroup_header`.
    /// In the mode `first_object`, `subgroup_id` is valid from the first object on.
    [[nodiscard]] const subgroup_header& header() const noexcept { return subgroup_; }
    /// The request of a fetch stream, from the item `fetch_header` on.
    [[nodiscard]] moqt::request_id request_id() const noexcept { return fetch_.request_id; }
    [[nodiscard]] stream_progress progress() const noexcept {
        const bool under_way = stage_ == stage::payload;
        stream_progress out{.header_seen = header_seen_,
                            .object_under_way = under_way || (header_seen_ && !partial_.empty()),
                            .objects = objects_,
                            .received = under_way ? body_.received() : 0,
                            .length = under_way ? body_.length() : 0};
        if (objects_ != 0) out.last = last_;
        return out;
    }

private:
    enum class stage : std::uint8_t { header, entry, payload, discard, failed };
    enum class step : std::uint8_t { done, more, failed };

    stream_reader(const wire_rules& rules, stream_kind what, std::uint64_t type,
                  group_order order) noexcept
        : rules_{&rules},
          kind_{what},
          stage_{what == stream_kind::padding ? stage::discard : stage::header},
          sequence_{rules, order} {
        if (what == stream_kind::subgroup) subgroup_ = subgroup_header::of_type(type);
    }

    /// Fills `item`, which is fresh; false when more bytes are needed, and after a failure.
    [[nodiscard]] bool read(bytes& in, buffer_pool& pool, stream_item& item) noexcept {
        switch (stage_) {
        case stage::entry:
            return kind_ == stream_kind::subgroup ? next_in_subgroup(in, pool, item)
                                                  : next_in_fetch(in, pool, item);
        case stage::payload:
            return next_of_payload(in, pool, item);
        case stage::header:
            return kind_ == stream_kind::subgroup ? read_header(subgroup_, in, pool, item)
                                                  : read_header(fetch_, in, pool, item);
        case stage::discard:
            in = {};
            break;
        case stage::failed:
            break;
        }
        return false;
    }

    bool give_up(const error& failure, const char* where) noexcept {
        failure_ = failure;
        failure_.where = where;
        stage_ = stage::failed;
        drop_chunk();
        body_ = {};
        partial_.clear();
        return false;
    }

    /// Parses one header. When it lies whole in `in`, `size` is its length and `in` stays as it is;
    /// when it began in an earlier piece, `size` is 0 and `in` stands behind it.
    template <class M>
    [[nodiscard]] step parse_header(M& m, bytes& in, buffer_pool& pool,
                                    std::size_t& size) noexcept {
        if (partial_.empty()) {
            if (in.empty()) return step::more;
            reader io{*rules_, in};
            M::describe(io, m);
            size = io.position();
            if (io.ok()) return step::done;
            if (io.failure().code != errc::truncated) {
                give_up(io.failure(), M::where);
                return step::failed;
            }
        }
        return parse_partial(m, in, pool, size);
    }
    template <class M>
    [[nodiscard]] step parse_partial(M& m, bytes& in, buffer_pool& pool,
                                     std::size_t& size) noexcept {
        drop_chunk();
        const auto before = partial_.size();
        std::size_t taken = 0;
        // Pieces that double: a header of any length is parsed a few times, not once per byte.
        for (std::size_t step_size = partial_header::in_place; taken < in.size(); step_size *= 2) {
            const auto wanted = before + taken < step_size ? step_size - before - taken : step_size;
            const auto part = in.subspan(taken, std::min(wanted, in.size() - taken));
            if (!partial_.append(pool, part)) {
                give_up({errc::out_of_memory, 0, "header", ""}, M::where);
                return step::failed;
            }
            taken += part.size();
            reader io{*rules_, partial_.view()};
            M::describe(io, m);
            if (io.ok()) {
                in = in.subspan(io.position() - before);
                size = 0;
                return step::done;
            }
            if (io.failure().code != errc::truncated) {
                give_up(io.failure(), M::where);
                return step::failed;
            }
        }
        in = {};
        return step::more;
    }

    template <class M>
    [[nodiscard]] bool read_header(M& m, bytes& in, buffer_pool& pool, stream_item& item) noexcept {
        std::size_t size = 0;
        if (parse_header(m, in, pool, size) != step::done) return false;
        in = in.subspan(size);
        partial_.clear();
        header_seen_ = true;
        stage_ = stage::entry;
        item.what = kind_ == stream_kind::subgroup ? stream_item::kind::subgroup_header
                                                   : stream_item::kind::fetch_header;
        item.request_id = fetch_.request_id;
        return true;
    }

    [[nodiscard]] [[gnu::always_inline]] bool next_in_subgroup(bytes& in, buffer_pool& pool,
                                                               stream_item& item) noexcept {
        if (partial_.empty()) [[likely]] {
            subgroup_object_header fields;
            fields.has_properties = subgroup_.properties;
            detail::quick_reader io{*rules_, in};
            subgroup_object_header::describe(io, fields);
            if (io.ok()) [[likely]]
                return take_in_subgroup(fields, io.position(), in, pool, item);
        }
        return resume_in_subgroup(in, pool, item);
    }
    [[nodiscard]] [[gnu::noinline]] bool resume_in_subgroup(bytes& in, buffer_pool& pool,
                                                            stream_item& item) noexcept {
        subgroup_object_header fields;
        fields.has_properties = subgroup_.properties;
        std::size_t size = 0;
        if (parse_header(fields, in, pool, size) != step::done) return false;
        return take_in_subgroup(fields, size, in, pool, item);
    }
    [[nodiscard]] [[gnu::always_inline]] bool take_in_subgroup(const subgroup_object_header& fields,
                                                               std::size_t size, bytes& in,
                                                               buffer_pool& pool,
                                                               stream_item& item) noexcept {
        const bool first = !id_;
        const auto id = object_id_after(*rules_, id_, fields.object_id_delta);
        if (!id) [[unlikely]]
            return give_up(id.error(), subgroup_object_header::where);
        id_ = *id;
        if (first && subgroup_.id_mode == subgroup_id_mode::first_object)
            subgroup_.subgroup_id = *id;
        auto& out = item.object;
        out.location = {subgroup_.group_id, *id};
        out.subgroup_id = subgroup_.subgroup_id;
        out.publisher_priority = subgroup_.publisher_priority.value_or(inherited_);
        out.forwarding = forwarding_preference::subgroup;
        out.status = fields.status;
        out.end_of_group = subgroup_.end_of_group;
        out.first_object = first && subgroup_.first_object;
        return deliver(fields, size, in, pool, item);
    }

    [[nodiscard]] bool next_in_fetch(bytes& in, buffer_pool& pool, stream_item& item) noexcept {
        fetch_object_header fields;
        std::size_t size = 0;
        if (parse_header(fields, in, pool, size) != step::done) return false;
        if (const auto resolved = sequence_.resolve(fields, item.object); !resolved) [[unlikely]]
            return give_up(resolved.error(), fetch_object_header::where);
        if (!is_range_end(*rules_, fields.flags)) return deliver(fields, size, in, pool, item);
        item.what = stream_item::kind::end_of_range;
        item.range = fields.flags == fetch_bits::end_of_non_existent_range ? range_end::non_existent
                     : fields.flags == fetch_bits::end_of_unknown_range    ? range_end::unknown
                                                                           : range_end::timed_out;
        partial_.clear();
        in = in.subspan(size);
        pass_chunk(size);
        return true;
    }

    /// Finds the bytes of the object that `fields` announces; `item.object` has everything else.
    template <class M>
    [[nodiscard]] [[gnu::always_inline]] bool deliver(const M& fields, std::size_t size, bytes& in,
                                                      buffer_pool& pool,
                                                      stream_item& item) noexcept {
        if (fields.payload_length > payload_limit_) [[unlikely]]
            return give_up({errc::limit, 0, "payload_length", ""}, M::where);
        item.what = stream_item::kind::object;
        if (size == 0 || fields.payload_length > in.size() - size)
            return assemble(fields, size, in, pool, item);

        const auto total = size + static_cast<std::size_t>(fields.payload_length);
        if (total != size || !fields.properties.empty()) {
            if (chunk_.size() - chunk_at_ < total && !copy_chunk(in, total, pool)) [[unlikely]]
                return give_up({errc::out_of_memory, 0, "payload", ""}, M::where);
            if (total != size) item.object.payload = chunk_.sub(chunk_at_ + size, total - size);
            if (!fields.properties.empty()) {
                const auto at = static_cast<std::size_t>(fields.properties.data() - in.data());
                item.object.properties = chunk_.sub(chunk_at_ + at, fields.properties.size());
            }
        }
        in = in.subspan(total);
        pass_chunk(total);
        last_ = item.object.location;
        ++objects_;
        return true;
    }

    /// Copies what follows on the stream, at least `total` bytes; the copy stands for the same
    /// bytes of the stream, wherever the rest of the piece is when it comes again.
    [[nodiscard]] [[gnu::noinline]] bool copy_chunk(bytes in, std::size_t total,
                                                    buffer_pool& pool) noexcept {
        chunk_at_ = 0;
        chunk_ = slice::copy(pool, in.first(std::min(in.size(), std::max(total, shared_copy))));
        if (chunk_.empty() && total < in.size()) chunk_ = slice::copy(pool, in.first(total));
        return !chunk_.empty();
    }
    void pass_chunk(std::size_t size) noexcept {
        chunk_at_ += size;
        if (chunk_at_ >= chunk_.size()) drop_chunk();
    }
    void drop_chunk() noexcept {
        chunk_ = {};
        chunk_at_ = 0;
    }

    template <class M>
    [[nodiscard]] [[gnu::noinline]] bool assemble(M fields, std::size_t size, bytes& in,
                                                  buffer_pool& pool, stream_item& item) noexcept {
        const auto header = in.first(size);
        in = in.subspan(size);
        drop_chunk();
        const bool room =
            body_.start(pool, header, fields.properties, fields.payload_length, in.size());
        partial_.clear();
        if (!room) return give_up({errc::out_of_memory, 0, "payload", ""}, M::where);
        under_way_ = item.object;
        stage_ = stage::payload;
        return next_of_payload(in, pool, item);
    }

    [[nodiscard]] bool next_of_payload(bytes& in, buffer_pool& pool, stream_item& item) noexcept {
        if (!body_.add(pool, in))
            return give_up({errc::out_of_memory, 0, "payload", ""}, "object, message-object");
        if (!body_.complete()) return false;
        item.what = stream_item::kind::object;
        item.object = under_way_;
        body_.finish(item.object);
        stage_ = stage::entry;
        last_ = item.object.location;
        ++objects_;
        return true;
    }

    const wire_rules* rules_;
    stream_kind kind_;
    stage stage_;
    priority inherited_ = default_priority;
    bool header_seen_ = false;
    subgroup_header subgroup_{};
    std::optional<std::uint64_t> id_{}; ///< of the object before, on a subgroup stream
    fetch_header fetch_{};
    fetch_sequence sequence_;
    std::uint64_t payload_limit_ = limits::object_payload;
    std::uint64_t objects_ = 0;
    location last_{};
    slice chunk_;              ///< copy of bytes of the stream
    std::size_t chunk_at_ = 0; ///< where in it the stream stands
    partial_header partial_;
    payload_assembler body_;
    object under_way_; ///< without its bytes
    error failure_{};
};

} // namespace moqrtc::moqt
