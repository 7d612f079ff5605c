#pragma once

#include <moqrtc/core/error.hpp>
#include <moqrtc/webtransport/field.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moqrtc::webtransport {

/// What a field section is, which decides on the pseudo-header fields it has.
enum class section_kind : std::uint8_t { request, response, trailers };

/// What a well-formed field section says.
///
/// Borrows from the list of fields.
struct message_head {
    std::string_view method{};
    std::string_view scheme{};
    std::string_view authority{}; ///< `:authority`, else Host
    std::string_view path{};
    std::string_view protocol{}; ///< of extended CONNECT, else empty
    std::uint16_t status = 0;
    std::optional<std::uint64_t> content_length{};

    [[nodiscard]] bool is_connect() const noexcept { return method == "CONNECT"; }
};

namespace detail {

[[nodiscard]] constexpr bool is_token_character(char c) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
}
[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    for (const char c : text)
        if (!is_token_character(c)) return false;
    return !text.empty();
}
/// A sentence of RFC 9114 section 4.2: upper case in a field name makes the message malformed.
[[nodiscard]] constexpr bool is_field_name(std::string_view name) noexcept {
    for (const char c : name)
        if (c >= 'A' && c <= 'Z') return false;
    return is_token(name);
}
[[nodiscard]] constexpr bool is_field_value(std::string_view value) noexcept {
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t') || byte == 0x7f) return false;
    }
    return true;
}
[[nodiscard]] constexpr bool is_connection_specific(const field& each) noexcept {
    constexpr std::array<std::string_view, 5> names{"connection", "keep-alive", "proxy-connection",
                                                    "transfer-encoding", "upgrade"};
    for (const auto name : names)
        if (each.name == name) return true;
    return each.name == "te" && each.value != "trailers";
}
[[nodiscard]] constexpr std::optional<std::uint64_t>
parse_content_length(std::string_view text) noexcept {
    std::uint64_t value = 0;
    if (text.empty() || text.size() > 18) return std::nullopt;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}
[[nodiscard]] constexpr std::optional<std::uint16_t> parse_status(std::string_view text) noexcept {
    const auto value = text.size() == 3 ? parse_content_length(text) : std::nullopt;
    if (!value || *value < 100 || *value > 599) return std::nullopt;
    return static_cast<std::uint16_t>(*value);
}

/// Collects a section's fields and notes the first thing that makes the message malformed.
class head_checker {
public:
    explicit constexpr head_checker(section_kind kind) noexcept : kind_{kind} {}

    [[nodiscard]] constexpr const char* add(const field& each) noexcept {
        if (!is_field_value(each.value)) return "field value";
        if (each.name.starts_with(':')) return pseudo(each);
        regular_seen_ = true;
        if (!is_field_name(each.name)) return "field name";
        if (is_connection_specific(each)) return "connection-specific field";
        if (each.name == "host") {
            if (host_ && *host_ != each.value) return "host";
            host_ = each.value;
        } else if (each.name == "content-length") {
            const auto length = parse_content_length(each.value);
            if (!length || (head_.content_length && *head_.content_length != *length))
                return "content-length";
            head_.content_length = length;
        }
        return nullptr;
    }
    [[nodiscard]] constexpr const char* finish() noexcept {
        if (kind_ == section_kind::response && head_.status == 0) return ":status";
        if (kind_ == section_kind::request) return finish_request();
        return nullptr;
    }
    [[nodiscard]] constexpr const message_head& head() const noexcept { return head_; }

private:
    enum bits : unsigned { method = 1, scheme = 2, authority = 4, path = 8, protocol = 16 };

    /// RFC 9114 section 4.3: defined ones only, each once, before all others, none in trailers.
    [[nodiscard]] constexpr const char* pseudo(const field& each) noexcept {
        if (regular_seen_) return "pseudo-header field after another";
        if (kind_ == section_kind::response) {
            const auto status = parse_status(each.value);
            if (each.name != ":status" || head_.status != 0 || !status) return ":status";
            head_.status = *status;
            return nullptr;
        }
        if (kind_ == section_kind::trailers) return "pseudo-header field in trailers";
        if (each.name == ":method") return once(method, head_.method, each.value);
        if (each.name == ":scheme") return once(scheme, head_.scheme, each.value);
        if (each.name == ":authority") return once(authority, head_.authority, each.value);
        if (each.name == ":path") return once(path, head_.path, each.value);
        if (each.name == ":protocol") return once(protocol, head_.protocol, each.value);
        return "unknown pseudo-header field";
    }
    [[nodiscard]] constexpr const char* once(bits which, std::string_view& place,
                                             std::string_view value) noexcept {
        if ((seen_ & which) != 0) return "duplicate pseudo-header field";
        seen_ |= which;
        place = value;
        return nullptr;
    }
    /// RFC 9114 sections 4.3.1 and 4.4, RFC 8441 section 4.
    [[nodiscard]] constexpr const char* finish_request() noexcept {
        if (!is_token(head_.method)) return ":method";
        if ((seen_ & authority) == 0 && host_) head_.authority = *host_;
        if ((seen_ & authority) != 0 && host_ && *host_ != head_.authority)
            return ":authority and host differ";
        const bool extended = (seen_ & protocol) != 0;
        if (head_.is_connect() && !extended)
            return (seen_ & (scheme | path)) == 0 && !head_.authority.empty() ? nullptr : "CONNECT";
        if (extended && (!head_.is_connect() || !is_token(head_.protocol))) return ":protocol";
        if (head_.scheme.empty()) return ":scheme";
        if (head_.path.empty()) return ":path";
        if (head_.scheme != "https" && head_.scheme != "http") return nullptr;
        if (head_.authority.empty() || head_.authority.find('@') != std::string_view::npos)
            return ":authority";
        const bool star = head_.path == "*" && head_.method == "OPTIONS";
        return head_.path.starts_with('/') || star ? nullptr : ":path";
    }

    section_kind kind_;
    message_head head_{};
    std::optional<std::string_view> host_{};
    unsigned seen_ = 0;
    bool regular_seen_ = false;
};

} // namespace detail

/// Checks a field section that arrived.
///
/// Spec    RFC 9114 sections 4.1.2, 4.2, 4.3, 4.4; RFC 8441 section 4.
/// Errors  bad_value: the message is malformed; `field` names the rule.
[[nodiscard]] inline result<message_head> check_head(section_kind kind, const field_list& fields) {
    detail::head_checker checker{kind};
    for (const auto each : fields)
        if (const auto* problem = checker.add(each))
            return fail(errc::bad_value, problem, 0, "field section, RFC 9114 4.3");
    if (const auto* problem = checker.finish())
        return fail(errc::bad_value, problem, 0, "field section, RFC 9114 4.3");
    return checker.head();
}

/// Whether a field that an application adds may be sent: lower case, no pseudo-header field, none
/// of those that belong to connections, nothing that could break out of the field.
[[nodiscard]] constexpr bool may_send(const field& each) noexcept {
    return detail::is_field_name(each.name) && detail::is_field_value(each.value) &&
           !detail::is_connection_specific(each);
}

} // namespace moqrtc::webtransport
