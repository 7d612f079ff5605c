#pragma once

#include <moqrtc/moqt/draft.hpp>

#include <vector>

namespace moqrtc::moqt {

/// The spoken drafts that the lists of MUSTs begin with: 16 and later. What 14, 15 and 17 have of
/// their own is in `session/older_drafts_test.cpp` and in the vectors.
[[nodiscard]] inline std::vector<draft> listed_drafts() {
    std::vector<draft> out;
    for (const auto d : spoken_drafts)
        if (rules_for(d).namespace_streams) out.push_back(d);
    return out;
}

} // namespace moqrtc::moqt
