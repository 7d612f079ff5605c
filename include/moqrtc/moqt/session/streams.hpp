#pragma once

#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/send_queue.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/data/fetch_sequence.hpp>
#include <moqrtc/moqt/data/stream_reader.hpp>
#include <moqrtc/moqt/data/subgroup.hpp>
#include <moqrtc/moqt/session/control_framer.hpp>
#include <moqrtc/moqt/session/request.hpp>
#include <moqrtc/moqt/session/scheduler.hpp>
#include <moqrtc/moqt/transport.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace moqrtc::moqt::detail {

enum class out_kind : std::uint8_t { control, request, subgroup, fetch };

/// The sending side of a stream. What each object touches fills the first two cache lines: a relay
/// has one for each subscriber, and they add up.
struct alignas(64) out_stream : send_queue {
    stream_id id = 0;
    std::uint32_t slot = no_slot; ///< its own place
    std::uint32_t version = 0;
    out_kind kind = out_kind::control;
    bool opened = false; ///< the transport knows it
    bool blocked = false;
    bool queued = false; ///< an entry of the current version is in the scheduler
    bool fin = false;    ///< ends after what is queued
    bool fin_sent = false;
    bool marked = false;      ///< `marks` is not empty
    bool has_objects = false; ///< `latest_object` counts
    bool dies = false;        ///< it is reset with `death` as soon as all is sent
    bool is_fill = false;     ///< it carries a fill of subscription `owner`, asked for by `fill`
    std::uint64_t offset_sent = 0;

    request* owner = nullptr; ///< the request that it belongs to, while that is open
    std::uint64_t latest_object = 0;
    std::uint64_t group = 0; ///< that of `header`

    subgroup_header header{};

    /// When queued objects were given to us, for delivery timeouts; empty when there is none.
    struct mark {
        std::uint64_t end = 0; ///< stream offset behind the object
        instant at{};
    };
    ring<mark> marks{};
    send_rank rank{};
    instant finished_at{};                   ///< when FIN was queued
    std::uint32_t previous_stream = no_slot; ///< in the request's list
    std::uint32_t next_stream = no_slot;
    std::optional<fetch_sequence> fetch{};
    request_id fill = 0;
    reset_code death = reset_code::internal_error;

    [[nodiscard]] bool is_data() const noexcept {
        return kind == out_kind::subgroup || kind == out_kind::fetch;
    }
    [[nodiscard]] bool wants_to_send() const noexcept {
        return !blocked && (unsent != 0 || (fin && !fin_sent));
    }
    [[nodiscard]] std::optional<std::uint64_t> last_object() const noexcept {
        return has_objects ? std::optional{latest_object} : std::nullopt;
    }
    /// Notes the object that was pushed last.
    void note(std::uint64_t object) noexcept {
        latest_object = object;
        has_objects = true;
    }
    [[gnu::noinline]] void drop_marks() noexcept {
        while (marked && marks.front().end <= offset_sent) {
            marks.pop_front();
            marked = !marks.empty();
        }
    }
    /// What is queued by now was queued at `now`.
    void mark_time(instant now) { marked = marks.push({offset_sent + unsent, now}); }
    /// Pending bytes, as many chunks as fit; made in the caller's place, for it is large.
    [[nodiscard]] std::optional<stream_send> offer() const {
        std::optional<stream_send> made{std::in_place};
        auto& out = *made;
        out.stream = id;
        out.fin = send_queue::offer(out) && fin;
        return made;
    }
    void sent(std::size_t count) noexcept {
        offset_sent += count;
        if (marked) [[unlikely]]
            drop_marks();
        send_queue::sent(count);
    }
    void clear() {
        chunks.clear();
        marks.clear();
        const auto kept_version = version + 1;
        auto kept_chunks = std::move(chunks);
        auto kept_marks = std::move(marks);
        *this = out_stream{};
        chunks = std::move(kept_chunks);
        marks = std::move(kept_marks);
        version = kept_version;
    }
};

enum class in_kind : std::uint8_t {
    untyped,   ///< unidirectional, its type is not complete yet
    unsettled, ///< bidirectional, its first message is not here yet
    control,
    request,
    data,
    discarded, ///< padding, or a stream that was stopped
};

/// The receiving side of a stream.
struct in_stream {
    stream_id id = 0;
    in_kind kind = in_kind::untyped;
    control_framer framer{};
    std::optional<stream_reader> reader{};
    std::uint32_t request = no_slot;
    bool header_seen = false;
    bool fin_held = false; ///< the peer's FIN waits behind `held`
    bool waits_alias = false;
    bool is_fill = false; ///< of subscription `request`, asked for by `fill`
    request_id fill = 0;
    bool waits_request = false; ///< its next message depends on request `required`
    std::uint64_t required = 0;
    buffer held{};          ///< early bytes: before SETUP, before what is waited for
    bool announced = false; ///< `subgroup_opened` was emitted
    track_alias alias = 0;

    void clear() {
        kind = in_kind::untyped;
        framer.clear();
        reader.reset();
        request = no_slot;
        header_seen = fin_held = waits_alias = waits_request = announced = is_fill = false;
        held = buffer{};
    }
};

} // namespace moqrtc::moqt::detail
