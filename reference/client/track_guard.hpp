#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/moqt/data/track_checker.hpp>

#include <functional>
#include <map>
#include <string_view>

namespace moqrtc::reference {

/// Notices for a subscriber that its track is malformed: objects that contradict each other, in a
/// subscription and in the FETCH or fill beside it.
///
/// Memory is bounded; what is forgotten raises no fault.
///
/// Spec    moq-transport, anchor `malformed-tracks`.
class track_guard {
public:
    /// Objects that are known well enough to be compared with.
    static constexpr std::size_t most_known = 512;

    explicit track_guard(const moqt::wire_rules& rules)
        : rules_{&rules}, subscription_{rules}, fetch_{made_for_fetch(rules)} {}

    /// A FETCH or fill begins: its objects have an order of their own.
    void begin_fetch() { fetch_ = made_for_fetch(*rules_); }

    /// Whether an object can be one of the track.
    ///
    /// Errors  what closes the session: properties that are no Key-Value-Pairs.
    [[nodiscard]] result<bool> admits(const moqt::object& m, bool fetched) {
        const auto fault = (fetched ? fetch_ : subscription_).observe(m);
        if (!fault) return std::unexpected(fault.error());
        return *fault == moqt::track_fault::none && agrees(m, fetched);
    }
    /// The same for the end of a subgroup's stream behind the object `last`.
    [[nodiscard]] bool admits_end(moqt::location last, std::uint64_t subgroup, bool end_of_group) {
        return subscription_.observe_end(last, subgroup, end_of_group) == moqt::track_fault::none;
    }

private:
    struct known {
        std::size_t payload = 0; ///< hash
        std::size_t size = 0;
        std::uint64_t subgroup = 0;
        moqt::forwarding_preference forwarding = moqt::forwarding_preference::subgroup;
        moqt::object_status status = moqt::object_status::normal;
        bool fetched = false;
    };

    [[nodiscard]] static moqt::track_checker made_for_fetch(const moqt::wire_rules& rules) {
        return moqt::track_checker{rules, moqt::track_checker::delivery::fetch};
    }
    /// An object that comes twice is the same object.
    [[nodiscard]] bool agrees(const moqt::object& m, bool fetched) {
        const known now{std::hash<std::string_view>{}(as_text(m.payload.view())),
                        m.payload.size(),
                        m.subgroup_id,
                        m.forwarding,
                        m.status,
                        fetched};
        const auto [at, fresh] = known_.try_emplace(m.location, now);
        if (fresh) {
            if (known_.size() > most_known) known_.erase(known_.begin());
            return true;
        }
        const auto& before = at->second;
        if (before.payload != now.payload || before.size != now.size || before.status != now.status)
            return false;
        // A FETCH does not say in every draft how an object travelled first.
        if (before.fetched != now.fetched) return true;
        return before.forwarding == now.forwarding &&
               (now.forwarding == moqt::forwarding_preference::datagram ||
                before.subgroup == now.subgroup);
    }

    const moqt::wire_rules* rules_;
    moqt::track_checker subscription_;
    moqt::track_checker fetch_;
    std::map<moqt::location, known> known_{};
};

} // namespace moqrtc::reference
