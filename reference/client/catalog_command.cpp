#include "catalog_feed.hpp"
#include "commands.hpp"
#include "print.hpp"
#include "query.hpp"

#include <moqrtc/catalog/locate.hpp>
#include <moqrtc/catalog/writer.hpp>

#include <cstdio>

namespace moqrtc::reference {

namespace {

constexpr duration retry_period = milliseconds(500);

/// Prints the catalog, with `follow` again whenever it says something else.
class catalog_query final : public query {
public:
    catalog_query(runner& runs, const moqt::track_namespace& space, bool follow)
        : query{runs}, space_{space}, feed_{runs, space}, follow_{follow} {}

    void lost(instant now, const close_info& info) override {
        query::lost(now, info);
        feed_.lost();
    }
    [[nodiscard]] instant next_timeout() override {
        return std::min({query::next_timeout(), retry_, feed_.next_timeout()});
    }
    void handle_timeout(instant now) override {
        query::handle_timeout(now);
        print(now);
        if (now < retry_) return;
        retry_ = never;
        if (auto* session = run().session(); session != nullptr) subscribe(now, *session);
    }

protected:
    void ask(instant now, moqt::session& session) override {
        if (follow_) answered();
        retry_ = never;
        subscribe(now, session);
    }
    void answer(instant now, moqt::session& session, moqt::event& event) override {
        const auto what = feed_.handle(now, session, event);
        print(now);
        switch (what) {
        case catalog_feed::progress::renamed:
            return subscribe(now, session);
        case catalog_feed::progress::absent:
            if (!follow_) return absent("no catalog in " + to_text(space_), event);
            retry_ = retry_at(now, event);
            return;
        case catalog_feed::progress::cut_off:
        case catalog_feed::progress::over:
            if (printed_) return run().finish(exit_status::done);
            return run().finish(exit_status::failed, "the catalog track ended without a catalog");
        default:
            return;
        }
    }

private:
    void subscribe(instant now, moqt::session& session) {
        if (!feed_.subscribe(now, session, {})) retry_ = now + retry_period;
    }
    void print(instant now) {
        while (const auto update = feed_.poll(now)) {
            if (printed_ && !follow_) return;
            if (!update->changes) {
                const auto why = catalog::explain(update->changes.error(), update->payload);
                if (!follow_) return run().finish(exit_status::failed, "catalog: " + why);
                std::fprintf(stderr, "catalog: %s\n", why.c_str());
                continue;
            }
            if (printed_ && update->changes->empty()) continue;
            // Object 0 is the catalog as its publisher wrote it; later ones only say what changed.
            std::string text{as_text(update->payload)};
            if (update->at.object != 0)
                if (auto whole = catalog::write_msf(*feed_.current())) text = std::move(*whole);
            const auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
            const bool there = json() ? print_json(parsed) : print_line(parsed.dump(2));
            printed_ = true;
            if (!there) return run().finish(exit_status::failed);
            if (!follow_) return run().finish(exit_status::done);
        }
    }

    moqt::track_namespace space_;
    catalog_feed feed_;
    bool follow_;
    bool printed_ = false;
    instant retry_ = never;
};

} // namespace

void add_catalog_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments : query_arguments {
        bool follow = false;
    };
    auto* command = app.add_subcommand("catalog", "print the catalog of a namespace");
    auto all = std::make_shared<arguments>();
    all->add_to(*command, false);
    command->add_flag("--follow", all->follow, "wait for it, and print it again when it changes");
    command->callback([all, &chosen] {
        chosen = [all] {
            return run_query(*all, true, [&](runner& runs, const moqt::full_track_name& name) {
                return std::make_unique<catalog_query>(runs, name.space, all->follow);
            });
        };
    });
}

} // namespace moqrtc::reference
