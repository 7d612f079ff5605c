#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// What is asked, over whichever version of HTTP. Bodies are there where the listener takes some.
struct http_request {
    std::string path;           ///< without the query
    std::string query;          ///< without the question mark
    std::string host;           ///< as the client wrote it, with its port; empty when it did not
    std::string if_none_match;  ///< empty: the answer is wanted whatever it is
    std::string method = "GET"; ///< HEAD is told as GET
    std::string authorization{};
    std::string origin{}; ///< of the page that asks; empty: no page
    std::string content_type{};
    std::string idempotency_key{};
    std::string peer{};  ///< address, without the port
    bool secure = false; ///< it came over TLS
    std::string body{};
};

/// Takes a piece of a stream of events; false: whoever listened is gone. Call it from any thread.
using event_sink = std::function<bool(const std::string& text)>;

struct http_response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body{};
    std::string_view embedded{}; ///< instead of a body: bytes that live as long as the program
    bool is_door = false;        ///< the status is that of a door (`x-moq-door: 1`)
    bool any_origin = false;     ///< pages of other hosts may read it
    std::string etag{};         ///< in quotes; given, clients may keep the body and ask if it holds
    std::string policy{};       ///< Content-Security-Policy; empty: the answer is no page
    std::string allow{};        ///< with 405: the methods that there are
    unsigned retry_after = 0;   ///< seconds
    std::string location{};     ///< of what was made
    std::string authenticate{}; ///< with 401: how
    /// Given, the body is only the beginning of a stream of events: called once with where its
    /// pieces go.
    std::function<void(event_sink)> events{};

    [[nodiscard]] std::string_view content() const noexcept {
        return body.empty() ? embedded : std::string_view{body};
    }
};

[[nodiscard]] http_response plain_text(unsigned status, std::string_view text);

/// The same answer, or 304 without a body when the client has it already.
[[nodiscard]] http_response unless_known(const http_request& request, http_response answer);

/// The fields that go with an answer, names in lower case; all but its length.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string>>
fields_of(const http_response& answer);

} // namespace moqrtc::reference
