#pragma once

#include <moqrtc/catalog/track.hpp>
#include <moqrtc/core/base64.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// The name of the track that carries an MSF catalog (MSF-01 section 5).
inline constexpr std::string_view msf_track_name = "catalog";
/// The name of the track that carries a plain catalog.
inline constexpr std::string_view plain_track_name = ".catalog";

/// How a catalog was, or is to be, written.
enum class format : std::uint8_t {
    msf,              ///< MSF-01 and CMSF-01: version is the string "1"
    msf_editors_copy, ///< between the published drafts: version 1 or "draft-NN", initData per track
    catalog_format, ///< draft-ietf-moq-catalogformat: common fields, selection parameters, patches
    plain,          ///< version 1, live, and tracks with kind, codec and a few numbers
};

/// What a decoder needs before the first object of a track.
///
/// Spec    MSF-01 section 5.1.7; the editors' copy adds track-property and object-property.
/// Fields  `data` is what was written, for `inline` base64: decode it with `init_bytes`.
struct init_data {
    std::string id{};
    std::string type = "inline";
    std::string data{};

    static void describe(auto& io, auto& i) {
        io.text("id", i.id, "initialization reference, MSF 5.1.7");
        io.text("type", i.type, "initialization reference, MSF 5.1.7");
        io.text("data", i.data, "initialization reference, MSF 5.1.7");
    }
    friend bool operator==(const init_data&, const init_data&) = default;
};

/// What a publisher offers.
///
/// Spec    MSF-01 section 5.1, CMSF-01 section 4.1.1 (`content_protections`).
/// Fields  `source` tells the format that was read. Initialization data that stood in a track is
///         moved to `init_data_list`, other catalogs that were listed become tracks with packaging
///         "catalog". `custom` holds the root fields that have no member here.
/// Units   `generated_at` in milliseconds of Unix time.
struct catalog {
    format source = format::msf;
    std::string version = "1";
    std::optional<std::uint64_t> generated_at{};
    bool is_complete = false;
    std::vector<track> tracks{};
    std::vector<track> publish_tracks{};
    std::vector<init_data> init_data_list{};
    json content_protections{};
    json custom = json::object();

    friend bool operator==(const catalog&, const catalog&) = default;
};

/// The namespace of a track: its own, or that of the catalog.
[[nodiscard]] inline std::string_view namespace_of(const track& of,
                                                   std::string_view catalog_namespace) noexcept {
    return of.track_namespace ? std::string_view{*of.track_namespace} : catalog_namespace;
}

/// The track with a namespace and name, or null.
[[nodiscard]] inline const track* find_track(const catalog& in, std::string_view track_namespace,
                                             std::string_view name,
                                             std::string_view catalog_namespace = {}) noexcept {
    for (const auto& one : in.tracks)
        if (one.name == name && namespace_of(one, catalog_namespace) == track_namespace)
            return &one;
    return nullptr;
}

/// The track with a name, in the namespace of the catalog.
[[nodiscard]] inline const track* find_track(const catalog& in, std::string_view name) noexcept {
    return find_track(in, {}, name);
}

/// The initialization data with an identifier, or null.
[[nodiscard]] inline const init_data* find_init(const catalog& in, std::string_view id) noexcept {
    if (id.empty()) return nullptr;
    for (const auto& one : in.init_data_list)
        if (one.id == id) return &one;
    return nullptr;
}

/// The initialization data of a track, decoded: for CMAF the header that precedes the first chunk.
///
/// Errors  not_found (the track has none, or its reference leads nowhere), unsupported (it does not
///         stand in the catalog), bad_value and truncated (no base64; `offset` in the text).
[[nodiscard]] inline result<std::vector<std::byte>> init_bytes(const catalog& in, const track& of) {
    constexpr const char* where = "initialization data list, MSF 5.1.7";
    const auto* found = find_init(in, of.init_ref);
    if (found == nullptr) return fail(errc::not_found, "initRef", 0, where);
    if (found->type != "inline") return fail(errc::unsupported, "type", 0, where);
    return base64_decode(found->data);
}

/// Adds initialization data, or finds it where the same stands already, and gives its identifier.
[[nodiscard]] inline std::string add_init(catalog& to, std::string_view wanted_id,
                                          std::string text) {
    for (const auto& one : to.init_data_list)
        if (one.type == "inline" && one.data == text) return one.id;
    std::string id{wanted_id};
    for (auto i = to.init_data_list.size() + 1; find_init(to, id) != nullptr || id.empty(); ++i)
        id = std::string{wanted_id} + '-' + std::to_string(i);
    to.init_data_list.push_back({id, "inline", std::move(text)});
    return id;
}

/// Gives a track its initialization data; tracks with the same data share one entry.
inline void set_init(catalog& to, track& of, bytes data) {
    of.init_ref = add_init(to, "init-" + of.name, base64_encode(data));
}

} // namespace moqrtc::catalog
