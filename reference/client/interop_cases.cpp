#include "common/clock.hpp"
#include "interop_cases.hpp"

#include <array>

namespace moqrtc::reference {

namespace {

using kind = moqt::event::kind;

moqt::track_namespace test_namespace() {
    return {"moq-test", "interop"};
}

void setup_only(interop_stage& stage) {
    (void)stage.connect("client");
}

void announce_only(interop_stage& stage) {
    stage.connect("client").publish_namespace(test_namespace());
}

void publish_namespace_done(interop_stage& stage) {
    auto& client = stage.connect("client");
    const auto id = client.session().publish_namespace(steady_now(), test_namespace());
    if (!id) throw interop_failure{"PUBLISH_NAMESPACE can be sent", "it cannot", id.error().field};
    client.settle();
    stage.wait("PUBLISH_NAMESPACE_OK", [&] {
        const auto answer = client.answer_to(*id);
        if (answer && answer->what != kind::accepted)
            throw interop_failure{"PUBLISH_NAMESPACE_OK",
                                  std::string{moqt::to_string(answer->request_error)}};
        return answer.has_value();
    });
    client.cancel(*id);
    stage.pass(milliseconds(150)); // a peer that objects says so
}

void subscribe_error(interop_stage& stage) {
    auto& client = stage.connect("client");
    const auto id =
        client.session().subscribe(steady_now(), {{"nonexistent", "namespace"}, "test-track"});
    if (!id) throw interop_failure{"SUBSCRIBE can be sent", "it cannot", id.error().field};
    client.settle();
    std::optional<moqt::event> answer;
    stage.wait("REQUEST_ERROR", [&] { return (answer = client.answer_to(*id)).has_value(); });
    if (answer->what == kind::accepted) throw interop_failure{"REQUEST_ERROR", "SUBSCRIBE_OK"};
    if (answer->message.empty())
        throw interop_failure{"REQUEST_ERROR", "the stream ended without an answer"};
}

void announce_subscribe(interop_stage& stage) {
    auto& publisher = stage.connect("publisher");
    (void)publisher.offer({test_namespace(), "test-track"});
    publisher.publish_namespace(test_namespace());
    (void)stage.connect("subscriber").subscribe({test_namespace(), "test-track"});
}

void subscribe_before_announce(interop_stage& stage) {
    auto& subscriber = stage.connect("subscriber");
    const auto id = subscriber.session().subscribe(steady_now(), {test_namespace(), "test-track"});
    if (!id) throw interop_failure{"SUBSCRIBE can be sent", "it cannot", id.error().field};
    subscriber.settle();
    stage.pass(milliseconds(500));
    auto& publisher = stage.connect("publisher");
    (void)publisher.offer({test_namespace(), "test-track"});
    publisher.publish_namespace(test_namespace());
    // Both answers are good: a relay may wait for a publisher or refuse.
    stage.wait("SUBSCRIBE_OK or REQUEST_ERROR",
               [&] { return subscriber.answer_to(*id).has_value(); });
}

constexpr std::array cases_of_the_draft{
    interop_case{"setup-only", milliseconds(2000), setup_only},
    interop_case{"announce-only", milliseconds(2000), announce_only},
    interop_case{"publish-namespace-done", milliseconds(2000), publish_namespace_done},
    interop_case{"subscribe-error", milliseconds(2000), subscribe_error},
    interop_case{"announce-subscribe", milliseconds(3000), announce_subscribe},
    interop_case{"subscribe-before-announce", milliseconds(3500), subscribe_before_announce},
};

} // namespace

std::span<const interop_case> runner_cases() {
    return cases_of_the_draft;
}

} // namespace moqrtc::reference
