#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/catalog/catalog_update.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// By which rules a delta update is made.
enum class delta_rules : std::uint8_t {
    msf,              ///< MSF-01: add, remove and clone; what is declared never changes
    msf_editors_copy, ///< additionally update, but no root field beside generatedAt, which must be
};

/// Whether two catalogs offer the same: order of tracks, time, version and format do not count.
[[nodiscard]] bool same_content(const catalog& a, const catalog& b,
                                std::string_view catalog_namespace = {});

/// The delta update that leads from one catalog to another; `empty()` when they offer the same.
///
/// The result is applied to `from` before it is given out: it leads to `to` or there is none.
///
/// Spec    MSF-01 section 5.3.
/// Errors  not_in_draft: the rules cannot express the change; publish the whole catalog as a new
///         group instead. Not_found: the editors' copy demands generatedAt.
[[nodiscard]] result<delta> make_delta(const catalog& from, const catalog& to,
                                       delta_rules rules = delta_rules::msf,
                                       std::string_view catalog_namespace = {});

#if MOQRTC_DEFINITIONS
namespace detail {

/// What tells tracks apart: namespace and name, borrowed from the track.
using track_key = std::pair<std::string_view, std::string_view>;
using track_map = std::map<track_key, const track*>;

[[nodiscard]] MOQRTC_INLINE track_key key_of(const track& one, std::string_view catalog_namespace) {
    return {namespace_of(one, catalog_namespace), std::string_view{one.name}};
}

/// Tracks by namespace and name; of two with the same, the first.
[[nodiscard]] MOQRTC_INLINE track_map by_name(const std::vector<track>& tracks,
                                              std::string_view catalog_namespace) {
    track_map map;
    for (const auto& one : tracks)
        map.emplace(key_of(one, catalog_namespace), &one);
    return map;
}

/// Equal in everything but how the namespace is spelled.
[[nodiscard]] MOQRTC_INLINE bool same_track(const track& a, const track& b) {
    if (a.track_namespace == b.track_namespace) return a == b;
    track spelled = a;
    spelled.track_namespace = b.track_namespace;
    return spelled == b;
}

[[nodiscard]] MOQRTC_INLINE bool same_tracks(const std::vector<track>& a,
                                             const std::vector<track>& b,
                                             std::string_view catalog_namespace) {
    const auto left = by_name(a, catalog_namespace);
    const auto right = by_name(b, catalog_namespace);
    if (a.size() != b.size() || left.size() != right.size()) return false;
    for (const auto& [name, one] : left) {
        const auto found = right.find(name);
        if (found == right.end() || !same_track(*one, *found->second)) return false;
    }
    return true;
}

[[nodiscard]] MOQRTC_INLINE json named(const track& of, const char* name,
                                       const char* track_namespace,
                                       std::string_view catalog_namespace) {
    json object{{name, of.name}};
    if (namespace_of(of, catalog_namespace) != catalog_namespace)
        object[track_namespace] = *of.track_namespace;
    return object;
}

/// What `made` says and `parent` does not, or nothing when the parent says more.
[[nodiscard]] MOQRTC_INLINE std::optional<json> overrides(const json& parent, const json& made) {
    auto changes = json::object();
    for (const auto& [name, value] : parent.items())
        if (!made.contains(name)) return std::nullopt;
    for (const auto& [name, value] : made.items())
        if (const auto inherited = parent.find(name);
            inherited == parent.end() || *inherited != value)
            changes[name] = value;
    return changes;
}

/// Collects the operations that lead from one catalog to another.
class delta_maker {
public:
    delta_maker(const catalog& from, const catalog& to, delta_rules rules,
                std::string_view catalog_namespace)
        : from_{&from},
          to_{&to},
          rules_{rules},
          catalog_namespace_{catalog_namespace},
          before_{by_name(from.tracks, catalog_namespace)},
          after_{by_name(to.tracks, catalog_namespace)} {}

