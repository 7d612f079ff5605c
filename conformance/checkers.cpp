#include "checker_kinds.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace moqrtc::conformance {

using namespace moqt;

verdict checker::judge() const {
    if (wrongs_ != 0)
        return fail(first_ + (wrongs_ == 1 ? std::string{}
                                           : " (and " + std::to_string(wrongs_ - 1) + " more)"));
    if (occasions_ == 0) return undecided("no occasion: " + std::string{why_no_occasion(key_)});
    return pass("kept on " + std::to_string(occasions_) + " occasions");
}

void checker::wrong(std::string_view where, std::string what) {
    if (++wrongs_ == 1) first_ = std::string{where} + ": " + what;
}

namespace {

/// Answers of the peer to requests of type `code`; fewer are no violation while a row ends early.
auto one_answer(std::uint64_t (*code)(const wire_rules&)) {
    return [code](const side& at, auto occasion, auto wrong) {
        for (const auto& r : at.asked) {
            if (r.type != code(at.rules())) continue;
            std::size_t answers = 0;
            // The answers to updates come on the same stream, or with an ID of their own.
            for (auto i = r.what.since; i < at.inbox.size(); ++i) {
                const auto& m = at.inbox[i];
                const auto name = msg::name_of(at.rules(), m.type);
                if (m.stream != r.what.stream || (!name.ends_with("_OK") && !is_error(at, m)))
                    continue;
                if (!at.rules().request_streams) {
                    const auto id = decode_varint(at.rules().varint, m.body.data(), m.body.size());
                    if (id.size == 0 || id.value != r.what.id) continue;
                }
                ++answers;
            }
            const auto updates =
                static_cast<std::size_t>(std::ranges::count(at.updated, r.what.stream));
            if (answers != 0) occasion();
            if (answers > 1 + (at.rules().request_streams ? updates : 0))
                wrong(std::to_string(answers) + " answers to one request");
        }
    };
}

} // namespace

