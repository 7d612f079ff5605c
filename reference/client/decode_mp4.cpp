#include "decode.hpp"

#include <moqrtc/catalog/locate.hpp>
#include <moqrtc/catalog/reader.hpp>
#include <moqrtc/cmaf/box.hpp>
#include <moqrtc/cmaf/box_fields.hpp>

#include <algorithm>
#include <array>

namespace moqrtc::reference {

namespace {

/// A field of a box: its bytes, 0 for 4 or 8 by the box's version.
struct box_field {
    const char* name;
    unsigned size;
};
struct box_layout {
    cmaf::fourcc type;
    std::array<box_field, 7> fields;
};

/// Leading fields of full boxes, ISO/IEC 14496-12 section 8; what follows is shown as bytes.
constexpr std::array layouts{
    box_layout{"mvhd",
               {{{"creation_time", 0},
                 {"modification_time", 0},
                 {"timescale", 4},
                 {"duration", 0},
                 {"rate", 4},
                 {"volume", 2}}}},
    box_layout{"tkhd",
               {{{"creation_time", 0},
                 {"modification_time", 0},
                 {"track_ID", 4},
                 {"reserved", 4},
                 {"duration", 0}}}},
    box_layout{"mdhd",
               {{{"creation_time", 0},
                 {"modification_time", 0},
                 {"timescale", 4},
                 {"duration", 0},
                 {"language", 2}}}},
    box_layout{"trex",
               {{{"track_ID", 4},
                 {"default_sample_description_index", 4},
                 {"default_sample_duration", 4},
                 {"default_sample_size", 4},
                 {"default_sample_flags", 4}}}},
    box_layout{"hdlr", {{{"pre_defined", 4}, {"handler_type", 4}}}},
    box_layout{"mehd", {{{"fragment_duration", 0}}}},
    box_layout{"mfhd", {{{"sequence_number", 4}}}},
    box_layout{"tfdt", {{{"baseMediaDecodeTime", 0}}}},
    box_layout{"stsd", {{{"entry_count", 4}}}},
    box_layout{"stts", {{{"entry_count", 4}}}},
    box_layout{"stsc", {{{"entry_count", 4}}}},
    box_layout{"stss", {{{"entry_count", 4}}}},
    box_layout{"ctts", {{{"entry_count", 4}}}},
    box_layout{"stco", {{{"entry_count", 4}}}},
    box_layout{"co64", {{{"entry_count", 4}}}},
    box_layout{"elst", {{{"entry_count", 4}}}},
    box_layout{"stsz", {{{"sample_size", 4}, {"sample_count", 4}}}},
    box_layout{"sidx",
               {{{"reference_ID", 4},
                 {"timescale", 4},
                 {"earliest_presentation_time", 0},
                 {"first_offset", 0}}}},
};

constexpr std::array<cmaf::fourcc, 11> containers{"moov", "trak", "mdia", "minf", "stbl", "mvex",
                                                  "moof", "traf", "edts", "dinf", "mfra"};

void show(cmaf::box_fields& in, const char* name, std::uint64_t size, field_lines& out) {
    const auto at = in.offset();
    std::uint64_t value = 0;
    switch (size) {
    case 2:
        value = in.u16(name);
        break;
    case 4:
        value = in.u32(name);
        break;
    default:
        value = in.u64(name);
        break;
    }
    if (!in.failed()) out.number(at, name, value);
}

/// Fields that are there only if a flag says so: ISO/IEC 14496-12 sections 8.8.7 and 8.8.8.
void show_header(cmaf::box_fields& in, std::uint32_t flags, field_lines& out) {
    show(in, "track_ID", 4, out);
    if ((flags & 0x01) != 0) show(in, "base_data_offset", 8, out);
    if ((flags & 0x02) != 0) show(in, "sample_description_index", 4, out);
    if ((flags & 0x08) != 0) show(in, "default_sample_duration", 4, out);
    if ((flags & 0x10) != 0) show(in, "default_sample_size", 4, out);
    if ((flags & 0x20) != 0) show(in, "default_sample_flags", 4, out);
}
void show_run(cmaf::box_fields& in, std::uint32_t flags, field_lines& out) {
    const auto at = in.offset();
    const auto count = in.u32("sample_count");
    if (in.failed()) return;
    out.number(at, "sample_count", count);
    if ((flags & 0x001) != 0) show(in, "data_offset", 4, out);
    if ((flags & 0x004) != 0) show(in, "first_sample_flags", 4, out);
    for (std::uint32_t i = 0; i < count && !in.failed() && (flags & 0xf00) != 0; ++i) {
        if ((flags & 0x100) != 0) show(in, "sample_duration", 4, out);
        if ((flags & 0x200) != 0) show(in, "sample_size", 4, out);
        if ((flags & 0x400) != 0) show(in, "sample_flags", 4, out);
        if ((flags & 0x800) != 0) show(in, "sample_composition_time_offset", 4, out);
    }
}

result<void> show_boxes(cmaf::box_cursor boxes, field_lines& out);

result<void> show_body(const cmaf::box& b, field_lines& out) {
    if (std::ranges::any_of(containers, [&](cmaf::fourcc c) { return b.type == c; }))
        return show_boxes(cmaf::box_cursor{b}, out);
    const auto* layout =
        std::ranges::find_if(layouts, [&](const box_layout& l) { return b.type == l.type; });
    const bool is_header = b.type == "tfhd";
    const bool is_run = b.type == "trun";
    if (layout == layouts.end() && !is_header && !is_run) {
        out.data(b.body_offset(), "data", b.body);
        return {};
    }
    cmaf::box_fields in{b, "full box, ISO/IEC 14496-12 8"};
    const auto at = in.offset();
    const auto [version, flags] = cmaf::read_version(in);
    if (!in.failed()) {
        out.number(at, "version", version);
        out.number(at + 1, "flags", flags);
    }
    if (is_header) show_header(in, flags, out);
    if (is_run) show_run(in, flags, out);
    if (layout != layouts.end())
        for (const auto& field : layout->fields) {
            if (field.name == nullptr || in.failed()) break;
            show(in, field.name, field.size != 0 ? field.size : version == 1 ? 8 : 4, out);
        }
    if (in.failed()) return in.failure();
    if (in.remaining() != 0) out.data(in.offset(), "data", in.rest());
    return {};
}

result<void> show_boxes(cmaf::box_cursor boxes, field_lines& out) {
    while (true) {
        const auto next = boxes.next();
        if (!next) return std::unexpected(next.error());
        if (!*next) return {};
        const auto& b = **next;
        std::string type;
        string_sink{type}.data(b.whole.subspan(4, 4));
        out.add(b.offset, "box " + type, std::to_string(b.whole.size()) + " bytes");
        out.indent();
        const auto done = show_body(b, out);
        out.outdent();
        if (!done) return done;
    }
}

} // namespace

result<void> decode_mp4(bytes in, field_lines& out) {
    return show_boxes(cmaf::box_cursor{in}, out);
}

result<void> decode_catalog(bytes in, field_lines& out) {
    const auto read = catalog::read_catalog(in);
    if (!read) return std::unexpected(read.error());
    const auto text = as_text(in);
    const auto root = nlohmann::ordered_json::parse(text, nullptr, false);
    for (const auto& [name, value] : root.items()) {
        const std::string_view key = name;
        const auto start = catalog::locate(text, {key});
        if (!value.is_array()) {
            out.add(start, name, value.dump());
            continue;
        }
        for (std::size_t i = 0; i < value.size(); ++i) {
            const auto label = name + "[" + std::to_string(i) + "]";
            const bool is_object = value[i].is_object();
            out.add(catalog::locate(text, {key, i}), label, is_object ? "" : value[i].dump());
            if (!is_object) continue;
            out.indent();
            for (const auto& [member, of] : value[i].items())
                out.add(catalog::locate(text, {key, i, std::string_view{member}}), member,
                        of.dump());
            out.outdent();
        }
    }
    return {};
}

} // namespace moqrtc::reference
