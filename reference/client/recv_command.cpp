#include "commands.hpp"
#include "print.hpp"
#include "query.hpp"
#include "track_receiver.hpp"

#include <cinttypes>
#include <cstdio>

namespace moqrtc::reference {

namespace {

constexpr duration retry_period = milliseconds(250);

/// Prints the objects of a track, one a line.
class line_receiver final : public query {
public:
    line_receiver(runner& runs, const moqt::full_track_name& name, duration length, duration wait)
        : query{runs}, track_{runs, name}, length_{length}, wait_{wait} {}

    void lost(instant now, const close_info& info) override {
        query::lost(now, info);
        track_.lost();
    }
    [[nodiscard]] instant next_timeout() override {
        return std::min({stop_, retry_, track_.next_timeout()});
    }
    void handle_timeout(instant now) override {
        if (now >= stop_) return interrupted(now);
        print(now);
        if (now < retry_) return;
        retry_ = never;
        auto* session = run().session();
        if (session != nullptr && !track_.subscribed()) subscribe(now, *session);
    }
    void interrupted(instant) override {
        summarize();
        run().finish(exit_status::done);
    }

protected:
    void ask(instant now, moqt::session& session) override {
        if (wait_until_ == never) wait_until_ = now + wait_;
        if (stop_ == never && length_.us > 0) stop_ = now + length_;
        subscribe(now, session);
    }
    void answer(instant now, moqt::session& session, moqt::event& event) override {
        const auto what = track_.handle(now, session, event);
        print(now);
        switch (what) {
        case track_receiver::progress::rejected:
            if (retry_at(now, event) >= wait_until_ && !run().options().reconnect)
                return absent(to_text(track_.name().space) + "/" + track_.name().name, event);
            retry_ = retry_at(now, event);
            return;
        case track_receiver::progress::ended:
            summarize();
            return run().finish(exit_status::done);
        case track_receiver::progress::cut_off:
            if (run().options().reconnect &&
                track_.reason() != moqt::publish_done_code::malformed_track) {
                retry_ = now + retry_period;
                return;
            }
            summarize();
            return run().finish(exit_status::failed, "the server ended the subscription: " +
                                                         std::string{to_string(track_.reason())});
        default:
            return;
        }
    }

private:
    void subscribe(instant now, moqt::session& session) {
        retry_ = never;
        if (!track_.subscribe(now, session, wait_)) retry_ = now + retry_period;
    }
    void print(instant now) {
        while (const auto object = track_.poll(now)) {
            bool there = false;
            if (json()) {
                nlohmann::ordered_json line{{"group", object->at.group},
                                            {"object", object->at.object}};
                add_payload(line, object->payload);
                there = print_json(line);
            } else {
                there = print_line(as_text(object->payload));
            }
            if (!there) return run().finish(exit_status::failed);
        }
    }
    void summarize() {
        std::fprintf(stderr, "%" PRIu64 " objects, %" PRIu64 " gaps\n", track_.order().objects(),
                     track_.order().gaps());
    }

    track_receiver track_;
    duration length_;
    duration wait_;
    instant wait_until_ = never;
    instant stop_ = never;
    instant retry_ = never;
};

} // namespace

void add_recv_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments : query_arguments {
        double length = 0;
        double wait = 10;
    };
    auto* command = app.add_subcommand("recv", "print the objects of a track, one a line");
    auto all = std::make_shared<arguments>();
    all->add_to(*command, true);
    command->add_option("--duration", all->length, "stop after so many seconds")
        ->check(CLI::NonNegativeNumber);
    command->add_option("--wait", all->wait, "seconds to wait for the track")
        ->check(CLI::NonNegativeNumber);
    command->callback([all, &chosen] {
        chosen = [all] {
            const auto to_duration = [](double s) {
                return microseconds(static_cast<std::int64_t>(s * 1e6));
            };
            return run_query(*all, true, [&](runner& runs, const moqt::full_track_name& name) {
                return std::make_unique<line_receiver>(runs, name, to_duration(all->length),
                                                       to_duration(all->wait));
            });
        };
    });
}

} // namespace moqrtc::reference
