#include "decode.hpp"

#include <moqrtc/moqt/data/datagram.hpp>
#include <moqrtc/moqt/data/fetch_object.hpp>
#include <moqrtc/moqt/data/stream_type.hpp>
#include <moqrtc/moqt/data/subgroup.hpp>
#include <moqrtc/moqt/msg/all.hpp>

namespace moqrtc::reference {

namespace {

using tracer = traced_reader<moqt::wire_rules>;

std::unexpected<error> failure_of(const tracer& io, std::size_t base, const char* where) {
    auto out = io.failure();
    out.offset += static_cast<std::uint32_t>(base);
    out.where = where;
    return std::unexpected(out);
}

} // namespace

result<void> decode_messages(const moqt::wire_rules& rules, bytes in, field_lines& out) {
    constexpr auto where = "control message, control-messages";
    std::size_t at = 0;
    while (at < in.size()) {
        tracer head{rules, in.subspan(at), at, out};
        std::uint64_t type = 0;
        std::uint16_t length = 0;
        head.varint("message type", type);
        head.u16("message length", length);
        if (!head.ok()) return failure_of(head, at, where);
        const auto body = at + head.position();
        if (length > in.size() - body)
            return fail(errc::truncated, "message length", static_cast<std::uint32_t>(at), where);
        result<void> done;
        const bool known = moqt::msg::all::dispatch(rules, type, [&]<class M> {
            out.add(body, M::name, "");
            out.indent();
            tracer io{rules, in.subspan(body, length), body, out};
            M message{};
            M::describe(io, message);
            if (io.ok() && io.left() != 0) io.fail(errc::trailing, "end of message");
            if (!io.ok()) done = failure_of(io, body, M::where);
            out.outdent();
        });
        if (!known)
            return fail(errc::unknown_type, "message type", static_cast<std::uint32_t>(at), where);
        if (!done) return done;
        at = body + length;
    }
    if (in.empty()) return fail(errc::truncated, "message type", 0, where);
    return {};
}

result<void> decode_stream(const moqt::wire_rules& rules, bytes in, field_lines& out) {
    tracer io{rules, in, 0, out};
    std::uint64_t type = 0;
    io.varint("stream type", type);
    const char* where = "unidirectional stream, stream-types";
    if (!io.ok()) return failure_of(io, 0, where);
    const auto kind = moqt::classify_stream(rules, type);
    moqt::subgroup_header header;
    bytes payload;
    switch (kind) {
    case moqt::stream_kind::subgroup:
        header = moqt::subgroup_header::of_type(type);
        where = moqt::subgroup_header::where;
        moqt::subgroup_header::describe(io, header);
        break;
    case moqt::stream_kind::fetch: {
        moqt::fetch_header fetch;
        where = moqt::fetch_header::where;
        moqt::fetch_header::describe(io, fetch);
        break;
    }
    case moqt::stream_kind::padding:
        io.rest("padding", payload);
        return {};
    case moqt::stream_kind::control:
    case moqt::stream_kind::invalid:
        return fail(errc::unknown_type, "stream type", 0, where);
    }
    std::optional<std::uint64_t> previous;
    while (io.ok() && io.left() != 0) {
        std::uint64_t size = 0;
        if (kind == moqt::stream_kind::subgroup) {
            moqt::subgroup_object_header object;
            object.has_properties = header.properties;
            where = moqt::subgroup_object_header::where;
            out.add(io.position(), "object", "");
            out.indent();
            const auto start = io.position();
            moqt::subgroup_object_header::describe(io, object);
            if (io.ok()) {
                const auto id = moqt::object_id_after(rules, previous, object.object_id_delta);
                if (!id)
                    return fail(id.error().code, "object_id_delta",
                                static_cast<std::uint32_t>(start), where);
                previous = *id;
                out.add(start, "= object ID", std::to_string(*id));
            }
            size = object.payload_length;
        } else {
            moqt::fetch_object_header object;
            where = moqt::fetch_object_header::where;
            out.add(io.position(), "entry", "");
            out.indent();
            moqt::fetch_object_header::describe(io, object);
            size = object.payload_length;
        }
        if (io.ok() && size > io.left()) io.fail(errc::truncated, "payload");
        if (io.ok() && size != 0) io.raw("payload", payload, static_cast<std::size_t>(size));
        out.outdent();
    }
    if (!io.ok()) return failure_of(io, 0, where);
    return {};
}

result<void> decode_datagram(const moqt::wire_rules& rules, bytes in, field_lines& out) {
    tracer io{rules, in, 0, out};
    moqt::object_datagram datagram;
    moqt::object_datagram::describe(io, datagram);
    if (io.ok() && io.left() != 0) io.fail(errc::trailing, "object_status");
    if (!io.ok()) return failure_of(io, 0, moqt::object_datagram::where);
    return {};
}

} // namespace moqrtc::reference
