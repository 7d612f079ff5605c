#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/catalog/fields.hpp>
#include <moqrtc/catalog/json.hpp>
#include <moqrtc/catalog/locate.hpp>
#include <moqrtc/catalog/normalize.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// Reads a complete catalog of any of the formats and says which it was.
///
/// Spec    MSF-01 sections 5.1 and 5.2 with CMSF-01; their editors' copies;
///         draft-ietf-moq-catalogformat; the plain format (docs/catalog.md).
/// Errors  those of `parse_json`; not_found (version, tracks or a name is missing), unsupported
///         (another version), malformed_value (a field of the wrong JSON type), bad_value (negative
///         or broken number), limit, duplicate (name or identifier). `offset` is the value's place,
///         or that of the object around it.
[[nodiscard]] result<catalog> read_catalog(bytes data, const limits& bounds = {});

#if MOQRTC_DEFINITIONS
namespace detail {

/// Reads a track object, in any format, into `of`; its own initialization data goes into `into`.
[[nodiscard]] MOQRTC_INLINE result<void> read_track(json object, catalog& into, track& of) {
    constexpr const char* where = "track object, MSF 5.2.1";
    if (!object.is_object()) return fail(errc::malformed_value, "", 0, where);
    normalize_track(object);
    field_reader fields{object};
    track::describe(fields, of);
    std::optional<std::string> own_init;
    fields.text("initData", own_init, "track object, catalog format 3.2.15");
    if (fields.ok() && !object.contains("name"))
        fields.reject(errc::not_found, "name", "track object, MSF 5.2.3");
    if (!fields.ok()) return std::unexpected(fields.failure());
    if (own_init && of.init_ref.empty())
        of.init_ref = add_init(into, "init-" + of.name, std::move(*own_init));
    of.custom = fields.custom();
    return {};
}

/// Reads the root object of a complete catalog.
class catalog_reader {
public:
    catalog_reader(std::string_view text, const limits& bounds) noexcept
        : text_{text}, bounds_{&bounds} {}

    [[nodiscard]] result<catalog> read(json root) {
        constexpr const char* where = "catalog, MSF 5.1";
        if (!root.is_object()) return fail(errc::malformed_value, "", 0, where);
        catalog out;
        out.source = detect(root);
        if (out.source == format::catalog_format) inherit_common_fields(root);
        field_reader fields{root};
        read_version(fields, out);
        fields.number("generatedAt", out.generated_at, "catalog, MSF 5.1.2");
        std::optional<bool> complete;
        fields.boolean("isComplete", complete, "catalog, MSF 5.1.3");
        out.is_complete = complete.value_or(false);
        std::optional<bool> live;
        if (out.source == format::plain) fields.boolean("live", live, "plain catalog");
        if (const auto* protections = fields.find("contentProtections")) {
            if (!protections->is_array())
                fields.reject(errc::malformed_value, "contentProtections", "catalog, CMSF 4.1.1");
            out.content_protections = *protections;
        }
        if (!fields.ok()) return located(fields.failure(), {fields.failure().field});
        const auto* inits = fields.find("initDataList");
        const auto* tracks = fields.find("tracks");
        const auto* published = fields.find("publishTracks");
        if (tracks == nullptr) return fail(errc::not_found, "tracks", 0, "catalog, MSF 5.1.4");
        if (inits != nullptr)
            if (auto done = read_inits(*inits, out.init_data_list); !done)
                return std::unexpected(done.error());
        for (const auto& [list, name, to] :
             {std::tuple{tracks, "tracks", &out.tracks},
              std::tuple{published, "publishTracks", &out.publish_tracks}})
            if (list != nullptr)
                if (auto done = read_tracks(*list, name, out, *to); !done)
                    return std::unexpected(done.error());
        if (out.source == format::plain) settle_plain(out, live);
        out.custom = fields.custom();
        return out;
    }

