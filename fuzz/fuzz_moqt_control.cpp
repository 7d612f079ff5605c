// Every control message in every spoken draft: what parses must serialize, have the size that was
// promised, parse again to the same message, and give the same bytes again. The first byte of an
// input picks the draft, the second the message; the rest is the message's body. Behind 0xff stands
// a serialized name, which is the only text of what it stands for.
#include <moqrtc/moqt/msg/all.hpp>
#include <moqrtc/moqt/serialized_name.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::moqt;

constexpr std::size_t most = 1 << 17;

void require(bool good) {
    if (!good) std::abort();
}

/// Tokens and namespaces are walked when somebody asks: ask here.
void walk(const message_params& params) {
    auto tokens = params.authorization_tokens.tokens();
    std::size_t count = 0;
    while (tokens.next())
        ++count;
    require(count == params.authorization_tokens.size());
    auto ranges = params.range_filters.filters();
    count = 0;
    while (ranges.next())
        ++count;
    require(count == params.range_filters.size());
    range_filters kept;
    if (kept.apply(rules_for(draft::d19), params.range_filters, 16)) require(kept.ranges() <= 16);
    if (params.fill.has_value()) walk(params.fill.inside());
}
void walk(const namespace_view& space) {
    auto fields = space.fields();
    std::size_t count = 0;
    std::size_t content = 0;
    while (const auto field = fields.next()) {
        ++count;
        content += field->size();
    }
    require(count == space.count() && content == space.content_size());
    require(track_namespace{space}.view().content_size() == content);
}

template <class M>
void one(const wire_rules& rules, bytes in) {
    // An exact copy on the heap, so that a read past its end is seen.
    const auto body = std::make_unique<std::byte[]>(in.size());
    if (!in.empty()) std::memcpy(body.get(), in.data(), in.size());
    const auto message = parse<M>(rules, {body.get(), in.size()});
    if (!message) {
        require(message.error().offset <= in.size() && message.error().code != errc::ok);
        return;
    }
    if constexpr (requires { message->params; }) walk(message->params);
    if constexpr (requires { message->track_namespace; }) walk(message->track_namespace);
    static std::vector<std::byte> first(most);
    static std::vector<std::byte> second(most);
    const auto size = serialize(rules, *message, first);
    if (!size) {
        // A sender may not ask for a range that is backwards; a receiver refuses it by itself.
        require(std::strcmp(size.error().field, "end") == 0 && M::name == "FETCH");
        return;
    }
    require(*size == wire_size(rules, *message));
    const auto again = parse<M>(rules, bytes{first}.first(*size));
    require(again.has_value());
    const auto size_again = serialize(rules, *again, second);
    require(size_again && *size_again == *size);
    require(equal(bytes{first}.first(*size), bytes{second}.first(*size)));
    require(to_text(rules, *message) == to_text(rules, *again));
    // Exactly enough room is enough; one byte less is not.
    require(serialize(rules, *message, mutable_bytes{second}.first(*size)).has_value());
    if (*size != 0)
        require(!serialize(rules, *message, mutable_bytes{second}.first(*size - 1)).has_value());
    // Whatever another draft can express of it must be right there too.
    for (const auto d : all_drafts) {
        const auto& other = rules_for(d);
        if (M::code(other) == no_code) continue;
        const auto there = serialize(other, *message, second);
        if constexpr (!requires { message->properties; })
            if (there) require(parse<M>(other, bytes{second}.first(*there)).has_value());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 65537) return 0;
    if (data[0] == 0xff) {
        const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
        if (const auto name = parse_serialized_name(text)) require(serialize_name(*name) == text);
        return 0;
    }
    const auto& rules = rules_for(all_drafts[data[0] % all_drafts.size()]);
    const auto body = std::as_bytes(std::span{data + 2, size - 2});
    std::size_t index = data[1] % msg::all::size;
    msg::all::for_each([&]<class M> {
        if (index-- == 0 && M::code(rules) != no_code) one<M>(rules, body);
    });
    return 0;
}
