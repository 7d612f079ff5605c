#include "http_message.hpp"

#include <algorithm>

namespace moqrtc::reference {
namespace {

/// RFC 9110, 13.1.2: a list of tags, weak ones are as good as strong ones here, `*` is any.
bool matches(std::string_view list, std::string_view tag) {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        auto one = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        while (!one.empty() && (one.front() == ' ' || one.front() == '\t'))
            one.remove_prefix(1);
        while (!one.empty() && (one.back() == ' ' || one.back() == '\t'))
            one.remove_suffix(1);
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == tag || one == "*") return true;
    }
    return false;
}

} // namespace

http_response plain_text(unsigned status, std::string_view text) {
    http_response out;
    out.status = status;
    out.body.append(text).append("\n");
    return out;
}

http_response unless_known(const http_request& request, http_response answer) {
    if (answer.status != 200 || answer.etag.empty() || !matches(request.if_none_match, answer.etag))
        return answer;
    answer.status = 304;
    answer.body.clear();
    answer.embedded = {};
    return answer;
}

std::vector<std::pair<std::string_view, std::string>> fields_of(const http_response& answer) {
    std::vector<std::pair<std::string_view, std::string>> out{
        {"server", "moqrtc"},
        {"content-type", answer.content_type},
        {"cache-control", answer.etag.empty() ? "no-store" : "no-cache"},
        {"x-content-type-options", "nosniff"},
        {"referrer-policy", "no-referrer"},
        {"content-security-policy",
         answer.policy.empty() ? "default-src 'none'; frame-ancestors 'none'" : answer.policy},
    };
    if (!answer.etag.empty()) out.emplace_back("etag", answer.etag);
    if (answer.is_door) out.emplace_back("x-moq-door", "1");
    if (answer.any_origin) out.emplace_back("access-control-allow-origin", "*");
    if (answer.status == 405)
        out.emplace_back("allow", answer.allow.empty() ? "GET, HEAD" : answer.allow);
    if (answer.retry_after != 0)
        out.emplace_back("retry-after", std::to_string(answer.retry_after));
    if (!answer.location.empty()) out.emplace_back("location", answer.location);
    if (!answer.authenticate.empty()) out.emplace_back("www-authenticate", answer.authenticate);
    return out;
}

} // namespace moqrtc::reference
