#include "commands.hpp"
#include "options.hpp"
#include "publisher.hpp"
#include "query.hpp"
#include "subscriber.hpp"

#include <cstdio>
#include <memory>

namespace moqrtc::reference {

void add_publish_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments {
        connection_arguments connection;
        namespace_arguments space;
        publish_options publish;
        bool no_pace = false;
        unsigned chunk_ms = 0;
        std::string packaging = "cmaf";
        std::string trace;
    };
    auto* command = app.add_subcommand("publish", "publish an MP4 file, in real time");
    auto all = std::make_shared<arguments>();
    all->connection.add_to(*command);
    command
        ->add_option("file", all->publish.file, "MP4; - reads fragmented MP4 from standard input")
        ->required();
    all->space.add_to(*command, false);
    command->add_flag("--loop", all->publish.loop, "start again at the end of the file");
    command->add_flag("--no-pace", all->no_pace, "as fast as the server takes it");
    command->add_option("--chunk", all->chunk_ms, "milliseconds of video per object; 0: a frame");
    command->add_option("--packaging", all->packaging, "cmaf (default) or loc")
        ->check(CLI::IsMember({"cmaf", "loc"}));
    command->add_option("--trace", all->trace, "write when each object was sent to this file");
    command->callback([all, &chosen] {
        chosen = [all]() -> int {
            auto options = all->connection.read();
            if (!options) return complain(options.error());
            auto space = all->space.read();
            if (!space) return complain(space.error());
            if (space->empty()) return complain("publish needs a namespace: -n a/b/c");
            all->publish.space = *space;
            all->publish.pace = !all->no_pace;
            all->publish.chunk = milliseconds(all->chunk_ms);
            all->publish.loc = all->packaging == "loc";
            all->publish.trace = all->trace;
            runner run{std::move(*options)};
            publisher what{run, all->publish};
            if (const auto wrong = what.open(); !wrong.empty()) {
                std::fprintf(stderr, "%s\n", wrong.c_str());
                return exit_status::failed;
            }
            return run.run(what);
        };
    });
}

void add_subscribe_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments {
        connection_arguments connection;
        namespace_arguments space;
        subscribe_options subscribe;
        double length = 0;
        double wait = 10;
        std::string from = "latest";
    };
    auto* command = app.add_subcommand("subscribe", "receive a broadcast, write it as MP4");
    auto all = std::make_shared<arguments>();
    all->connection.add_to(*command);
    all->space.add_to(*command, false);
    command->add_option("-o,--output", all->subscribe.output,
                        "file to write; - is standard output");
    command->add_option("--track", all->subscribe.tracks, "only this track; may be repeated")
        ->allow_extra_args(false);
    command->add_option("--duration", all->length, "stop after so many seconds");
    command->add_option("--wait", all->wait, "seconds to wait for a publisher");
    command->add_option("--from-group", all->from, "latest (default), next, or a group's number");
    command->add_option("--trace", all->subscribe.trace,
                        "write when each object was received to this file");
    command->callback([all, &chosen] {
        chosen = [all]() -> int {
            auto options = all->connection.read();
            if (!options) return complain(options.error());
            auto space = all->space.read();
            if (!space) return complain(space.error());
            if (space->empty()) return complain("subscribe needs a namespace: -n a/b/c");
            all->subscribe.space = *space;
            all->subscribe.length = microseconds(static_cast<std::int64_t>(all->length * 1e6));
            all->subscribe.wait = microseconds(static_cast<std::int64_t>(all->wait * 1e6));
            if (all->from == "next") {
                all->subscribe.start.from = starting_point::kind::next;
            } else if (all->from != "latest") {
                const auto at = parse_location(all->from + ":0");
                if (!at) return complain("--from-group takes latest, next or a number");
                all->subscribe.start = {starting_point::kind::group, at->group};
            }
            runner run{std::move(*options)};
            subscriber what{run, all->subscribe};
            if (const auto wrong = what.open(); !wrong.empty()) {
                std::fprintf(stderr, "%s\n", wrong.c_str());
                return exit_status::failed;
            }
            return run.run(what);
        };
    });
}

} // namespace moqrtc::reference
