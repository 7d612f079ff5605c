#pragma once

#include <moqrtc/catalog/catalog.hpp>
#include <moqrtc/catalog/json.hpp>
#include <moqrtc/catalog/reader.hpp>
#include <moqrtc/catalog/writer.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::catalog {

/// One step of a delta update.
///
/// Spec    MSF-01 section 5.1.6; `update` is of the editors' copy alone.
/// Fields  `tracks` are track objects as written: complete for `add`, a name for `remove`, a parent
///         and what differs from it for `clone` and `update`.
struct operation {
    enum class kind : std::uint8_t { add, remove, clone, update };
    static constexpr std::array<std::string_view, 4> names{"add", "remove", "clone", "update"};

    kind op = kind::add;
    std::vector<json> tracks{};

    friend bool operator==(const operation&, const operation&) = default;
};

/// A change of a catalog, to be applied to the one before.
///
/// Spec    MSF-01 section 5.3. The draft allows other root fields than version and tracks;
///         `init_data_list` holds entries that new tracks refer to and that are appended.
struct delta {
    std::optional<std::uint64_t> generated_at{};
    bool is_complete = false;
    std::vector<operation> operations{};
    std::vector<init_data> init_data_list{};

    [[nodiscard]] bool empty() const noexcept { return operations.empty() && !is_complete; }
    friend bool operator==(const delta&, const delta&) = default;
};

namespace detail {
/// Reads the root object of a delta update.
[[nodiscard]] result<delta> read_delta(const json& root, std::string_view text,
                                       const limits& bounds);

[[nodiscard]] bool is_referenced(const catalog& in, const init_data& entry) noexcept;
} // namespace detail

/// The catalog after a delta update.
///
/// Operations apply in order; a failure leaves nothing changed, since `before` is not touched.
/// Initialization data that only removed tracks referred to goes with them.
///
/// Spec    MSF-01 sections 5.1.6 and 5.3.
/// Fields  `catalog_namespace` is where tracks are that name no namespace.
/// Errors  not_found (track or parent), duplicate (a name or identifier that is declared), limit,
///         and those of a track object. Offsets are 0: the operations are apart from their text.
[[nodiscard]] result<catalog> apply(const catalog& before, const delta& change,
                                    std::string_view catalog_namespace = {},
                                    const limits& bounds = {});

/// Writes a delta update, ready to be an object behind object 0 of a group.
///
/// Errors  bad_state (no operation: section 5.3 demands one), bad_value as `write_msf`.
[[nodiscard]] result<std::string> write_delta(const delta& from);

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* delta_where = "delta update, MSF 5.3";

[[nodiscard]] MOQRTC_INLINE result<operation> read_operation(const json& object,
                                                             const limits& bounds) {
    constexpr const char* where = "operation, MSF 5.1.6";
    if (!object.is_object()) return fail(errc::malformed_value, "", 0, where);
    operation out;
    std::string name;
    field_reader fields{object};
    fields.text("op", name, where);
    if (fields.ok() && name.empty()) fields.reject(errc::not_found, "op", where);
    const auto* tracks = fields.find("tracks");
    if (fields.ok() && tracks == nullptr) fields.reject(errc::not_found, "tracks", where);
    if (fields.ok() && !tracks->is_array()) fields.reject(errc::malformed_value, "tracks", where);
    if (!fields.ok()) return std::unexpected(fields.failure());
    if (tracks->size() > bounds.tracks) return fail(errc::limit, "tracks", 0, where);
    std::size_t index = 0;
    while (index < operation::names.size() && operation::names[index] != name)
        ++index;
    if (index == operation::names.size()) return fail(errc::unknown_type, "op", 0, where);
    out.op = static_cast<operation::kind>(index);
    for (json one : *tracks) {
        if (!one.is_object()) return fail(errc::malformed_value, "tracks", 0, where);
        normalize_track(one);
        out.tracks.push_back(std::move(one));
    }
    return out;
}

