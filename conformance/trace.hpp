#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/hex.hpp>
#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/draft.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace moqrtc::conformance {

/// One thing that went over a connection, or a remark of the row about it.
struct trace_entry {
    enum class kind : std::uint8_t { sent, received, note };
    kind what = kind::note;
    unsigned side = 0; ///< which connection of the row
    duration at{};     ///< since the row began
    std::string text;  ///< decoded
    std::string hex;   ///< of the bytes, cut after `most_bytes`
    std::size_t size = 0;
};

/// What happened in a row, in order; long ones are cut in the middle of nothing: the end is lost
/// and counted.
class trace {
public:
    static constexpr std::size_t most_entries = 400;
    static constexpr std::size_t most_bytes = 512;

    void add(trace_entry::kind what, unsigned side, duration at, std::string text,
             bytes data = {}) {
        if (entries.size() == most_entries) {
            ++left_out;
            return;
        }
        const auto shown = data.first(std::min(data.size(), most_bytes));
        entries.push_back({what, side, at, std::move(text), hex_encode(shown), data.size()});
    }

    std::vector<trace_entry> entries{};
    std::size_t left_out = 0;
};

/// A control message as text, `NAME{field=value, ...}`, or why it is none.
[[nodiscard]] std::string describe_message(const moqt::wire_rules& rules, std::uint64_t type,
                                           bytes body);

} // namespace moqrtc::conformance
