#include "common/clock.hpp"
#include "interop_cases.hpp"

#include <algorithm>
#include <array>

namespace moqrtc::reference {

namespace {

using kind = moqt::event::kind;
using objects = std::vector<interop_object>;

std::string to_text(moqt::location at) {
    return std::to_string(at.group) + ":" + std::to_string(at.object);
}

bool is_content(const interop_object& one) {
    return one.status == moqt::object_status::normal;
}

/// Objects that say something: what only marks an end is left out.
objects content_of(const objects& all) {
    objects out;
    std::ranges::copy_if(all, std::back_inserter(out), is_content);
    return out;
}

} // namespace

void compare_objects(const objects& sent, const objects& arrived, moqt::location from) {
    const auto differs = [](moqt::location at, std::string what, std::string message = {}) {
        throw interop_failure{"the bytes that were published",
                              "object " + to_text(at) + " " + std::move(what), std::move(message)};
    };
    objects seen;
    for (const auto& one : arrived) {
        if (!is_content(one)) continue;
        const auto original = std::ranges::find(sent, one.at, &interop_object::at);
        if (original == sent.end()) differs(one.at, "that nobody published");
        if (std::ranges::count(seen, one.at, &interop_object::at) != 0)
            differs(one.at, "came twice");
        for (const auto& before : seen)
            if (before.at.group == one.at.group && before.at.object > one.at.object)
                differs(one.at, "came behind " + to_text(before.at));
        if (original->payload != one.payload) {
            const auto [a, b] = std::ranges::mismatch(original->payload, one.payload);
            differs(one.at, "with other bytes",
                    std::to_string(original->payload.size()) + " bytes were sent, " +
                        std::to_string(one.payload.size()) + " came, equal up to byte " +
                        std::to_string(a - original->payload.begin()));
        }
        seen.push_back(one);
    }
    for (const auto& one : sent)
        if (one.at >= from && std::ranges::count(seen, one.at, &interop_object::at) == 0)
            differs(one.at, "is missing", std::to_string(seen.size()) + " objects came");
}

namespace {

/// A publisher with one track and a subscriber to it, both known to each other.
struct scene {
    explicit scene(interop_stage& on)
        : stage{on},
          publisher{on.connect("publisher")},
          track{publisher.offer({on.fresh_namespace(), "test-track"})} {}

    scene& announced() {
        publisher.publish_namespace(track.name().space);
        return *this;
    }
    /// Subscribes, and waits until the publisher has a subscriber.
    moqt::request_id subscribe(interop_party& who) {
        const auto id = who.subscribe(track.name());
        stage.wait("SUBSCRIBE at the publisher",
                   [&] { return track.ready(publisher.session()) != 0; });
        return id;
    }
    void send(moqt::location at, std::size_t size) {
        track.send(steady_now(), publisher.session(), at, interop_stage::payload(at, size));
        publisher.settle();
    }
    void send_group(std::uint64_t group, std::uint64_t first, std::uint64_t behind,
                    std::size_t size = 1000) {
        for (auto object = first; object < behind; ++object)
            send({group, object}, size + object * 17);
    }
    void end_group() {
        track.end_group(steady_now(), publisher.session());
        publisher.settle();
    }
    void end() {
        track.end(steady_now(), publisher.session());
        publisher.settle();
    }
    void arrived(interop_party& who, moqt::request_id id, std::size_t count) const {
        stage.wait(std::to_string(count) + " objects at the " + who.role(),
                   [&] { return content_of(who.objects(id)).size() >= count; });
        stage.pass(milliseconds(50)); // what comes twice comes soon
    }

