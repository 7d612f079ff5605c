#include "catalog_feed.hpp"
#include "commands.hpp"
#include "print.hpp"
#include "query.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace moqrtc::reference {

namespace {

std::string to_text(moqt::location at) {
    return std::to_string(at.group) + ":" + std::to_string(at.object);
}

std::string_view to_text(moqt::object_status status) {
    switch (status) {
    case moqt::object_status::normal:
        return "normal";
    case moqt::object_status::does_not_exist:
        return "does_not_exist";
    case moqt::object_status::end_of_group:
        return "end_of_group";
    case moqt::object_status::end_of_track:
        return "end_of_track";
    }
    return "unknown";
}

struct closer {
    void operator()(std::FILE* file) const noexcept {
        if (file != stdout) std::fclose(file);
    }
};
using output_file = std::unique_ptr<std::FILE, closer>;

struct fetch_range {
    moqt::location start;
    moqt::location end;
};

/// Past objects of a track: into a file, with the init segment of the catalog in front, or listed.
class fetch_query final : public query {
public:
    fetch_query(runner& runs, const moqt::full_track_name& name, fetch_range range, output_file out)
        : query{runs, seconds(30)},
          name_{name},
          range_{range},
          out_{std::move(out)},
          feed_{runs, name.space} {}

    [[nodiscard]] instant next_timeout() override {
        return std::min({query::next_timeout(), catalog_until_, feed_.next_timeout()});
    }
    void handle_timeout(instant now) override {
        query::handle_timeout(now);
        read_catalog(now, now >= catalog_until_);
    }
    void lost(instant now, const close_info& info) override {
        query::lost(now, info);
        feed_.lost();
        catalog_until_ = never;
    }

protected:
    void ask(instant now, moqt::session& session) override {
        objects_ = bytes_ = 0;
        last_.reset();
        if (out_ == nullptr) return fetch(now, session);
        if (std::fflush(out_.get()) != 0 || !start_again()) return;
        catalog_until_ = now + seconds(2);
        if (!feed_.subscribe(now, session, {})) fetch(now, session);
    }
    void answer(instant now, moqt::session& session, moqt::event& event) override {
        using kind = moqt::event::kind;
        if (catalog_until_ != never) {
            const auto what = feed_.handle(now, session, event);
            using progress = catalog_feed::progress;
            if (what == progress::renamed && !feed_.subscribe(now, session, {}))
                return fetch(now, session);
            read_catalog(now, what == progress::absent || what == progress::cut_off ||
                                  what == progress::over);
            return;
        }
        if (!asked_ || event.id != id_) return;
        switch (event.what) {
        case kind::accepted:
            answered();
            return;
        case kind::rejected:
            return absent(reference::to_text(name_.space) + "/" + name_.name, event);
        case kind::object:
            return on_object(event.item);
        case kind::fetch_gap:
            last_ = event.item.location;
            return show_gap(event.item.location, event.gap_unknown);
        case kind::stream_finished:
            return finish();
        case kind::stream_reset:
            return run().finish(exit_status::failed,
                                "the server gave up after " + std::to_string(objects_) +
                                    " objects: " + std::string{to_string(event.reset)});
        case kind::malformed_track:
            return run().finish(exit_status::failed, "the track is malformed");
        case kind::cancelled:
            return run().finish(exit_status::failed, "the server ended the request");
        default:
            return;
        }
    }

private:
    /// After a lost connection everything comes once more.
    [[nodiscard]] bool start_again() {
        if (!written_) return true;
        if (out_.get() != stdout && std::freopen(nullptr, "wb", out_.get()) != nullptr) return true;
        run().finish(exit_status::failed, "the output cannot be started again");
        return false;
    }
    void read_catalog(instant now, bool give_up) {
        if (catalog_until_ == never) return;
        while (feed_.poll(now)) {
        }
        const auto* known = feed_.current();
        if (known == nullptr && !give_up) return;
        auto* session = run().session();
        if (session == nullptr) return;
        const auto* entry = known == nullptr ? nullptr : catalog::find_track(*known, name_.name);
        const auto init = entry == nullptr
                              ? result<std::vector<std::byte>>{fail(errc::not_found, "")}
                              : catalog::init_bytes(*known, *entry);
        if (init)
            write(*init);
        else
            std::fprintf(stderr, "no init segment in the catalog: payloads alone are written\n");
        fetch(now, *session);
    }
    void fetch(instant now, moqt::session& session) {
        catalog_until_ = never;
        const auto id = session.fetch(now, name_, range_.start, range_.end, run().params());
        if (!id)
            return run().finish(exit_status::failed,
                                std::string{"FETCH cannot be sent: "} + id.error().field);
        id_ = *id;
        asked_ = true;
    }
    void on_object(const moqt::object& item) {
        const auto at = item.location;
        if (last_ && last_->group == at.group && at.object > last_->object + 1)
            show_gap({at.group, at.object - 1}, false);
        last_ = at;
        ++objects_;
        bytes_ += item.payload.size();
        if (out_ != nullptr) return write(item.payload);
        if (json()) {
            if (!print_json(nlohmann::ordered_json{{"group", at.group},
                                                   {"object", at.object},
                                                   {"size", item.payload.size()},
                                                   {"status", to_text(item.status)}}))
                run().finish(exit_status::failed);
            return;
        }
        char line[96];
        std::snprintf(line, sizeof line, "%-20s %9zu bytes  %s", to_text(at).c_str(),
                      item.payload.size(), to_text(item.status).data());
        if (!print_line(std::string_view{line})) run().finish(exit_status::failed);
    }
    void show_gap(moqt::location last, bool unknown) {
        ++gaps_;
        if (out_ != nullptr) {
            std::fprintf(stderr, "gap up to %s\n", to_text(last).c_str());
        } else if (json()) {
            (void)print_json(
                nlohmann::ordered_json{{"gap_to", to_text(last)}, {"known", !unknown}});
        } else {
            (void)print_line(std::string_view{
                "gap up to " + to_text(last) +
                (unknown ? ": not known whether there is anything" : ": nothing exists")});
        }
    }
    void write(bytes data) {
        written_ = true;
        if (std::fwrite(data.data(), 1, data.size(), out_.get()) != data.size())
            run().finish(exit_status::failed, std::string{"output: "} + std::strerror(errno));
    }
    void finish() {
        if (out_ != nullptr && std::fflush(out_.get()) != 0)
            return run().finish(exit_status::failed,
                                std::string{"output: "} + std::strerror(errno));
        std::fprintf(stderr, "%" PRIu64 " objects, %" PRIu64 " bytes, %" PRIu64 " gaps\n", objects_,
                     bytes_, gaps_);
        run().finish(exit_status::done);
    }