MOQRTC_INLINE result<delta> read_delta(const json& root, std::string_view text,
                                       const limits& bounds) {
    const catalog_reader reader{text, bounds};
    field_reader fields{root};
    delta out;
    std::optional<bool> complete;
    fields.number("generatedAt", out.generated_at, "delta update, MSF 5.1.2");
    fields.boolean("isComplete", complete, "delta update, MSF 5.1.3");
    for (const auto* name : {"tracks", "version"})
        if (fields.find(name) != nullptr) fields.reject(errc::bad_value, name, delta_where);
    if (!fields.ok()) return reader.located(fields.failure(), {fields.failure().field});
    out.is_complete = complete.value_or(false);
    if (const auto* inits = fields.find("initDataList"))
        if (auto done = reader.read_inits(*inits, out.init_data_list); !done)
            return std::unexpected(done.error());
    constexpr const char* name = "deltaUpdate";
    const auto& list = root[name];
    if (!list.is_array() || list.empty())
        return reader.located(
            {list.is_array() ? errc::bad_value : errc::malformed_value, 0, name, delta_where},
            {name});
    if (list.size() > bounds.operations)
        return reader.located({errc::limit, 0, name, delta_where}, {name});
    for (const auto& one : list) {
        const auto index = out.operations.size();
        auto step = read_operation(one, bounds);
        if (!step) return reader.located(step.error(), {name, index, step.error().field});
        out.operations.push_back(std::move(*step));
    }
    return out;
}

/// Applies operations one by one to a catalog.
class delta_applier {
public:
    delta_applier(catalog& to, std::string_view catalog_namespace, const limits& bounds) noexcept
        : to_{&to}, catalog_namespace_{catalog_namespace}, bounds_{&bounds} {}

    [[nodiscard]] result<void> apply(const operation& step) {
        for (const auto& object : step.tracks) {
            const auto done = step.op == operation::kind::remove ? remove(object)
                              : step.op == operation::kind::add  ? add(object)
                                                                 : derive(object, step.op);
            if (!done) return done;
        }
        return {};
    }

private:
    /// A track by the fields that name it; the namespace of the catalog when none is given.
    [[nodiscard]] result<std::size_t> find(const json& object, const char* name_field,
                                           const char* namespace_field) const {
        const auto name = object.find(name_field);
        if (name == object.end() || !name->is_string())
            return fail(errc::not_found, name_field, 0, delta_where);
        std::string_view within = catalog_namespace_;
        if (const auto given = object.find(namespace_field); given != object.end()) {
            if (!given->is_string())
                return fail(errc::malformed_value, namespace_field, 0, delta_where);
            within = given->get_ref<const std::string&>();
        }
        for (std::size_t i = 0; i < to_->tracks.size(); ++i)
            if (to_->tracks[i].name == name->get_ref<const std::string&>() &&
                namespace_of(to_->tracks[i], catalog_namespace_) == within)
                return i;
        return fail(errc::not_found, name_field, 0, delta_where);
    }
    [[nodiscard]] bool is_declared(const track& other) const noexcept {
        return find_track(*to_, namespace_of(other, catalog_namespace_), other.name,
                          catalog_namespace_) != nullptr;
    }
    [[nodiscard]] result<void> add(const json& object) {
        track made;
        if (auto done = read_track(object, *to_, made); !done) return done;
        if (is_declared(made)) return fail(errc::duplicate, "name", 0, delta_where);
        if (to_->tracks.size() >= bounds_->tracks)
            return fail(errc::limit, "tracks", 0, delta_where);
        to_->tracks.push_back(std::move(made));
        return {};
    }
    [[nodiscard]] result<void> remove(const json& object) {
        const auto index = find(object, "name", "namespace");
        if (!index) return std::unexpected(index.error());
        to_->tracks.erase(to_->tracks.begin() + static_cast<std::ptrdiff_t>(*index));
        return {};
    }
    /// Clone and update: what the parent says, but for what is said anew.
    ///
    /// The editors' copy demands a parent name in an update and prints an example that has a name
    /// alone: both are taken.
    [[nodiscard]] result<void> derive(const json& changes, operation::kind op) {
        const bool by_parent = op == operation::kind::clone || changes.contains("parentName");
        const auto index = by_parent ? find(changes, "parentName", "parentNamespace")
                                     : find(changes, "name", "namespace");
        if (!index) return std::unexpected(index.error());
        auto object = track_to_json<json>(to_->tracks[*index]);
        if (!object) return std::unexpected(object.error());
        for (const auto& [name, value] : changes.items()) {
            if (name == "parentName" || name == "parentNamespace") continue;
            if (name == "initData") object->erase("initRef");
            (*object)[name] = value;
        }
        if (auto bounded = weigh(*object); !bounded) return bounded;
        if (op == operation::kind::clone) return add(*object);
        track changed;
        if (auto done = read_track(std::move(*object), *to_, changed); !done) return done;
        const auto& before = to_->tracks[*index];
        const bool renamed =
            changed.name != before.name ||
            namespace_of(changed, catalog_namespace_) != namespace_of(before, catalog_namespace_);
        if (renamed && is_declared(changed)) return fail(errc::duplicate, "name", 0, delta_where);
        to_->tracks[*index] = std::move(changed);
        return {};
    }

