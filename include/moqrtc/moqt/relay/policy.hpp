#pragma once

#include <moqrtc/moqt/codes.hpp>
#include <moqrtc/moqt/name.hpp>
#include <moqrtc/moqt/relay/event.hpp>
#include <moqrtc/moqt/session/event.hpp>
#include <moqrtc/moqt/token.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moqrtc::moqt {

/// What a policy says to a request.
struct decision {
    bool allowed = true;
    request_error_code code = request_error_code::unauthorized;
    std::string reason{};

    [[nodiscard]] static decision allow() { return {}; }
    [[nodiscard]] static decision refuse(request_error_code code, std::string reason) {
        return {false, code, std::move(reason)};
    }
};

/// Who may do what; asked before a relay accepts anything.
///
/// Spec    moq-transport, anchors `subscriber-interactions` and `publisher-interactions`: every
///         subscriber and publisher is checked for every track and namespace of its own.
class policy {
public:
    virtual ~policy() = default;
    /// Why a client of native QUIC gets no session where it came in (`info.door`); none: it does.
    /// WebTransport has answered its CONNECT request before. Spec: anchor `path`.
    [[nodiscard]] virtual std::optional<close_code> turns_away(const session_info& /*info*/) {
        return std::nullopt;
    }
    /// `space` is the namespace or prefix; `track` is empty for namespace requests. `tokens` are
    /// the request's, with aliases resolved, and live for the call only.
    [[nodiscard]] virtual decision decide(session_key session, const session_info& info,
                                          request_kind kind, const track_namespace& space,
                                          std::string_view track,
                                          std::span<const authorization_token> tokens) = 0;
};

/// The policy of a relay that is open to everybody.
class allow_all final : public policy {
public:
    [[nodiscard]] decision decide(session_key, const session_info&, request_kind,
                                  const track_namespace&, std::string_view,
                                  std::span<const authorization_token>) override {
        return decision::allow();
    }
};

} // namespace moqrtc::moqt
