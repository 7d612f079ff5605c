#pragma once

#include "server/http_message.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace moqrtc::reference {

/// Why a request of the API is refused. Thrown by whoever finds out, answered by the dispatcher as
/// `application/problem+json`.
///
/// Spec    RFC 9457
struct api_problem {
    unsigned status = 400;
    std::string_view kind{}; ///< one word, the end of the problem's type URI; literal
    std::string detail{};
    std::string field{};      ///< of the body or the query that is wrong; empty: none
    unsigned retry_after = 0; ///< seconds; 0: it says nothing
};

[[nodiscard]] inline api_problem wrong_field(std::string field, std::string detail) {
    return {422, "invalid", std::move(detail), std::move(field), 0};
}
[[nodiscard]] inline api_problem not_found(std::string_view what) {
    return {404, "not-found", "there is no such " + std::string{what}, {}, 0};
}

[[nodiscard]] http_response problem_response(const api_problem& problem);

} // namespace moqrtc::reference
