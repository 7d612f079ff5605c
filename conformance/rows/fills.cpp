#include "sending.hpp"

#include <array>

// Fills: what of the past comes beside a subscription.
namespace moqrtc::conformance {
namespace {

using namespace moqt;

/// A SUBSCRIBE from the newest object on, and a fill from the start of the track.
struct filling {
    message_params inside{};
    message_params outside{};
    filling() {
        inside.subscription_filter = subscription_filter{filter_type::absolute_start, {0, 0}};
        outside.subscription_filter = subscription_filter{filter_type::largest_object};
        outside.fill = fill_parameters{inside};
    }
    filling(const filling&) = delete;
    filling& operator=(const filling&) = delete;
};

task<verdict> ends_with_its_subscription(stage& s) {
    const feed_options options;
    const auto f = co_await feeds(s, options);
    // More than is on its way at one time to somebody who is silent.
    for (const std::uint64_t group : {0u, 1u, 2u})
        send_one(f, group, std::string(300'000, 'f'));
    const bool here = co_await arrives(s, &f, 3);
    if (!here) co_return undecided("the objects do not arrive");
    side* const at = co_await meets(s, nullptr, conditions{.narrow = true});
    at->hold(8000);
    const filling asked;
    const auto r = subscribes(*at, f.track, asked.outside);
    co_await s.until([&] { return at->closed || fetched(*at, r.id); });
    const auto fill = fetched(*at, r.id);
    if (!fill) co_return undecided("no fill comes");
    const auto* const stream = at->stream(fill->stream);
    if (stream->fin) co_return undecided("the fill was over before");
    unsubscribes(*at, r.stream);
    co_await s.rest(milliseconds(300));
    at->release();
    co_await s.until([&] { return at->closed || stream->reset || stream->fin; }, seconds(6));
    if (stream->reset) co_return pass("reset");
    if (stream->fin) co_return fail("the fill goes on to its end");
    co_return undecided("the fill neither ends nor goes on");
}
/// The publisher says that there is a past, and does not give it away.
task<verdict> has_its_header_all_the_same(stage& s) {
    feed_options options;
    options.told.largest_object = location{3, 3};
    const auto f = co_await feeds(s, options);
    side* const at = co_await meets(s);
    const filling asked;
    const auto r = subscribes(*at, f.track, asked.outside);
    std::size_t seen = 0;
    const auto refuse = [&] {
        for (; seen < f.p->inbox.size(); ++seen) {
            const auto& m = f.p->inbox[seen];
            if (m.type != msg::fetch::code(s.rules())) continue;
            if (const auto fetch = parse<msg::fetch>(s.rules(), m.body))
                f.p->refuse(m.stream, m.type, fetch->request_id,
                            to_wire(s.rules(), request_error_code::internal_error));
        }
    };
    co_await s.until([&] {
        refuse();
        return at->closed || fetched(*at, r.id);
    });
    co_await granted(s, at, r, "SUBSCRIBE with a fill");
    const auto fill = fetched(*at, r.id);
    if (!fill)
        co_return co_await alive_without(s, at, "a fill without objects has no FETCH_HEADER");
    const auto* const stream = at->stream(fill->stream);
    co_await s.until([&] {
        refuse();
        return at->closed || stream->reset || stream->fin;
    });
    if (stream->reset) co_return pass("FETCH_HEADER, and reset");
    if (!stream->fin) co_return undecided("the fill has its header, and no end");
    co_return fill->objects.empty() ? pass("FETCH_HEADER, and what is not known")
                                    : fail("objects that nobody published");
}

constexpr std::array table{
    row{"MUST-20-172", fits::relay, ends_with_its_subscription},
    row{"MUST-20-173", fits::relay, has_its_header_all_the_same},
};

} // namespace

std::span<const row> fill_rows() {
    return table;
}

} // namespace moqrtc::conformance
