#pragma once

#include <moqrtc/core/printer.hpp>
#include <moqrtc/core/reader.hpp>
#include <moqrtc/core/sampler.hpp>
#include <moqrtc/core/sizer.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/draft.hpp>
#include <moqrtc/moqt/limits.hpp>

#include <cstdint>
#include <string>

/// What every control message offers from its one description: parse, serialize, size, print.
///
/// A message type has `name`, `where` (for errors), `describe(io, m)` and `code(rules)`, its type
/// on the wire in that draft, or `no_code` where the draft does not define it.
namespace moqrtc::moqt {

inline constexpr std::uint64_t no_code = UINT64_MAX;

/// Parses the body of a control message (without type and length).
///
/// Borrows the result's byte strings point into `body`.
/// Errors  the first field that is wrong, with its offset in `body`; `trailing` when bytes are
/// left.
template <class M>
[[nodiscard]] constexpr result<M> parse(const wire_rules& rules, bytes body) {
    reader io{rules, body};
    result<M> message{std::in_place}; // filled where it is returned
    M::describe(io, *message);
    if (io.ok() && io.left() != 0) io.fail(errc::trailing, "end of message");
    if (!io.ok()) [[unlikely]] {
        auto failure = io.failure();
        failure.where = M::where;
        message = std::unexpected(failure);
    }
    return message;
}

/// Exact size of the body that `serialize` writes.
template <class M>
[[nodiscard]] constexpr std::size_t wire_size(const wire_rules& rules, const M& message) {
    sizer io{rules};
    M::describe(io, message);
    return io.position();
}

/// Writes the body into `out` and returns its size.
///
/// Errors  no_space, not_in_draft (the draft lacks a field that is set), bad_value, limit.
template <class M>
[[nodiscard]] constexpr result<std::size_t> serialize(const wire_rules& rules, const M& message,
                                                      mutable_bytes out) {
    writer io{rules, out};
    M::describe(io, message);
    if (io.ok()) [[likely]]
        return io.position();
    auto failure = io.failure();
    failure.where = M::where;
    return std::unexpected(failure);
}

/// Writes a whole message, type and length included. Spec: anchor `control-messages`: the length
/// has 16 bits in every draft.
template <class M>
[[nodiscard]] constexpr result<std::size_t> serialize_framed(const wire_rules& rules,
                                                             const M& message, mutable_bytes out) {
    const auto code = M::code(rules);
    if (code == no_code) return fail(errc::not_in_draft, "message type", 0, M::where);
    writer io{rules, out};
    io.varint("message type", code);
    io.u16("message length", 0);
    const auto head = io.position();
    M::describe(io, message);
    const auto total = io.position();
    io.check(total - head <= limits::message_body, "message length", errc::limit);
    if (io.ok()) [[likely]] {
        store_be<2>(out.subspan(head - 2), total - head);
        return total;
    }
    auto failure = io.failure();
    failure.where = M::where;
    return std::unexpected(failure);
}

/// Size of what `serialize_framed` writes.
template <class M>
[[nodiscard]] constexpr std::size_t framed_size(const wire_rules& rules, const M& message) {
    return varint_size(rules.varint, M::code(rules)) + 2 + wire_size(rules, message);
}

/// `NAME{field=value, …}`, for logs, traces and documents.
template <class M>
[[nodiscard]] std::string to_text(const wire_rules& rules, const M& message) {
    std::string out{M::name};
    string_sink sink{out};
    printer io{rules, sink};
    io.open();
    M::describe(io, message);
    io.close();
    return out;
}

/// A message with legal random content.
template <class M>
[[nodiscard]] constexpr M sample(const wire_rules& rules, std::uint64_t seed, bytes pool) {
    sampler io{rules, seed, pool};
    M message{};
    M::describe(io, message);
    return message;
}

} // namespace moqrtc::moqt
