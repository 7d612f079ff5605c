#pragma once

#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/range_filter.hpp>
#include <moqrtc/moqt/relay/event.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moqrtc::moqt {

/// What a SUBSCRIBE_TRACKS asks of every subscription that it brings; unset is the default.
///
/// Spec    moq-transport from draft 19 on, anchor `subscribe-tracks-filtering`; the publisher says
/// it
///         again in PUBLISH from draft 20 on.
struct offer_settings {
    std::optional<std::uint64_t> object_delivery_timeout{};
    std::optional<std::uint64_t> subgroup_delivery_timeout{};
    std::optional<priority> subscriber_priority{};
    std::optional<subscription_filter> filter{};
    std::optional<group_order> order{};
    bool plain = false;       ///< no track properties
    shared_filters filters{}; ///< of tracks and of objects
    /// A fill of each track; unset members are as in the subscription.
    struct past {
        std::optional<subscription_filter> filter{};
        std::optional<group_order> order{};
        std::optional<moqt::priority> priority{};
        std::optional<std::uint64_t> timeout{};
    };
    std::optional<past> fill{};
};

/// Who publishes which namespace, and who wants to hear of what lies under which prefix.
///
/// Spec    moq-transport, anchors `track-discovery` and `publisher-interactions`: namespaces match
///         field by field; a published namespace serves the tracks in it and below it.
/// Cost    looking up the ancestors of a namespace takes one search per field, whatever the number
///         of namespaces; walking what lies under a prefix takes as long as there is of it.
class namespace_tree {
public:
    /// A session that publishes a namespace, by a request of its own or under one of ours.
    struct publisher {
        session_key session{};
        request_id request = 0; ///< its PUBLISH_NAMESPACE, or our SUBSCRIBE_NAMESPACE
        bool upstream = false;  ///< another relay, asked only when no other publisher matches
        bool sibling = false;   ///< a relay of the same server, which tells its own siblings
    };
    /// A request for discovery.
    struct interest {
        session_key session{};
        request_id request = 0;
        std::size_t asked = 0; ///< fields of the prefix in the request; what it is told lacks them
        bool namespaces = false; ///< NAMESPACE and NAMESPACE_DONE
        bool tracks = false;     ///< PUBLISH
        bool forward = true;     ///< Forward State of those PUBLISH
        bool sibling = false;    ///< wants to hear only of what no sibling publishes
        bool general = false;    ///< wants no tracks that another server pushes
        std::shared_ptr<const offer_settings> settings{}; ///< null: all as by default
    };
    /// For whom the publication of a namespace began or ended.
    struct change {
        bool any = false; ///< it has its first publisher, or none left
        bool own = false; ///< the same of publishers that are no siblings

        [[nodiscard]] bool concerns(const interest& who) const noexcept {
            return who.namespaces && (who.sibling ? own : any);
        }
    };

    /// Adds a publisher. Adding the same session and request again changes nothing.
    change publish(const track_namespace& space, const publisher& who) {
        auto& all = published_[space];
        const change first{all.empty(), !who.sibling && !has_own(all)};
        if (std::none_of(all.begin(), all.end(), [&](const auto& p) {
                return p.session == who.session && p.request == who.request;
            }))
            all.push_back(who);
        return first;
    }
    /// Removes a publisher.
    change withdraw(const track_namespace& space, session_key session, request_id request) {
        const auto at = published_.find(space);
        if (at == published_.end()) return {};
        const bool owned = has_own(at->second);
        const auto gone = std::erase_if(at->second, [&](const auto& p) {
            return p.session == session && p.request == request;
        });
        if (gone == 0) return {};
        const change last{at->second.empty(), owned && !has_own(at->second)};
        if (last.any) published_.erase(at);
        return last;
    }
    void add_interest(const track_namespace& prefix, const interest& who) {
        interests_[prefix].push_back(who);
    }
    void remove_interest(const track_namespace& prefix, session_key session, request_id request) {
        const auto at = interests_.find(prefix);
        if (at == interests_.end()) return;
        std::erase_if(at->second,
                      [&](const auto& i) { return i.session == session && i.request == request; });
        if (at->second.empty()) interests_.erase(at);
    }

    /// Calls `visit(publisher)` for every publisher of `space` or of an ancestor of it.
    template <class Visit>
    void publishers_of(const track_namespace& space, Visit&& visit) const {
        for_each_ancestor(published_, space,
                          [&](const auto&, const publisher& who) { visit(who); });
    }
    /// Calls `visit(namespace)` for every published namespace under `prefix`, itself included;
    /// with `own` only for those that not only siblings publish.
    template <class Visit>
    void namespaces_under(const track_namespace& prefix, bool own, Visit&& visit) const {
        for (auto at = published_.lower_bound(prefix);
             at != published_.end() && prefix.is_prefix_of(at->first); ++at)
            if (!own || has_own(at->second)) visit(at->first);
    }
    /// Calls `visit(prefix, interest)` for every interest that covers `space`.
    template <class Visit>
    void interests_in(const track_namespace& space, Visit&& visit) const {
        for_each_ancestor(interests_, space, visit);
    }
    [[nodiscard]] bool is_published(const track_namespace& space) const {
        return published_.contains(space);
    }
    [[nodiscard]] std::size_t size() const noexcept { return published_.size(); }
    /// Calls `visit(namespace, publishers)` for every published namespace.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const auto& [space, who] : published_)
            visit(space, who);
    }

private:
    [[nodiscard]] static bool has_own(const std::vector<publisher>& all) noexcept {
        return std::any_of(all.begin(), all.end(), [](const auto& p) { return !p.sibling; });
    }
    template <class Map, class Visit>
    static void for_each_ancestor(const Map& map, const track_namespace& space, Visit&& visit) {
        if (map.empty()) return;
        track_namespace prefix;
        auto fields = space.view().fields();
        for (;;) {
            if (const auto at = map.find(prefix); at != map.end())
                for (const auto& who : at->second)
                    visit(at->first, who);
            const auto field = fields.next();
            if (!field) return;
            prefix.append(*field);
        }
    }

    std::map<track_namespace, std::vector<publisher>> published_;
    std::map<track_namespace, std::vector<interest>> interests_;
};

/// Whether two prefixes share a common prefix in the sense of PREFIX_OVERLAP: one contains the
/// other.
[[nodiscard]] inline bool overlaps(const track_namespace& a, const track_namespace& b) noexcept {
    return a.is_prefix_of(b) || b.is_prefix_of(a);
}

} // namespace moqrtc::moqt
