#pragma once

#include "interop_stage.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// A case of `interop`. `play` returns when it has passed; it throws `interop_failure` or
/// `interop_skip` otherwise.
struct interop_case {
    std::string_view name;
    duration limit;
    void (*play)(interop_stage& stage);
};

/// Fails the case unless what arrived is what was sent, byte for byte, each object once and in
/// order within its group. What was sent before `from` may be there or not; marks of an end are no
/// objects.
void compare_objects(const std::vector<interop_object>& sent,
                     const std::vector<interop_object>& arrived, moqt::location from = {});

/// The interop runner's cases under the runner's names, in its order.
[[nodiscard]] std::span<const interop_case> runner_cases();
/// Cases that compare delivered bytes.
[[nodiscard]] std::span<const interop_case> data_cases();

} // namespace moqrtc::reference