    [[nodiscard]] result<delta> make() {
        delta out;
        out.generated_at = to_->generated_at;
        if (rules_ == delta_rules::msf_editors_copy && !out.generated_at)
            return fail(errc::not_found, "generatedAt", 0, delta_where);
        for (const auto& one : to_->tracks) {
            const auto old = before_.find(key_of(one, catalog_namespace_));
            const auto done = old == before_.end()            ? introduce(one)
                              : same_track(*old->second, one) ? result<void>{}
                                                              : change(*old->second, one);
            if (!done) return std::unexpected(done.error());
        }
        // Tracks that replace others are announced before those go.
        for (const auto& one : from_->tracks)
            if (!after_.contains(key_of(one, catalog_namespace_)))
                removed_.push_back(named(one, "name", "namespace", catalog_namespace_));
        const auto append = [&out](operation::kind op, std::vector<json>& tracks) {
            if (!tracks.empty()) out.operations.push_back({op, std::move(tracks)});
        };
        append(operation::kind::update, updated_);
        append(operation::kind::add, added_);
        append(operation::kind::clone, cloned_);
        append(operation::kind::remove, removed_);
        if (rules_ == delta_rules::msf)
            for (const auto& entry : to_->init_data_list)
                if (find_init(*from_, entry.id) == nullptr) out.init_data_list.push_back(entry);
        return out;
    }

private:
    /// A new track: cloned when that says it in fewer fields.
    [[nodiscard]] result<void> introduce(const track& made) {
        auto object = track_to_json<json>(made);
        if (!object) return std::unexpected(object.error());
        constexpr std::size_t candidates = 8; // parents that are looked at for each track
        std::optional<json> best;
        std::size_t looked_at = 0;
        for (const auto& parent : from_->tracks) {
            if (parent.role != made.role || parent.packaging != made.packaging) continue;
            if (++looked_at > candidates) break;
            const auto parent_object = track_to_json<json>(parent);
            if (!parent_object) continue;
            auto changes = overrides(*parent_object, *object);
            if (!changes || (best && best->size() <= changes->size() + 1)) continue;
            changes->update(named(parent, "parentName", "parentNamespace", catalog_namespace_));
            // A parent in the catalog's namespace passes on no other; one elsewhere passes on its
            // own, so a clone into the catalog's has to say that.
            if (parent.track_namespace && !made.track_namespace) continue;
            best = std::move(changes);
        }
        if (best && best->size() < object->size())
            cloned_.push_back(std::move(*best));
        else
            added_.push_back(std::move(*object));
        return {};
    }
    /// A track that says something else than before.
    [[nodiscard]] result<void> change(const track& before, const track& after) {
        if (rules_ == delta_rules::msf) return fail(errc::not_in_draft, "tracks", 0, delta_where);
        const auto old_object = track_to_json<json>(before);
        const auto new_object = track_to_json<json>(after);
        if (!old_object) return std::unexpected(old_object.error());
        if (!new_object) return std::unexpected(new_object.error());
        auto changes = overrides(*old_object, *new_object);
        if (!changes) return fail(errc::not_in_draft, "tracks", 0, delta_where);
        changes->update(named(before, "parentName", "parentNamespace", catalog_namespace_));
        updated_.push_back(std::move(*changes));
        return {};
    }

    const catalog* from_;
    const catalog* to_;
    delta_rules rules_;
    std::string_view catalog_namespace_;
    track_map before_;
    track_map after_;
    std::vector<json> added_{};
    std::vector<json> cloned_{};
    std::vector<json> updated_{};
    std::vector<json> removed_{};
};

} // namespace detail

MOQRTC_INLINE bool same_content(const catalog& a, const catalog& b,
                                std::string_view catalog_namespace) {
    if (a.is_complete != b.is_complete || a.custom != b.custom ||
        a.content_protections != b.content_protections ||
        a.init_data_list.size() != b.init_data_list.size())
        return false;
    for (const auto& entry : a.init_data_list) {
        const auto* other = find_init(b, entry.id);
        if (other == nullptr || *other != entry) return false;
    }
    return detail::same_tracks(a.tracks, b.tracks, catalog_namespace) &&
           detail::same_tracks(a.publish_tracks, b.publish_tracks, catalog_namespace);
}

MOQRTC_INLINE result<delta> make_delta(const catalog& from, const catalog& to, delta_rules rules,
                                       std::string_view catalog_namespace) {
    if (same_content(from, to, catalog_namespace)) return delta{};
    auto made = detail::delta_maker{from, to, rules, catalog_namespace}.make();
    if (!made) return made;
    constexpr limits unbounded{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    const auto reached = apply(from, *made, catalog_namespace, unbounded);
    if (made->operations.empty() || !reached || !same_content(*reached, to, catalog_namespace))
        return fail(errc::not_in_draft, "deltaUpdate", 0, detail::delta_where);
    return made;
}
#endif

} // namespace moqrtc::catalog
