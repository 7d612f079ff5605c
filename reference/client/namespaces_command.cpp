#include "commands.hpp"
#include "common/clock.hpp"
#include "print.hpp"
#include "query.hpp"

namespace moqrtc::reference {

namespace {

/// The drafts have no mark behind the namespaces that exist already: so long nothing came.
constexpr duration quiet = milliseconds(300);

class namespaces_query final : public query {
public:
    namespaces_query(runner& runs, moqt::track_namespace prefix, bool follow)
        : query{runs}, prefix_{std::move(prefix)}, follow_{follow} {}

    [[nodiscard]] instant next_timeout() override { return std::min(query::next_timeout(), end_); }
    void handle_timeout(instant now) override {
        if (now >= end_) return run().finish(exit_status::done);
        query::handle_timeout(now);
    }

protected:
    void ask(instant now, moqt::session& session) override {
        const auto id = session.subscribe_namespace(
            now, prefix_, moqt::msg::subscribe_options::namespaces, run().params());
        if (!id)
            return run().finish(exit_status::failed,
                                std::string{"the draft does not allow it: "} + id.error().field);
        id_ = *id;
    }
    void answer(instant now, moqt::session&, moqt::event& event) override {
        using kind = moqt::event::kind;
        if (event.id != id_) return;
        switch (event.what) {
        case kind::accepted:
            answered();
            break;
        case kind::rejected:
            return absent("no namespaces under " + to_text(prefix_), event);
        case kind::cancelled:
            return run().finish(exit_status::failed, "the server ended the request");
        case kind::namespace_added:
            if (const auto m = event.as<moqt::msg::namespace_message>())
                print("added", prefix_.joined(m->track_namespace_suffix));
            break;
        case kind::namespace_removed:
            if (const auto m = event.as<moqt::msg::namespace_done>(); m && follow_)
                print("removed", prefix_.joined(m->track_namespace_suffix));
            break;
        default:
            return;
        }
        if (!follow_) end_ = now + quiet;
    }

private:
    void print(const char* what, const moqt::track_namespace& space) {
        nlohmann::ordered_json line{{"event", what}, {"namespace", to_text(space)}};
        const std::string sign = !follow_ ? "" : *what == 'a' ? "+ " : "- ";
        if (!(json() ? print_json(line) : print_line(sign + to_text(space))))
            run().finish(exit_status::failed);
    }

    moqt::track_namespace prefix_;
    bool follow_;
    moqt::request_id id_ = 0;
    instant end_ = never;
};

} // namespace

void add_namespaces_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments : query_arguments {
        bool follow = false;
    };
    auto* command = app.add_subcommand("namespaces", "list the namespaces that are published");
    auto all = std::make_shared<arguments>();
    all->connection.add_to(*command);
    command->add_option("--prefix", all->space.text, "only those that begin with these fields");
    command->add_flag("--follow", all->follow, "print what comes (+) and goes (-)");
    command->callback([all, &chosen] {
        chosen = [all] {
            return run_query(*all, false, [&](runner& runs, const moqt::full_track_name& name) {
                return std::make_unique<namespaces_query>(runs, name.space, all->follow);
            });
        };
    });
}

} // namespace moqrtc::reference
