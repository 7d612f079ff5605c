#include "checker_kinds.hpp"

#include <algorithm>
#include <map>

// What a peer's messages have in them, in which order they come, and how their streams end.
namespace moqrtc::conformance {

using namespace moqt;

namespace {

/// How many message parameters the messages of one type have, by what is known of them.
std::size_t parameters_in(const side& at, const inbound& m) {
    std::size_t count = 0;
    msg::all::dispatch(at.rules(), m.type, [&]<class M> {
        if constexpr (requires(M one) { one.params.largest_object; }) {
            const auto parsed = parse<M>(at.rules(), m.body);
            if (!parsed) return;
            message_params::for_each(parsed->params, [&](parameter, const auto& member) {
                if constexpr (requires { member.size(); })
                    count += member.size();
                else
                    count += member.has_value() ? 1 : 0;
            });
        }
    });
    return count;
}
/// The tokens of a request of the peer, in order.
template <class Visit>
void tokens_in(const side& at, const inbound& m, Visit&& visit) {
    msg::all::dispatch(at.rules(), m.type, [&]<class M> {
        if constexpr (requires(M one) { one.params.authorization_tokens; }) {
            const auto parsed = parse<M>(at.rules(), m.body);
            if (!parsed) return;
            auto all = parsed->params.authorization_tokens.tokens();
            while (const auto token = all.next())
                visit(*token);
        }
    });
}
/// Whether we had answered what came on a stream when message `before` of the peer came.
bool answered(const side& at, stream_id stream, std::size_t before) {
    return std::ranges::any_of(
        at.answered, [&](const auto& a) { return a.stream == stream && a.since <= before; });
}
/// Aliases of tokens: where each was registered, and where it was used last.
template <class Wrong>
void follow_aliases(const side& at, auto occasion, bool removals, Wrong wrong) {
    std::map<std::uint64_t, stream_id> registered;
    std::map<std::uint64_t, std::vector<stream_id>> used;
    for (std::size_t i = 0; i < at.inbox.size(); ++i) {
        const auto& m = at.inbox[i];
        tokens_in(at, m, [&](const authorization_token& token) {
            occasion();
            const auto name = std::to_string(token.alias);
            if (token.kind == alias_type::register_alias) {
                registered[token.alias] = m.stream;
            } else if (token.kind == alias_type::use_alias) {
                used[token.alias].push_back(m.stream);
                const auto from = registered.find(token.alias);
                if (!removals && from != registered.end() && from->second != m.stream &&
                    !answered(at, from->second, i))
                    wrong("USE_ALIAS of " + name + " before its REGISTER is answered");
            } else if (token.kind == alias_type::delete_alias) {
                for (const auto stream : used[token.alias])
                    if (removals && stream != m.stream && !answered(at, stream, i))
                        wrong("DELETE of " + name + " while a message that uses it waits");
            }
        });
    }
}

} // namespace

void add_message_checkers(std::vector<std::unique_ptr<checker>>& out) {
    add(out, "MUST-18-116", fits::all, [](const side& at, auto occasion, auto wrong) {
        for (const auto& m : at.inbox) {
            occasion();
            if (problem_of(at, m).code == errc::duplicate)
                wrong(std::string{msg::name_of(at.rules(), m.type)} + " repeats a parameter");
        }
    });
    add(out, "MUST-18-134", fits::all, [](const side& at, auto occasion, auto wrong) {
        for (const auto& m : at.inbox) {
            occasion();
            if (msg::name_of(at.rules(), m.type) == "unknown")
                wrong("a message of type " + std::to_string(m.type));
            else if (problem_of(at, m).code == errc::unknown_type)
                wrong(std::string{msg::name_of(at.rules(), m.type)} +
                      " with a parameter that the draft lacks");
        }
        for (const auto& [id, stream] : at.streams) {
            if (!is_unidirectional(id) || stream.data.empty()) continue;
            const auto type =
                decode_varint(at.rules().varint, stream.data.data(), stream.data.size());
            if (type.size != 0 && classify_stream(at.rules(), type.value) == stream_kind::invalid)
                wrong("a stream of type " + std::to_string(type.value));
        }
    });
    add(out, "MUST-18-117", fits::all, [](const side& at, auto occasion, auto wrong) {
        for (const auto& m : at.inbox) {
            const auto problem = problem_of(at, m);
            // A difference that goes beyond the largest type is the one way back.
            if (problem.code == errc::overflow &&
                problem.field == std::string_view{"parameter_type"})
                wrong(std::string{msg::name_of(at.rules(), m.type)} +
                      " has a type behind the last");
            else if (parameters_in(at, m) >= 2)
                occasion();
        }
    });
    add(out, "MUST-18-125", fits::clients, [](const side& at, auto occasion, auto wrong) {
        follow_aliases(at, occasion, false, wrong);
    });
    add(out, "MUST-18-126", fits::clients, [](const side& at, auto occasion, auto wrong) {
        follow_aliases(at, occasion, true, wrong);
    });
    add(out, "MUST-19-136", fits::subscriber, [](const side& at, auto occasion, auto wrong) {
        const auto check = [&](const auto& m, const auto&) {
            occasion();
            if (!m.params.range_filters.empty())
                wrong("a range filter, and we have said no MAX_FILTER_RANGES");
        };
        each<msg::subscribe>(at, check);
        each<msg::fetch>(at, check);
        each<msg::subscribe_tracks>(at, check);
    });
    add(out, "MUST-19-157", fits::all, [](const side& at, auto occasion, auto wrong) {
        for (const auto& r : at.asked) {
            const auto* const stream = at.stream(r.what.stream);
            if (is_unidirectional(r.what.stream) || r.what.stream == at.control ||
                stream == nullptr || !stream->fin)
                continue;
            occasion();
            const auto* const m = at.answer(r.what);
            if (m == nullptr) {
                wrong("FIN on the stream of a request that is not answered");
                continue;
            }
            const bool done = std::ranges::any_of(at.inbox, [&](const inbound& one) {
                return one.stream == r.what.stream &&
                       one.type == msg::publish_done::code(at.rules());
            });
            if (m->type == msg::subscribe_ok::code(at.rules()) && !done &&
                !at.abandoned.contains(r.what.stream))
                wrong("FIN on the stream of a subscription before PUBLISH_DONE");
        }
    });
    add(out, "MUST-20-174", publishing, [](const side& at, auto occasion, auto wrong) {
        each<msg::publish_state_notify>(at, [&](const auto& m, const auto&) {
            const bool known = std::ranges::any_of(at.streams, [&](const auto& one) {
                return is_unidirectional(one.first) && one.first != at.their_control &&
                       read_subgroup(at.rules(), one.first, one.second.data);
            });
            if (!known) return;
            occasion();
            if (!m.params.largest_object) wrong("PUBLISH_STATE_NOTIFY without LARGEST_OBJECT");
        });
    });
}

} // namespace moqrtc::conformance
