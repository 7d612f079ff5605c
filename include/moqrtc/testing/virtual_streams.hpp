#pragma once

#include <moqrtc/core/id_map.hpp>
#include <moqrtc/testing/virtual_stream.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace moqrtc::testing {

/// The open streams of a link, found by their number on the wire and by the name that the session
/// which opened them uses.
class virtual_streams {
public:
    [[nodiscard]] std::size_t size() const noexcept { return by_wire_.size(); }

    [[nodiscard]] virtual_stream* find_wire(moqt::stream_id wire) noexcept {
        const auto found = by_wire_.find(wire);
        return found == id_map::none ? nullptr : &streams_[found];
    }
    /// The stream that the session of `side` calls `name`.
    [[nodiscard]] virtual_stream* find(int side, moqt::stream_id name) noexcept {
        if ((moqt::opened_by_server(name) ? 1 : 0) != side) return find_wire(name);
        const auto found = by_local_[place_of(side)].find(name);
        return found == id_map::none ? nullptr : &streams_[found];
    }
    /// Opens the next stream of the kind of `local`; pointers to other streams become invalid.
    [[nodiscard]] virtual_stream& open(int side, moqt::stream_id local, std::uint64_t window) {
        std::uint32_t place = 0;
        if (free_.empty()) {
            place = static_cast<std::uint32_t>(streams_.size());
            streams_.emplace_back();
        } else {
            place = free_.back();
            free_.pop_back();
        }
        auto& fresh = streams_[place];
        fresh = {};
        fresh.wire = opened_[local & 3]++ << 2 | (local & 3);
        fresh.local = local;
        for (auto& half : fresh.sending)
            half.limit = window;
        for (auto& half : fresh.receiving)
            half.granted = window;
        by_wire_.set(fresh.wire, place);
        by_local_[place_of(side)].set(local, place);
        return fresh;
    }
    void release(virtual_stream& stream) {
        free_.push_back(by_wire_.find(stream.wire));
        by_wire_.erase(stream.wire);
        by_local_[place_of(stream.opener())].erase(stream.local);
        stream = {};
    }

private:
    [[nodiscard]] static std::size_t place_of(int side) noexcept {
        return static_cast<std::size_t>(side);
    }

    std::vector<virtual_stream> streams_;
    std::vector<std::uint32_t> free_;
    std::array<std::uint64_t, 4> opened_{}; ///< by the two low bits of a stream's number
    std::array<id_map, 2> by_local_;
    id_map by_wire_{};
};

} // namespace moqrtc::testing
