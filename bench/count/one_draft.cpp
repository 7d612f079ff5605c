// What a program includes that speaks draft 18 alone and has a session of its own: the messages of
// a subscriber read and written, and its streams read. Its size is what the other drafts cost it.
#include <moqrtc/moqt/data/stream_reader.hpp>
#include <moqrtc/moqt/msg/all.hpp>

#include <array>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

constexpr const wire_rules& rules = rules_for(draft::d18);

template <class M>
std::size_t again(bytes body, mutable_bytes out) {
    const auto message = parse<M>(rules, body);
    return message ? serialize(rules, *message, out).value_or(0) : 0;
}

} // namespace

/// Reads a message of the type and writes it again; its size, or 0.
std::size_t carry(std::uint64_t type, bytes body, mutable_bytes out) {
    using subscriber = msg::type_list<msg::setup, msg::goaway, msg::request_ok, msg::request_error,
                                      msg::request_update, msg::subscribe, msg::subscribe_ok,
                                      msg::publish_done, msg::fetch, msg::fetch_ok>;
    std::size_t size = 0;
    subscriber::dispatch(rules, type, [&]<class M> { size = again<M>(body, out); });
    return size;
}
