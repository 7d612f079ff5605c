#pragma once

#include <moqrtc/catalog/catalog.hpp>

#include <cstdint>
#include <optional>
#include <rapidcheck.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::catalog::samples {

/// Text that is UTF-8, with what JSON must escape and characters of two to four bytes; not empty.
inline rc::Gen<std::string> text() {
    const auto piece = rc::gen::element<std::string>("a", "Z", "0", "-", "_", "/", ".", " ", "\"",
                                                     "\\", "\n", "\t", "\x01", "%", "ä", "€", "😀");
    return rc::gen::map(
        rc::gen::resize(8, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(piece))),
        [](const std::vector<std::string>& pieces) {
            std::string all;
            for (const auto& one : pieces)
                all += one;
            return all;
        });
}

inline std::string maybe_text() {
    return *rc::gen::arbitrary<bool>() ? *text() : std::string{};
}

template <class Number>
std::optional<Number> maybe_number(Number least, Number most) {
    if (!*rc::gen::arbitrary<bool>()) return std::nullopt;
    return *rc::gen::inRange<Number>(least, most);
}

inline std::optional<std::uint64_t> maybe_count() {
    return maybe_number<std::uint64_t>(0, (std::uint64_t{1} << 53) - 1);
}

inline json custom() {
    switch (*rc::gen::inRange(0, 4)) {
    case 0:
        return {{"com.example-tier", "premium"}};
    case 1:
        return {{"com.example", {{"a", {1, 2, nullptr}}, {"b", 1.5}}}};
    case 2:
        return {{"template", {0, 2002, {0, 0}, {1, 0}, 1759924158381, 2002}}};
    default:
        return json::object();
    }
}

inline track one_track(std::string name) {
    track out;
    out.name = std::move(name);
    if (*rc::gen::arbitrary<bool>()) out.track_namespace = *text();
    out.packaging = *rc::gen::element<std::string>("cmaf", "loc", "eventtimeline", "");
    out.event_type = maybe_text();
    out.role = *rc::gen::element<std::string>("video", "audio", "caption", "", "custom");
    out.is_live = *rc::gen::element<std::optional<bool>>(true, false, std::nullopt);
    out.target_latency = maybe_count();
    if (*rc::gen::arbitrary<bool>())
        out.target_buffers = buffers{maybe_count(), maybe_count(), maybe_count()};
    out.label = maybe_text();
    out.render_group = maybe_number<std::int64_t>(-1000, 1000);
    out.alt_group = maybe_number<std::int64_t>(-1000, 1000);
    out.init_track = maybe_text();
    out.depends = *rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(text()));
    out.temporal_id = maybe_count();
    out.spatial_id = maybe_count();
    out.codec = *rc::gen::element<std::string>("avc1.42E01F", "opus", "av01", "");
    out.mime_type = maybe_text();
    out.framerate = *rc::gen::element<std::optional<double>>(30, 29.97, 0, 1e9, std::nullopt);
    out.timescale = maybe_count();
    out.bitrate = maybe_count();
    out.avg_bitrate = maybe_count();
    out.max_gop_duration = maybe_count();
    out.max_group_duration = maybe_count();
    out.width = maybe_count();
    out.height = maybe_count();
    out.samplerate = maybe_count();
    out.channel_config = *rc::gen::element<std::string>("2", "F801", "");
    out.display_width = maybe_count();
    out.display_height = maybe_count();
    out.lang = maybe_text();
    out.track_duration = maybe_count();
    out.max_grp_sap_starting_type = maybe_count();
    out.max_obj_sap_starting_type = maybe_count();
    out.content_protection_ref_ids =
        *rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(text()));
    out.connection_uri = maybe_text();
    out.token = maybe_text();
    out.encryption_scheme = maybe_text();
    out.cipher_suite = maybe_text();
    out.key_id = maybe_text();
    out.track_base_key = maybe_text();
    out.custom = custom();
    return out;
}

inline std::vector<track> some_tracks() {
    std::vector<track> tracks;
    for (const auto& name : *rc::gen::resize(6, rc::gen::container<std::set<std::string>>(text())))
        tracks.push_back(one_track(name));
    return tracks;
}

/// Any catalog that MSF can say, in the form in which reading gives it.
inline catalog any() {
    catalog out;
    out.generated_at = maybe_count();
    out.is_complete = *rc::gen::arbitrary<bool>();
    out.tracks = some_tracks();
    out.publish_tracks = some_tracks();
    for (auto& one : out.tracks)
        if (*rc::gen::arbitrary<bool>()) {
            const auto data = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
            set_init(out, one, as_bytes(data));
        }
    if (*rc::gen::arbitrary<bool>()) out.content_protections = json::array({{{"refID", "1"}}});
    if (*rc::gen::arbitrary<bool>()) out.custom = {{"com.example-root", true}};
    return out;
}

/// Any catalog that the plain format can say, in the form in which reading gives it.
inline catalog any_plain() {
    catalog out;
    out.source = format::plain;
    const bool live = *rc::gen::arbitrary<bool>();
    for (const auto& name :
         *rc::gen::resize(6, rc::gen::container<std::set<std::string>>(text()))) {
        track one;
        one.name = name;
        if (*rc::gen::arbitrary<bool>()) one.track_namespace = *text();
        one.role = *rc::gen::element<std::string>("video", "audio");
        one.packaging = *rc::gen::element<std::string>("cmaf", "loc");
        one.is_live = live;
        one.codec = maybe_text();
        one.bitrate = maybe_count();
        one.width = maybe_count();
        one.height = maybe_count();
        one.samplerate = maybe_count();
        one.channel_config = *rc::gen::element<std::string>("", "1", "6", "F801");
        if (*rc::gen::arbitrary<bool>()) {
            // The plain format has no identifiers: reading names each after its track.
            one.init_ref = "init-" + name;
            out.init_data_list.push_back(
                {one.init_ref, "inline", base64_encode(as_bytes("header of " + name))});
        }
        out.tracks.push_back(std::move(one));
    }
    if (out.tracks.empty()) out.is_complete = !live;
    return out;
}

} // namespace moqrtc::catalog::samples
