#pragma once

#include <moqrtc/core/error.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/limits.hpp>

#include <optional>

namespace moqrtc::moqt {

/// Cuts a control or request stream into messages: type, length in 16 bits, body.
///
/// Spec    moq-transport, anchor `control-messages`.
class control_framer {
public:
    /// Borrows `body` points into `in` or into the framer, valid until the next call.
    struct message {
        std::uint64_t type = 0;
        bytes body{};
    };

    /// Takes bytes from the front of `in` and returns the next whole message; none when more bytes
    /// are needed, and `in` is empty then.
    ///
    /// Errors  bad_value for a type that is no integer of the draft, out_of_memory.
    [[nodiscard]] result<std::optional<message>> next(const wire_rules& rules, bytes& in,
                                                      buffer_pool& pool) {
        if (delivered_) {
            carry_.clear();
            delivered_ = false;
        }
        if (carry_.size() == 0) {
            const auto whole = measure(rules, in);
            if (!whole) return std::unexpected(whole.error());
            if (*whole != 0 && *whole <= in.size()) {
                const auto found = cut(rules, in.first(*whole));
                in = in.subspan(*whole);
                return found;
            }
        }
        while (!in.empty()) {
            const auto whole = measure(rules, carry_.view());
            if (!whole) return std::unexpected(whole.error());
            // Without a length yet, go on byte by byte; the head is at most eleven bytes.
            const std::size_t want = *whole == 0 ? 1 : *whole - carry_.size();
            const auto part = in.first(std::min(want, in.size()));
            if (!carry_.append(pool, part)) return fail(errc::out_of_memory, "control message");
            in = in.subspan(part.size());
            if (*whole != 0 && carry_.size() == *whole) return deliver(rules);
            const auto now_whole = measure(rules, carry_.view());
            if (!now_whole) return std::unexpected(now_whole.error());
            if (*now_whole != 0 && carry_.size() == *now_whole) return deliver(rules);
        }
        return std::nullopt;
    }

    /// Whether a message has begun and is not complete: a stream may not end here.
    [[nodiscard]] bool midway() const noexcept { return !delivered_ && carry_.size() != 0; }
    void clear() noexcept {
        carry_ = buffer{};
        delivered_ = false;
    }

private:
    [[nodiscard]] std::optional<message> deliver(const wire_rules& rules) {
        delivered_ = true;
        return cut(rules, carry_.view());
    }
    /// Size of the message that starts here, 0 while its head is incomplete.
    [[nodiscard]] static result<std::size_t> measure(const wire_rules& rules, bytes in) noexcept {
        if (in.empty()) return 0u;
        const auto head = varint_length(rules.varint, in[0]);
        if (head == 0) return fail(errc::bad_value, "message type");
        if (in.size() < head + 2) return 0u;
        return head + 2 + static_cast<std::size_t>(load_be<2>(in.subspan(head)));
    }
    [[nodiscard]] static std::optional<message> cut(const wire_rules& rules, bytes whole) noexcept {
        const auto type = decode_varint(rules.varint, whole.data(), whole.size());
        return message{type.value, whole.subspan(type.size + 2)};
    }

    buffer carry_;
    bool delivered_ = false;
};

} // namespace moqrtc::moqt
