#pragma once

#include <cstddef>
#include <cstdint>

/// What the module and its JavaScript side hand to each other besides plain numbers. The layouts
/// are repeated in ../records.js, so they are fixed here.
///
/// Numbers of the protocol are doubles: exact up to 2^53, which JavaScript has no further integers
/// for. Pointers are offsets into the module's memory.
namespace moqrtc::web {

/// Bytes in the module's memory.
struct span_record {
    std::uint32_t data = 0;
    std::uint32_t size = 0;
};

namespace event_flag {
inline constexpr std::uint32_t by_peer = 1;
inline constexpr std::uint32_t end_of_group = 2;
inline constexpr std::uint32_t first_object = 4;
inline constexpr std::uint32_t has_properties = 8;
inline constexpr std::uint32_t gap_unknown = 16;
inline constexpr std::uint32_t forward_set = 32;
inline constexpr std::uint32_t forward = 64;
inline constexpr std::uint32_t datagram = 128;
inline constexpr std::uint32_t end_of_track = 256;
inline constexpr std::uint32_t has_audio_level = 512;
} // namespace event_flag

/// `moqt::event`, flat.
///
/// Fields  -1 stands for absent in `timestamp`, `timescale`, `largest_group`, `new_group` and
///         `retry_after`. `timestamp`, `timescale`, `config` and `audio_level` are LOC properties
///         of an object. `code` is the enumerator that belongs to the kind of event, `code_name`
///         its name in the draft.
/// Units   `retry_after` in milliseconds.
struct event_record {
    double id = 0;
    double update_id = 0;
    double stream = 0;
    double group = 0;
    double object = 0;
    double subgroup = 0;
    double timestamp = -1;
    double timescale = -1;
    double largest_group = -1;
    double largest_object = -1;
    double new_group = -1;
    double start_group = 0;
    double start_object = 0;
    double end_group = 0;
    double end_object = 0;
    double joining_request = 0;
    double joining_start = 0;
    double retry_after = -1;
    std::uint32_t what = 0;
    std::uint32_t request = 0;
    std::uint32_t code = 0;
    std::uint32_t flags = 0;
    std::uint32_t priority = 0;
    std::uint32_t status = 0;
    std::uint32_t fetch_type = 0;
    std::uint32_t audio_level = 0;
    span_record payload{};
    span_record text{};
    span_record space{}; ///< namespace fields, each behind its length in two bytes
    span_record name{};
    span_record config{};
    span_record code_name{};
};
static_assert(offsetof(event_record, what) == 144 && offsetof(event_record, payload) == 176 &&
              sizeof(event_record) == 224);

/// `moqt::stream_send`, flat.
struct send_record {
    double stream = 0;
    std::uint32_t count = 0;
    std::uint32_t fin = 0;
    span_record chunks[8]{};
};
static_assert(offsetof(send_record, chunks) == 16 && sizeof(send_record) == 80);

/// `moqt::transport_op`, flat.
struct op_record {
    double stream = 0;
    double code = 0;
    std::uint32_t what = 0;
    span_record data{};
};
static_assert(offsetof(op_record, data) == 20);

/// The message parameters that a browser uses; a negative number leaves one out.
struct params_record {
    double filter = -1; ///< `filter_type`
    double start_group = 0;
    double start_object = 0;
    double end_group = 0;
    double priority = -1;
    double order = -1;
    double forward = -1;
    double new_group = -1;
    double rendezvous_timeout = -1; ///< milliseconds, where the draft has it
    double delivery_timeout = -1;   ///< milliseconds
    double largest_group = -1;
    double largest_object = 0;
    double dynamic_groups = -1; ///< a track property: new groups can be asked for
};
static_assert(sizeof(params_record) == 104);

/// An object to be sent; `config` and the numbers from `timestamp` on are LOC properties.
struct object_record {
    double stream = 0;
    double object = 0;
    double group = 0;    ///< fetch streams alone
    double subgroup = 0; ///< fetch streams alone
    double priority = 128;
    double status = 0;
    double timestamp = -1;
    double timescale = -1;
    double audio_level = -1;
    span_record payload{};
    span_record video_config{};
    span_record audio_config{};
};
static_assert(offsetof(object_record, payload) == 72 && sizeof(object_record) == 96);

/// A track of an init segment.
///
/// Fields  `codec` is the RFC 6381 string; `description` is what a WebCodecs decoder takes, empty
///         where it takes none.
struct track_record {
    double timescale = 1;
    std::uint32_t kind = 0; ///< `cmaf::media_kind`
    std::uint32_t track_id = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t channels = 0;
    std::uint32_t sample_rate = 0;
    span_record codec{};
    span_record description{};
};
static_assert(offsetof(track_record, codec) == 32 && sizeof(track_record) == 48);

/// A sample of a chunk; times in microseconds, `offset` from the start of the chunk.
struct sample_record {
    double timestamp = 0;
    double decode_time = 0;
    double duration = 0;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t is_sync = 0;
    std::uint32_t unused = 0;
};
static_assert(sizeof(sample_record) == 40);

} // namespace moqrtc::web
