#pragma once

#include "http_message.hpp"

#include <boost/beast/http/message.hpp>

#include <algorithm>
#include <string>

namespace moqrtc::reference {

/// What Beast read of a request's head, as handlers get it; all but its body, the peer and whether
/// the line was secure.
template <class Body>
[[nodiscard]] http_request read_fields_of(const boost::beast::http::request<Body>& from) {
    using boost::beast::http::field;
    const auto text = [](const auto& view) { return std::string{view.data(), view.size()}; };
    const auto target = from.target();
    const auto mark = std::min(target.find('?'), target.size());
    http_request out{text(target.substr(0, mark)),
                     text(target.substr(std::min(mark + 1, target.size()))),
                     text(from[field::host]), text(from[field::if_none_match])};
    const bool head = from.method() == boost::beast::http::verb::head;
    out.method = head ? "GET" : text(from.method_string());
    out.authorization = text(from[field::authorization]);
    out.origin = text(from[field::origin]);
    out.content_type = text(from[field::content_type]);
    out.idempotency_key = text(from["idempotency-key"]);
    return out;
}

} // namespace moqrtc::reference