    [[nodiscard]] static std::size_t size_of(const json& value) {
        return value.dump(-1, ' ', false, json::error_handler_t::replace).size();
    }
    /// A clone is short and what it makes is not: all tracks together, once there are clones, stay
    /// within the size of a catalog.
    [[nodiscard]] result<void> weigh(const json& made) {
        if (weight_ == 0)
            for (const auto& one : to_->tracks)
                if (const auto object = track_to_json<json>(one)) weight_ += size_of(*object);
        weight_ += size_of(made);
        if (weight_ > bounds_->size) return fail(errc::limit, "tracks", 0, delta_where);
        return {};
    }

    catalog* to_;
    std::string_view catalog_namespace_;
    const limits* bounds_;
    std::size_t weight_ = 0;
};

MOQRTC_INLINE bool is_referenced(const catalog& in, const init_data& entry) noexcept {
    for (const auto* list : {&in.tracks, &in.publish_tracks})
        for (const auto& one : *list)
            if (one.init_ref == entry.id) return true;
    return false;
}

} // namespace detail

MOQRTC_INLINE result<catalog> apply(const catalog& before, const delta& change,
                                    std::string_view catalog_namespace, const limits& bounds) {
    catalog after = before;
    if (change.generated_at) after.generated_at = change.generated_at;
    after.is_complete = before.is_complete || change.is_complete;
    for (const auto& entry : change.init_data_list) {
        if (find_init(after, entry.id) != nullptr)
            return fail(errc::duplicate, "id", 0, detail::delta_where);
        if (after.init_data_list.size() >= bounds.tracks)
            return fail(errc::limit, "initDataList", 0, detail::delta_where);
        after.init_data_list.push_back(entry);
    }
    detail::delta_applier applier{after, catalog_namespace, bounds};
    for (const auto& step : change.operations)
        if (auto done = applier.apply(step); !done) return std::unexpected(done.error());
    std::erase_if(after.init_data_list, [&](const init_data& entry) {
        return find_init(before, entry.id) != nullptr && detail::is_referenced(before, entry) &&
               !detail::is_referenced(after, entry);
    });
    return after;
}

MOQRTC_INLINE result<std::string> write_delta(const delta& from) {
    if (from.operations.empty())
        return fail(errc::bad_state, "deltaUpdate", 0, detail::delta_where);
    auto root = detail::ordered_json::object();
    detail::field_writer fields{root};
    fields.number("generatedAt", from.generated_at, "delta update, MSF 5.1.2");
    if (fields.failure().code != errc::ok) return std::unexpected(fields.failure());
    if (from.is_complete) root["isComplete"] = true;
    auto& list = root["deltaUpdate"] = detail::ordered_json::array();
    for (const auto& step : from.operations) {
        for (const auto& one : step.tracks)
            if (!detail::is_writable(one))
                return fail(errc::bad_value, "tracks", 0, detail::delta_where);
        list.push_back(
            {{"op", operation::names[static_cast<std::size_t>(step.op)]}, {"tracks", step.tracks}});
    }
    if (!from.init_data_list.empty()) {
        auto inits = detail::inits_to_json(from.init_data_list);
        if (!inits) return std::unexpected(inits.error());
        root["initDataList"] = std::move(*inits);
    }
    return root.dump();
}
#endif

} // namespace moqrtc::catalog
