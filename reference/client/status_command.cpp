#include "commands.hpp"
#include "print.hpp"
#include "query.hpp"

#include <moqrtc/core/hex.hpp>
#include <moqrtc/moqt/properties.hpp>

namespace moqrtc::reference {

namespace {

std::string property_name(std::uint64_t type) {
    using namespace moqt::property;
    switch (type) {
    case object_delivery_timeout:
        return "object_delivery_timeout";
    case max_cache_duration:
        return "max_cache_duration";
    case subgroup_delivery_timeout:
        return "subgroup_delivery_timeout";
    case immutable:
        return "immutable";
    case default_publisher_priority:
        return "default_publisher_priority";
    case default_publisher_group_order:
        return "default_publisher_group_order";
    case dynamic_groups:
        return "dynamic_groups";
    default:
        return "property " + std::to_string(type);
    }
}

/// What TRACK_STATUS tells of a track.
class status_query final : public query {
public:
    status_query(runner& runs, moqt::full_track_name name) : query{runs}, name_{std::move(name)} {}

protected:
    void ask(instant now, moqt::session& session) override {
        const auto id = session.track_status(now, name_, run().params());
        if (!id)
            return run().finish(exit_status::failed,
                                std::string{"TRACK_STATUS cannot be sent: "} + id.error().field);
        id_ = *id;
    }
    void answer(instant, moqt::session& session, moqt::event& event) override {
        if (event.id != id_) return;
        if (event.what == moqt::event::kind::rejected)
            return absent(to_text(name_.space) + "/" + name_.name, event);
        if (event.what != moqt::event::kind::accepted) return;
        const auto params = event.ok_params();
        nlohmann::ordered_json out{{"namespace", to_text(name_.space)}, {"track", name_.name}};
        out["largest"] = nullptr;
        if (const auto at = params.largest_object)
            out["largest"] = std::to_string(at->group) + ":" + std::to_string(at->object);
        out["expires_ms"] = nullptr;
        if (params.expires) out["expires_ms"] = *params.expires;
        auto& properties = out["properties"] = nlohmann::ordered_json::object();
        moqt::key_value_reader pairs{session.rules(), event.track_properties()};
        while (const auto pair = pairs.next()) {
            auto& value = properties[property_name(pair->type)];
            if (pair->type % 2 == 0)
                value = pair->number;
            else
                value = "0x" + hex_encode(pair->data);
        }
        const bool there = json() ? print_json(out) : print_text(out);
        run().finish(there ? exit_status::done : exit_status::failed);
    }

private:
    [[nodiscard]] static bool print_text(const nlohmann::ordered_json& out) {
        const auto shown = [](const nlohmann::ordered_json& value) {
            return value.is_null()     ? "none"
                   : value.is_string() ? value.get<std::string>()
                                       : value.dump();
        };
        bool there = print_line("largest object  " + shown(out["largest"]));
        there = print_line("expires (ms)    " + shown(out["expires_ms"])) && there;
        for (const auto& [name, value] : out["properties"].items())
            there = print_line(name + "  " + shown(value)) && there;
        return there;
    }

    moqt::full_track_name name_;
    moqt::request_id id_ = 0;
};

} // namespace

void add_status_command(CLI::App& app, std::function<int()>& chosen) {
    auto* command = app.add_subcommand("status", "largest object and properties of a track");
    auto all = std::make_shared<query_arguments>();
    all->add_to(*command, true);
    command->callback([all, &chosen] {
        chosen = [all] {
            return run_query(*all, true, [](runner& runs, moqt::full_track_name name) {
                return std::make_unique<status_query>(runs, std::move(name));
            });
        };
    });
}

} // namespace moqrtc::reference
