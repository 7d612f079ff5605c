#pragma once

#include "../steps.hpp"

#include <moqrtc/moqt/data/stream_type.hpp>

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

/// The rows, by what they are about. Each file has a table: which requirement, which kinds of peer,
/// and the play that provokes and judges the reaction.
namespace moqrtc::conformance {

/// Kinds of peer that a row is for.
namespace fits {
inline constexpr unsigned relay = 1;
inline constexpr unsigned publisher = 2;
inline constexpr unsigned subscriber = 4;
inline constexpr unsigned clients = publisher | subscriber;
inline constexpr unsigned receivers = relay | subscriber; ///< those that subscribe to us
inline constexpr unsigned all = relay | clients;
} // namespace fits

struct row {
    std::string_view key; ///< `requirement::key`
    unsigned peers = fits::all;
    stage::play play = nullptr;
    std::string_view why{}; ///< without a play: why nothing outside shows it
    bool last = false;      ///< it brings the peer to leave: when no other row needs it any more
};

[[nodiscard]] std::span<const row> encoding_rows();
[[nodiscard]] std::span<const row> setup_rows();
[[nodiscard]] std::span<const row> token_rows();
[[nodiscard]] std::span<const row> policy_rows();
[[nodiscard]] std::span<const row> parameter_rows();
[[nodiscard]] std::span<const row> control_rows();
[[nodiscard]] std::span<const row> answer_rows();
[[nodiscard]] std::span<const row> data_rows();
[[nodiscard]] std::span<const row> fetch_rows();
[[nodiscard]] std::span<const row> fetched_rows();
[[nodiscard]] std::span<const row> malformed_rows();
[[nodiscard]] std::span<const row> gap_rows();
[[nodiscard]] std::span<const row> request_rows();
[[nodiscard]] std::span<const row> state_rows();
[[nodiscard]] std::span<const row> relay_rows();
[[nodiscard]] std::span<const row> cache_rows();
[[nodiscard]] std::span<const row> sender_rows();
[[nodiscard]] std::span<const row> stream_rows();
[[nodiscard]] std::span<const row> published_rows();
[[nodiscard]] std::span<const row> leaving_rows();
[[nodiscard]] std::span<const row> choice_rows();
[[nodiscard]] std::span<const row> filter_rows();
[[nodiscard]] std::span<const row> late_rows();
[[nodiscard]] std::span<const row> fill_rows();
[[nodiscard]] std::span<const row> restraint_rows();
[[nodiscard]] std::span<const row> unreachable_rows();

/// The row of a requirement for a kind of peer; where there is none, that for others; or null.
[[nodiscard]] const row* row_of(std::string_view key, unsigned peer = fits::all);

/// The front of every request.
inline raw head(const moqt::wire_rules& rules, moqt::request_id id) {
    raw out{rules};
    out.v(id);
    if (rules.required_request_delta) out.v(0);
    return out;
}
/// A PUBLISH_NAMESPACE up to the number of its parameters.
inline raw announcement(side& at, moqt::request_id id, const moqt::track_namespace& space) {
    return {at.rules(),
            body_before_parameters(at.rules(), moqt::msg::publish_namespace{id, space.view(), {}})};
}
/// A SUBSCRIBE up to the number of its parameters.
inline raw subscription(side& at, moqt::request_id id, const moqt::full_track_name& name) {
    return {at.rules(),
            body_before_parameters(
                at.rules(), moqt::msg::subscribe{id, name.space.view(), as_bytes(name.name), {}})};
}
/// A GOAWAY for a control stream: none of the peer's requests was processed.
inline moqt::msg::goaway goodbye(const side& at, std::string_view uri = {}) {
    moqt::msg::goaway out{as_bytes(uri)};
    if (at.rules().goaway_request) out.request_id = at.client() ? 1 : 0;
    return out;
}
/// What the peer said in its SETUP; borrows from the side.
[[nodiscard]] moqt::setup_options peer_options(const side& at);

} // namespace moqrtc::conformance