    interop_stage& stage;
    interop_party& publisher;
    interop_track& track;
};

void single_object(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& subscriber = stage.connect("subscriber");
    const auto id = s.subscribe(subscriber);
    s.send({0, 0}, 100);
    s.end_group();
    s.arrived(subscriber, id, 1);
    compare_objects(s.track.objects(), subscriber.objects(id));
}

void single_group(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& subscriber = stage.connect("subscriber");
    const auto id = s.subscribe(subscriber);
    // Around the steps of variable-length integers, and more than a packet and a window.
    std::uint64_t object = 0;
    for (const std::size_t size : {1, 2, 63, 64, 127, 128, 1200, 1453, 16383, 16384, 70000, 300000})
        s.send({0, object++}, size);
    s.end_group();
    s.arrived(subscriber, id, s.track.objects().size());
    compare_objects(s.track.objects(), subscriber.objects(id));
}

void multiple_groups(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& subscriber = stage.connect("subscriber");
    const auto id = s.subscribe(subscriber);
    for (const std::uint64_t group : {0, 1, 2}) {
        s.send_group(group, 0, 8);
        s.end_group();
    }
    s.arrived(subscriber, id, 24);
    compare_objects(s.track.objects(), subscriber.objects(id));
}

/// Who comes into the middle gets everything from then on, and nothing wrong of what was before.
void late_subscriber(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& early = stage.connect("subscriber_1");
    const auto first = s.subscribe(early);
    s.send_group(0, 0, 5);
    s.end_group();
    s.send_group(1, 0, 3);
    s.arrived(early, first, 8);
    auto& late = stage.connect("subscriber_2");
    const auto second = late.subscribe(s.track.name());
    s.send_group(1, 3, 6);
    s.end_group();
    s.send_group(2, 0, 5);
    s.end_group();
    s.arrived(early, first, 16);
    stage.wait("the last object at the late subscriber", [&] {
        const auto& all = late.objects(second);
        return std::ranges::count(all, moqt::location{2, 4}, &interop_object::at) != 0 &&
               std::ranges::count(all, moqt::location{1, 5}, &interop_object::at) != 0;
    });
    stage.pass(milliseconds(50));
    compare_objects(s.track.objects(), early.objects(first));
    compare_objects(s.track.objects(), late.objects(second), {1, 3});
}

void fetch_past(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& subscriber = stage.connect("subscriber");
    const auto id = s.subscribe(subscriber);
    for (const std::uint64_t group : {0, 1, 2}) {
        s.send_group(group, 0, 6);
        s.end_group();
    }
    s.arrived(subscriber, id, 18);
    const auto within = [&](moqt::location start, moqt::location behind) {
        objects out;
        for (const auto& one : s.track.objects())
            if (one.at >= start && one.at < behind) out.push_back(one);
        return out;
    };
    compare_objects(within({0, 0}, {1, 0}), subscriber.fetch(s.track.name(), {0, 0}, {0, 0}));
    compare_objects(within({1, 2}, {1, 5}), subscriber.fetch(s.track.name(), {1, 2}, {1, 5}));
    compare_objects(within({0, 4}, {2, 2}), subscriber.fetch(s.track.name(), {0, 4}, {2, 2}));
}

void track_end(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& subscriber = stage.connect("subscriber");
    const auto id = s.subscribe(subscriber);
    s.send_group(0, 0, 4);
    s.end();
    std::optional<moqt::event> done;
    stage.wait("PUBLISH_DONE", [&] {
        return (done = subscriber.take([&](const moqt::event& e) {
                   return e.id == id && e.what == kind::publish_done;
               }))
            .has_value();
    });
    compare_objects(s.track.objects(), subscriber.objects(id));
    using code = moqt::publish_done_code;
    if (done->publish_done != code::track_ended && done->publish_done != code::subscription_ended)
        throw interop_failure{"PUBLISH_DONE TRACK_ENDED",
                              "PUBLISH_DONE " + std::string{moqt::to_string(done->publish_done)}};
}

void namespace_discovery(interop_stage& stage) {
    auto& subscriber = stage.connect("subscriber");
    const auto& space = stage.fresh_namespace();
    const moqt::track_namespace prefix{"moq-test", "interop"};
    const auto asked = subscriber.discover(prefix, false);
    auto& publisher = stage.connect("publisher");
    const auto published = publisher.session().publish_namespace(steady_now(), space);
    if (!published) throw interop_failure{"PUBLISH_NAMESPACE can be sent", "it cannot"};
    publisher.settle();
    const auto told = [&](kind what) {
        return subscriber.take([&](const moqt::event& e) {
            // Up to draft 15 the relay tells by PUBLISH_NAMESPACE and takes it back.
            if (what == kind::namespace_added && e.what == kind::requested &&
                e.request == moqt::request_kind::publish_namespace) {
                const auto m = e.as<moqt::msg::publish_namespace>();
                return m && moqt::track_namespace{m->track_namespace} == space;
            }
            if (what == kind::namespace_removed && e.what == kind::cancelled)
                return e.request == moqt::request_kind::publish_namespace;
            if (e.id != asked || e.what != what) return false;
            if (what == kind::namespace_added) {
                const auto m = e.as<moqt::msg::namespace_message>();
                return m && prefix.joined(m->track_namespace_suffix) == space;
            }
            const auto m = e.as<moqt::msg::namespace_done>();
            return m && prefix.joined(m->track_namespace_suffix) == space;
        });
    };
    stage.wait("NAMESPACE", [&] { return told(kind::namespace_added).has_value(); });
    publisher.cancel(*published);
    stage.wait("NAMESPACE_DONE", [&] { return told(kind::namespace_removed).has_value(); });
}

/// The other way around: who wants tracks says so, who has one offers it by PUBLISH.
void publish_flow(interop_stage& stage) {
    auto& subscriber = stage.connect("subscriber");
    subscriber.take_tracks();
    (void)subscriber.discover(stage.fresh_namespace(), true);
    scene s{stage};
    s.publisher.push(s.track);
    stage.wait("PUBLISH at the subscriber", [&] { return !subscriber.taken().empty(); });
    stage.wait("a subscription that wants objects",
               [&] { return s.track.ready(s.publisher.session()) != 0; });
    const auto& [id, name] = *subscriber.taken().begin();
    if (name != s.track.name()) throw interop_failure{"the track that was offered", "another"};
    s.send_group(0, 0, 5);
    s.end_group();
    s.arrived(subscriber, id, 5);
    compare_objects(s.track.objects(), subscriber.objects(id));
}

void datagram_objects(interop_stage& stage) {
    auto s = scene{stage}.announced();
    auto& subscriber = stage.connect("subscriber");
    const auto id = s.subscribe(subscriber);
    for (std::uint64_t object = 0; object < 5; ++object) {
        const moqt::location at{0, object};
        s.track.send_datagram(steady_now(), s.publisher.session(), at,
                              interop_stage::payload(at, 100 + object * 200));
        s.publisher.settle();
        stage.pass(milliseconds(20)); // a relay may keep the latest alone
    }
    s.arrived(subscriber, id, 5);
    compare_objects(s.track.objects(), subscriber.objects(id));
}

constexpr std::array cases_with_data{
    interop_case{"single-object", milliseconds(3000), single_object},
    interop_case{"single-group", milliseconds(5000), single_group},
    interop_case{"multiple-groups", milliseconds(5000), multiple_groups},
    interop_case{"late-subscriber", milliseconds(5000), late_subscriber},
    interop_case{"fetch-past", milliseconds(5000), fetch_past},
    interop_case{"track-end", milliseconds(5000), track_end},
    interop_case{"namespace-discovery", milliseconds(4000), namespace_discovery},
    interop_case{"publish-flow", milliseconds(4000), publish_flow},
    interop_case{"datagram-objects", milliseconds(3000), datagram_objects},
};

} // namespace

std::span<const interop_case> data_cases() {
    return cases_with_data;
}

} // namespace moqrtc::reference
