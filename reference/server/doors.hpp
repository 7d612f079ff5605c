#pragma once

#include "common/socket_address.hpp"

#include <moqrtc/webtransport/field.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// Who asks for a session where, before anything of it exists.
struct door_request {
    std::string_view path;      ///< without the query
    std::string_view query;     ///< without the question mark
    std::string_view authority; ///< host and port by which the client calls us
    std::string_view origin;    ///< of the page that asks; empty: no browser
    std::string_view peer;      ///< address
    /// The request's fields, null where the question is only what the answer would be.
    const webtransport::field_list* fields = nullptr;
    socket_address from{}; ///< `peer`, where it is a peer
};

/// The HTTP status that a session is refused with: 401, 403, 404, 429; or 200.
struct door_answer {
    unsigned status = 200;
    std::string_view why{}; ///< for the log; static text
    /// With 200: what the session is to know of how it came in; whose type the policy knows.
    std::shared_ptr<const void> pass{};
};

/// Decides who gets a session. Asked on the threads of the data plane, and by several at a time.
class door_policy {
public:
    virtual ~door_policy() = default;
    [[nodiscard]] virtual door_answer decide(const door_request& request) const = 0;
};

/// The doors without tokens: `/moq` and `/` lead to everything, `/publish/ID` and `/playback/ID`
/// are known by name; pages of other hosts stay outside.
class open_doors final : public door_policy {
public:
    struct config {
        /// Origins that may ask, as `https://host[:port]` or as a host; `any` is everybody, `same`
        /// is the host that the request is for.
        std::vector<std::string> origins{"same"};
        std::vector<std::string> names; ///< that we are called by besides addresses and localhost
    };
    explicit open_doors(config settings) : config_{std::move(settings)} {}

    [[nodiscard]] door_answer decide(const door_request& request) const override;

private:
    [[nodiscard]] bool admits(std::string_view origin, std::string_view authority) const;

    config config_;
};

/// What `text` of a URL's query stands for; empty when an escape is broken.
[[nodiscard]] std::string unescape(std::string_view text);
/// The value of `name` in a query, unescaped; empty when it is not there.
[[nodiscard]] std::string query_value(std::string_view query, std::string_view name);

} // namespace moqrtc::reference