std::vector<std::unique_ptr<checker>> make_checkers(const target_info& target) {
    std::vector<std::unique_ptr<checker>> out;
    const bool server = target.peer == peer_kind::relay;
    add_message_checkers(out);

    const auto client_option = [&](std::string_view key, bool path) {
        if (server) return;
        add(out, key, fits::clients, [path, target](const side& at, auto occasion, auto wrong) {
            if (!at.met || at.webtransport) return;
            const auto options = peer_options(at);
            const auto& value = path ? options.path : options.authority;
            occasion();
            // Where this very client was sent, if that is not what all are told.
            const auto slash = std::min(at.place.find('/'), at.place.size());
            const auto sent_to = path ? at.place.substr(slash) : at.place.substr(0, slash);
            const auto& expected =
                !sent_to.empty() ? sent_to : (path ? target.path : target.authority);
            if (!value && !(path && expected.empty()))
                wrong(path ? "SETUP without PATH" : "SETUP without AUTHORITY");
            else if (value && !expected.empty() && as_text(*value) != expected)
                wrong(std::string{path ? "PATH" : "AUTHORITY"} + " is " +
                      std::string{as_text(*value)} + ", the URI says " + expected);
        });
    };
    client_option("MUST-18-118", false);
    client_option("MUST-18-119", true);
    add(out, "MUST-18-120", server || target.webtransport ? fits::all : fits::relay,
        [server](const side& at, auto occasion, auto wrong) {
            if (!at.met || (!server && !at.webtransport)) return;
            occasion();
            const auto options = peer_options(at);
            if (options.path) wrong("SETUP with PATH");
            if (options.authority) wrong("SETUP with AUTHORITY");
        });
    add(out, "MUST-16-103", fits::all, [](const side& at, auto occasion, auto wrong) {
        const auto check = [&](request_id id) {
            occasion();
            if (id >= 1000) wrong("Request ID " + std::to_string(id) + ", the limit is 1000");
        };
        each<msg::subscribe>(at, [&](const auto& m, const auto&) { check(m.request_id); });
        each<msg::publish>(at, [&](const auto& m, const auto&) { check(m.request_id); });
        each<msg::fetch>(at, [&](const auto& m, const auto&) { check(m.request_id); });
    });
    add(out, "MUST-16-104", fits::relay, [](const side& at, auto occasion, auto wrong) {
        auto last = peer_options(at).max_request_id.value_or(0);
        each<msg::max_request_id>(at, [&](const auto& m, const auto&) {
            occasion();
            if (m.limit <= last)
                wrong("MAX_REQUEST_ID " + std::to_string(m.limit) + " after " +
                      std::to_string(last));
            last = m.limit;
        });
    });
    add(out, "MUST-18-127", fits::clients, [server](const side& at, auto occasion, auto wrong) {
        if (server) return;
        each<msg::goaway>(at, [&](const auto& m, const auto&) {
            occasion();
            if (!m.new_session_uri.empty()) wrong("a client's GOAWAY with a URI");
        });
    });
    add(out, "MUST-18-135", publishing, one_answer(msg::subscribe::code));
    add(out, "MUST-18-136", fits::receivers, one_answer(msg::publish::code));
    add(out, "MUST-18-137", publishing, one_answer(msg::fetch::code));
    add(out, "MUST-18-138", fits::all, one_answer(msg::publish_namespace::code));
    add(out, "MUST-18-139", publishing, one_answer(msg::subscribe_namespace::code));
    add(out, "MUST-18-145", publishing, [](const side& at, auto occasion, auto wrong) {
        for (const auto& r : at.asked) {
            if (r.type != msg::fetch::code(at.rules())) continue;
            const auto* m = at.answer(r.what);
            if (m == nullptr || !is_error(at, *m)) continue;
            occasion();
            if (const auto got = fetched(at, r.what.id); got && !got->objects.empty())
                wrong("objects of a FETCH that was refused");
        }
    });
    add(out, "MUST-18-153", fits::receivers, [](const side& at, auto occasion, auto wrong) {
        each<msg::fetch>(at, [&](const msg::fetch& m, const auto&) {
            if (m.type != msg::fetch_type::standalone) return;
            occasion();
            if (!msg::fetch::ordered(m.start, m.end)) wrong("a FETCH that ends before it starts");
        });
    });
    add(out, "MUST-18-154", publishing, [](const side& at, auto occasion, auto wrong) {
        for (const auto& r : at.asked) {
            if (r.type != msg::fetch::code(at.rules())) continue;
            const auto got = fetched(at, r.what.id);
            if (!got || got->objects.size() < 2) continue;
            occasion();
            for (std::size_t i = 1; i < got->objects.size(); ++i)
                if (got->objects[i].location <= got->objects[i - 1].location)
                    wrong("objects of a FETCH out of order");
        }
    });
    add(out, "MUST-18-175", publishing, [](const side& at, auto occasion, auto wrong) {
        for (const auto& r : at.asked) {
            if (r.type != msg::fetch::code(at.rules())) continue;
            const auto got = fetched(at, r.what.id);
            if (!got || (got->objects.empty() && got->ends == 0)) continue;
            occasion();
            if (got->first_flags < 0x80 && (got->first_flags & 0x0c) != 0x0c)
                wrong("a first object without its group or ID");
        }
    });
    add(out, "MUST-18-167", publishing, [](const side& at, auto occasion, auto wrong) {
        std::map<std::tuple<track_alias, std::uint64_t, std::uint64_t>, stream_id> seen;
        for (const auto& [id, stream] : at.streams) {
            if (!is_unidirectional(id) || id == at.their_control) continue;
            const auto one = read_subgroup(at.rules(), id, stream.data);
            if (!one || one->objects.empty()) continue;
            occasion();
            const auto [before, fresh] =
                seen.try_emplace({one->alias, one->group, one->objects.front().subgroup}, id);
            if (!fresh && !at.stream(before->second)->reset && !at.gave_up(before->second) &&
                !at.abandoned.contains(before->second))
                wrong("a subgroup on two streams, the first of which was not reset");
        }
    });
    add(out, "MUST-18-182", publishing, [](const side& at, auto occasion, auto wrong) {
        for (const auto& [id, stream] : at.streams) {
            if (!is_unidirectional(id)) continue;
            const auto type =
                decode_varint(at.rules().varint, stream.data.data(), stream.data.size());
            if (type.size == 0 || classify_stream(at.rules(), type.value) != stream_kind::padding)
                continue;
            occasion();
            if (std::any_of(stream.data.begin() + static_cast<std::ptrdiff_t>(type.size),
                            stream.data.end(), [](std::byte b) { return b != std::byte{0}; }))
                wrong("padding that is not zero");
        }
    });
    add(out, "MUST-18-185", publishing, [](const side& at, auto occasion, auto wrong) {
        const auto check = [&](bytes properties) {
            if (properties.empty()) return;
            occasion();
            std::multiset<std::uint64_t> types;
            key_value_reader in{at.rules(), properties};
            while (const auto pair = in.next())
                types.insert(pair->type);
            for (const std::uint64_t type : {0x0bu, 0x3cu, 0x3eu})
                if (types.count(type) > 1)
                    wrong("property " + std::to_string(type) + " twice in an object");
        };
        for (const auto& [id, stream] : at.streams)
            if (is_unidirectional(id) && id != at.their_control)
                if (const auto one = read_subgroup(at.rules(), id, stream.data))
                    for (const auto& o : one->objects)
                        check(o.properties);
    });
    add(out, "SHOULD-18-019", fits::all, [](const side& at, auto occasion, auto wrong) {
        if (!at.sent_goaway) return;
        occasion();
        for (auto i = *at.sent_goaway; i < at.inbox.size(); ++i) {
            const auto name = msg::name_of(at.rules(), at.inbox[i].type);
            if (name == "SUBSCRIBE" || name == "FETCH" || name == "PUBLISH")
                wrong(std::string{name} + " after our GOAWAY");
        }
    });
    return out;
}

unsigned senders_of(std::string_view key) {
    if (key == "MUST-18-163") return fits::subscriber;
    if (key == "MUST-18-166") return fits::relay;
    return fits::all;
}

std::string_view why_no_occasion(std::string_view key) {
    struct pair {
        std::string_view key;
        std::string_view why;
    };
    static constexpr pair reasons[]{
        {"MUST-18-125", "the peer sends no tokens"},
        {"MUST-18-126", "the peer sends no tokens"},
        {"MUST-18-127", "the peer, a client, sends no GOAWAY"},
        {"MUST-18-163", "the peer changes no prefix of its own"},
        {"MUST-18-166", "the peer redirects nobody"},
        {"MUST-18-182", "the peer sends no padding"},
        {"MUST-20-174", "the peer sends no PUBLISH_STATE_NOTIFY"},
    };
    for (const auto& [k, why] : reasons)
        if (k == key) return why;
    return "nothing in the rows brings it about";
}

} // namespace moqrtc::conformance