    [[nodiscard]] result<void> read_inits(const json& list, std::vector<init_data>& to) const {
        constexpr const char* name = "initDataList";
        constexpr const char* where = "initialization data list, MSF 5.1.7";
        if (!list.is_array()) return located({errc::malformed_value, 0, name, where}, {name});
        if (list.size() > bounds_->tracks) return located({errc::limit, 0, name, where}, {name});
        std::set<std::string, std::less<>> ids;
        for (const auto& one : list) {
            const auto index = to.size();
            if (!one.is_object())
                return located({errc::malformed_value, 0, name, where}, {name, index});
            field_reader fields{one};
            init_data read{.type = {}};
            init_data::describe(fields, read);
            if (fields.ok() && read.id.empty()) fields.reject(errc::not_found, "id", where);
            if (fields.ok() && !ids.insert(read.id).second)
                fields.reject(errc::duplicate, "id", where);
            if (!fields.ok())
                return located(fields.failure(), {name, index, fields.failure().field});
            if (read.type.empty()) read.type = "inline";
            to.push_back(std::move(read));
        }
        return {};
    }

    /// The error with the place in the text that a path leads to.
    [[nodiscard]] std::unexpected<error> located(error what,
                                                 std::initializer_list<json_step> path) const {
        what.offset = locate(text_, path);
        return std::unexpected(what);
    }

private:
    /// MSF-01 5.1.1: a version that is not understood is not read.
    static void read_version(field_reader& fields, catalog& out) {
        constexpr const char* where = "catalog, MSF 5.1.1";
        const auto* version = fields.find("version");
        if (version == nullptr) return fields.reject(errc::not_found, "version", where);
        if (version->is_number_unsigned()) {
            out.version = std::to_string(version->get<std::uint64_t>());
        } else if (version->is_string()) {
            out.version = version->get_ref<const std::string&>();
        } else {
            return fields.reject(errc::malformed_value, "version", where);
        }
        constexpr std::string_view draft = "draft-";
        const auto digits = std::string_view{out.version}.substr(
            out.version.starts_with(draft) ? draft.size() : out.version.size());
        const bool is_draft =
            digits.size() == 2 && digits.find_first_not_of("0123456789") == std::string_view::npos;
        if (out.version != "1" && !is_draft) fields.reject(errc::unsupported, "version", where);
    }

    [[nodiscard]] result<void> read_tracks(const json& list, const char* name, catalog& into,
                                           std::vector<track>& to) const {
        constexpr const char* where = "catalog, MSF 5.1.4";
        if (!list.is_array()) return located({errc::malformed_value, 0, name, where}, {name});
        if (list.size() > bounds_->tracks) return located({errc::limit, 0, name, where}, {name});
        std::set<std::pair<std::optional<std::string>, std::string>> names;
        for (const auto& one : list) {
            const auto index = to.size();
            track read;
            if (auto done = read_track(one, into, read); !done)
                return located(done.error(), {name, index, done.error().field});
            if (!names.insert({read.track_namespace, read.name}).second)
                return located({errc::duplicate, 0, "name", "track object, MSF 5.2.3"},
                               {name, index, "name"});
            to.push_back(std::move(read));
        }
        return {};
    }

    /// In a plain catalog all tracks are live or none, and CMAF goes without saying.
    static void settle_plain(catalog& out, std::optional<bool> live) {
        for (auto& one : out.tracks) {
            if (live && !one.is_live) one.is_live = live;
            if (one.packaging.empty()) one.packaging = "cmaf";
        }
        if (live == false && out.tracks.empty()) out.is_complete = true;
    }

    std::string_view text_;
    const limits* bounds_;
};

} // namespace detail

MOQRTC_INLINE result<catalog> read_catalog(bytes data, const limits& bounds) {
    auto root = parse_json(data, bounds);
    if (!root) return std::unexpected(root.error());
    return detail::catalog_reader{as_text(data), bounds}.read(std::move(*root));
}
#endif

} // namespace moqrtc::catalog
