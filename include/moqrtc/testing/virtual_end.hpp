#pragma once

#include <moqrtc/testing/virtual_path.hpp>
#include <moqrtc/testing/virtual_stream.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace moqrtc::testing {

/// What a link knows of one of its two ends.
template <class Endpoint>
struct virtual_end {
    virtual_end(Endpoint& of, const path_config& config, std::uint64_t seed)
        : owner{&of}, path{config, seed} {}

    [[nodiscard]] auto& session() const { return owner->session(); }

    Endpoint* owner;
    virtual_path path; ///< away from this end
    bool closed = false;
    bool waits_for_room = false;
    instant timer = never;                  ///< the earliest timer that waits in the timeline
    std::array<std::uint64_t, 2> credit{};  ///< bidirectional, unidirectional
    std::vector<moqt::stream_id> waiting{}; ///< wire numbers whose input was not taken whole
};

} // namespace moqrtc::testing