    moqt::full_track_name name_;
    fetch_range range_;
    output_file out_;
    catalog_feed feed_;
    instant catalog_until_ = never; ///< while the catalog is waited for
    moqt::request_id id_ = 0;
    std::optional<moqt::location> last_;
    std::uint64_t objects_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t gaps_ = 0;
    bool asked_ = false;
    bool written_ = false;
};

} // namespace

void add_fetch_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments : query_arguments {
        std::string start;
        std::string end;
        std::string output;
    };
    auto* command = app.add_subcommand("fetch", "past objects of one track");
    auto all = std::make_shared<arguments>();
    all->add_to(*command, true);
    command->add_option("--start", all->start, "first object, group:object")->required();
    command
        ->add_option("--end", all->end,
                     "one behind the last object, group:object; G:0 is the whole of group G")
        ->required();
    command->add_option("-o,--output", all->output,
                        "write the payloads there, behind the track's init segment; - is standard "
                        "output");
    command->callback([all, &chosen] {
        chosen = [all]() -> int {
            const auto start = parse_location(all->start);
            const auto end = parse_location(all->end);
            if (!start) return complain("--start: " + start.error());
            if (!end) return complain("--end: " + end.error());
            const bool empty = end->group < start->group ||
                               (end->group == start->group && end->object != 0 && *end <= *start);
            if (empty) return complain("--end lies before --start");
            output_file out;
            if (!all->output.empty()) {
                out.reset(all->output == "-" ? stdout : std::fopen(all->output.c_str(), "wb"));
                if (out == nullptr) {
                    std::fprintf(stderr, "%s: %s\n", all->output.c_str(), std::strerror(errno));
                    return exit_status::failed;
                }
            }
            return run_query(*all, true, [&](runner& runs, const moqt::full_track_name& name) {
                return std::make_unique<fetch_query>(runs, name, fetch_range{*start, *end},
                                                     std::move(out));
            });
        };
    });
}

} // namespace moqrtc::reference
