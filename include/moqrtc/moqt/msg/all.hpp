#pragma once

#include <moqrtc/moqt/msg/answer.hpp>
#include <moqrtc/moqt/msg/credit.hpp>
#include <moqrtc/moqt/msg/fetch.hpp>
#include <moqrtc/moqt/msg/goaway.hpp>
#include <moqrtc/moqt/msg/namespaces.hpp>
#include <moqrtc/moqt/msg/publish.hpp>
#include <moqrtc/moqt/msg/setup.hpp>
#include <moqrtc/moqt/msg/subscribe.hpp>

namespace moqrtc::moqt::msg {

template <class... M>
struct type_list {
    static constexpr std::size_t size = sizeof...(M);

    /// Calls `visit.template operator()<M>()` for every type.
    template <class Visit>
    static constexpr void for_each(Visit&& visit) {
        (visit.template operator()<M>(), ...);
    }
    /// Calls `visit.template operator()<M>()` for the type that `code` means in this draft;
    /// false when the draft has none.
    template <class Visit>
    static constexpr bool dispatch(const wire_rules& rules, std::uint64_t code, Visit&& visit) {
        bool found = false;
        ((M::code(rules) == code && code != no_code && !found
              ? (found = true, visit.template operator()<M>())
              : void()),
         ...);
        return found;
    }
};

/// Every control message of every draft the table knows, as far as it is described.
using all =
    type_list<client_setup, server_setup, setup, goaway, max_request_id, requests_blocked,
              request_ok, request_error, request_update, subscribe, subscribe_ok, unsubscribe,
              publish, publish_ok, publish_done, fetch, fetch_ok, fetch_cancel, track_status,
              publish_namespace, publish_namespace_done, publish_namespace_cancel,
              namespace_message, namespace_done, subscribe_namespace, subscribe_tracks,
              publish_blocked, publish_state_notify, unsubscribe_namespace, publish_namespace_ok,
              subscribe_namespace_ok, track_status_ok, subscribe_error, publish_error, fetch_error,
              track_status_error, publish_namespace_error, subscribe_namespace_error>;

/// The name of a message type in a draft, or "unknown".
[[nodiscard]] constexpr std::string_view name_of(const wire_rules& rules, std::uint64_t code) {
    std::string_view name = "unknown";
    all::dispatch(rules, code, [&]<class M> { name = M::name; });
    return name;
}

} // namespace moqrtc::moqt::msg
