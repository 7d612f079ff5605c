// Any bytes as the objects of a catalog track, one behind the other with a zero byte between. What
// is read must be the same after writing and reading, in both formats that are written; each step
// from one catalog to the next must be expressed by a delta update that leads there, or by none.
#include <moqrtc/catalog/catalog_state.hpp>
#include <moqrtc/catalog/check.hpp>
#include <moqrtc/catalog/priority.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <source_location>
#include <string_view>

namespace {

using namespace moqrtc;
using namespace moqrtc::catalog;

void require(bool condition, std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_catalog: requirement of line %u does not hold\n",
                 static_cast<unsigned>(here.line()));
    std::abort();
}

void write_and_read(const moqrtc::catalog::catalog& from) {
    const auto text = write_msf(from);
    require(text.has_value());
    auto again = read_catalog(as_bytes(*text));
    require(again.has_value());
    again->source = from.source;
    again->version = from.version;
    require(*again == from);

    const auto plain = write_plain(from);
    require(plain.has_value());
    const auto plain_again = read_catalog(as_bytes(*plain));
    require(plain_again.has_value());
    require(*write_plain(*plain_again) == *plain);
}

void step(const moqrtc::catalog::catalog& from, const moqrtc::catalog::catalog& to) {
    for (const auto rules : {delta_rules::msf, delta_rules::msf_editors_copy}) {
        const auto made = make_delta(from, to, rules, "n");
        if (!made || made->empty()) continue;
        const auto text = write_delta(*made);
        require(text.has_value());
        const auto read =
            moqrtc::catalog::detail::read_delta(*parse_json(as_bytes(*text)), *text, {});
        require(read.has_value());
        const auto reached = apply(from, *read, "n");
        require(reached.has_value() && same_content(*reached, to, "n"));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    catalog_state state{"n"};
    std::optional<moqrtc::catalog::catalog> before;
    for (std::uint64_t group = 1, object = 0; !rest.empty();) {
        const auto payload = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(payload.size() == rest.size() ? payload.size() : payload.size() + 1);
        const auto done = state.handle_object(group, object, as_bytes(payload));
        if (!done) {
            require(done.error().offset <= payload.size());
            (void)explain(done.error(), as_bytes(payload));
            ++group;
            object = 0;
            continue;
        }
        ++object;
        require(state.current() != nullptr);
        const auto& now = *state.current();
        write_and_read(now);
        if (before) step(*before, now);
        before = now;
        (void)check(now);
        for (const auto& one : now.tracks) {
            (void)publisher_priority(now, one);
            (void)init_bytes(now, one);
        }
    }
    return 0;
}
