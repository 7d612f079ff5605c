#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/catalog/catalog_diff.hpp>
#include <moqrtc/catalog/catalog_update.hpp>
#include <moqrtc/catalog/json_patch.hpp>
#include <moqrtc/catalog/reader.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// What one object of a catalog track changed.
///
/// Fields  `tracks` names each track that is new, gone, says something else (its initialization
/// data
///         counts), or went from live to not live; `value` is the track as it is now, or for a
///         removed one as it was. `completed`: the broadcast became complete with this object.
///         `ignored`: the object belongs to the past (an earlier group, or read before).
struct changes {
    enum class kind : std::uint8_t { added, removed, changed, ended };
    struct change {
        kind what = kind::added;
        track value{};
    };

    std::vector<change> tracks{};
    bool first = false;
    bool completed = false;
    bool ignored = false;

    [[nodiscard]] bool empty() const noexcept { return tracks.empty() && !completed; }
};

/// The subscriber's side of a catalog track: objects in, changes out.
///
/// Object 0 of each group is complete; those behind it are delta updates, JSON patches of the older
/// format, or complete again, in the order of their identifiers. An object that cannot be read
/// leaves the catalog as it was; after it, and after a gap, updates are refused until the next
/// complete catalog, because each builds on the one before.
///
/// Spec    MSF-01 section 5; draft-ietf-moq-catalogformat section 3.3.
class catalog_state {
public:
    /// `catalog_namespace` is that of the catalog track: tracks without a namespace are in it.
    explicit catalog_state(std::string catalog_namespace = {}, limits bounds = {})
        : catalog_namespace_{std::move(catalog_namespace)}, bounds_{bounds} {}

    /// Takes the next object of the track.
    ///
    /// Errors  those of `read_catalog` and `apply`; bad_state (an update where a complete catalog
    ///         is due); unknown_type (object 0 of a group is an update).
    [[nodiscard]] result<changes> handle_object(std::uint64_t group, std::uint64_t object,
                                                bytes payload);

    /// The catalog as of the last object that could be read; null before the first.
    [[nodiscard]] const catalog* current() const noexcept {
        return current_ ? &*current_ : nullptr;
    }
    [[nodiscard]] const std::string& catalog_namespace() const noexcept {
        return catalog_namespace_;
    }

private:
    [[nodiscard]] result<catalog> replace(json root, std::string_view text);
    [[nodiscard]] result<catalog> update(std::uint64_t group, std::uint64_t object,
                                         const json& root, std::string_view text, bool is_delta);
    /// Remembers that the chain of updates is broken.
    [[nodiscard]] std::unexpected<error> lose(std::uint64_t group, std::uint64_t object,
                                              const error& why) noexcept;
    [[nodiscard]] changes compare(const catalog& next) const;

    std::string catalog_namespace_;
    limits bounds_;
    std::optional<catalog> current_{};
    json document_{};
    std::uint64_t group_ = 0;
    std::uint64_t next_object_ = 0;
    bool usable_ = false;
};

#if MOQRTC_DEFINITIONS
MOQRTC_INLINE result<changes> catalog_state::handle_object(std::uint64_t group,
                                                           std::uint64_t object, bytes payload) {
    if (current_ && (group < group_ || (group == group_ && object < next_object_))) {
        changes none;
        none.ignored = true;
        return none;
    }
    auto root = parse_json(payload, bounds_);
    if (!root) return lose(group, object, root.error());
    const bool is_delta = root->is_object() && root->contains("deltaUpdate");
    auto next = is_delta || root->is_array()
                    ? update(group, object, *root, as_text(payload), is_delta)
                    : replace(std::move(*root), as_text(payload));
    if (!next) return lose(group, object, next.error());
    auto found = compare(*next);
    current_ = std::move(*next);
    usable_ = true;
    group_ = group;
    next_object_ = object + 1;
    return found;
}

MOQRTC_INLINE result<catalog> catalog_state::replace(json root, std::string_view text) {
    // Only the older format is changed as a document and not track by track.
    document_ = root.is_object() && detail::detect(root) == format::catalog_format ? root : json{};
    return detail::catalog_reader{text, bounds_}.read(std::move(root));
}

MOQRTC_INLINE result<catalog> catalog_state::update(std::uint64_t group, std::uint64_t object,
                                                    const json& root, std::string_view text,
                                                    bool is_delta) {
    constexpr const char* where = "catalog track, MSF 5";
    if (object == 0) return fail(errc::unknown_type, "object 0", 0, where);
    if (!current_ || !usable_ || group != group_ || object != next_object_)
        return fail(errc::bad_state, "update without its catalog", 0, where);
    if (is_delta) {
        const auto change = detail::read_delta(root, text, bounds_);
        if (!change) return std::unexpected(change.error());
        return apply(*current_, *change, catalog_namespace_, bounds_);
    }
    if (document_.is_null()) return fail(errc::bad_state, "patch of another format", 0, where);
    json patched = document_;
    if (auto done = apply_patch(patched, root, bounds_); !done)
        return std::unexpected(done.error());
    auto next = detail::catalog_reader{{}, bounds_}.read(patched);
    if (next) document_ = std::move(patched);
    return next;
}

MOQRTC_INLINE std::unexpected<error> catalog_state::lose(std::uint64_t group, std::uint64_t object,
                                                         const error& why) noexcept {
    usable_ = false;
    if (current_ && (group > group_ || object >= next_object_)) {
        group_ = group;
        next_object_ = object == UINT64_MAX ? object : object + 1;
    }
    return std::unexpected(why);
}

MOQRTC_INLINE changes catalog_state::compare(const catalog& next) const {
    changes out;
    out.first = !current_.has_value();
    out.completed = next.is_complete && !(current_ && current_->is_complete);
    const catalog none;
    const auto& before = current_ ? *current_ : none;
    const auto old_tracks = detail::by_name(before.tracks, catalog_namespace_);
    const auto new_tracks = detail::by_name(next.tracks, catalog_namespace_);
    for (const auto& [name, one] : old_tracks)
        if (!new_tracks.contains(name)) out.tracks.push_back({changes::kind::removed, *one});
    for (const auto& [name, one] : new_tracks) {
        const auto old = old_tracks.find(name);
        if (old == old_tracks.end()) {
            out.tracks.push_back({changes::kind::added, *one});
            continue;
        }
        track was = *old->second;
        const auto* old_init = find_init(before, was.init_ref);
        const auto* new_init = find_init(next, one->init_ref);
        const bool same_init =
            old_init == nullptr || new_init == nullptr
                ? old_init == new_init
                : old_init->type == new_init->type && old_init->data == new_init->data;
        was.init_ref = one->init_ref; // what counts is what it refers to
        if (was.is_live == true && one->is_live == false)
            out.tracks.push_back({changes::kind::ended, *one});
        else if (!same_init || !detail::same_track(was, *one))
            out.tracks.push_back({changes::kind::changed, *one});
    }
    return out;
}
#endif

} // namespace moqrtc::catalog
