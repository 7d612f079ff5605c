#include "control_state.hpp"

#include <chrono>

namespace moqrtc::reference {
namespace {

std::filesystem::path below(const std::filesystem::path& data, std::string_view name) {
    return data.empty() ? data : data / name;
}

std::shared_ptr<const auth::revocations> read_revocations(database& store, wall_seconds now) {
    auto out = std::make_shared<auth::revocations>();
    auto asked = store.prepare(
        "SELECT kind, value, expires FROM revocations WHERE expires IS NULL OR expires > ?");
    asked.bind(now);
    while (asked.step()) {
        using what = auth::revocations::what;
        auth::revocations::entry one;
        const auto word = asked.text(0);
        one.of = word == "subject"    ? what::subject
                 : word == "resource" ? what::resource
                                      : what::token;
        one.id = asked.text(1);
        const auto ends = asked.value(2);
        if (const auto* at = std::get_if<std::int64_t>(&ends)) one.until = {*at};
        if (auto added = out->add(std::move(one)); !added)
            throw storage_failure{"there are more revocations than can be kept"};
    }
    return out;
}

} // namespace

wall_seconds wall_time() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

control_state::control_state(const std::filesystem::path& data,
                             std::shared_ptr<const secret_keeper> keeper, access_directory& to,
                             event_hub& hub, bool is_open)
    : secrets{std::move(keeper)},
      directory{&to},
      events{&hub},
      open{is_open},
      store{below(data, "control.db")},
      keys{store, below(data, "keys")},
      calls{store},
      kill{below(data, "kill")},
      killed{kill.read()},
      hooks{store, secrets} {
    auto asked = store.prepare("SELECT id FROM orgs ORDER BY rowid LIMIT 1");
    if (asked.step()) first_org = asked.text(0);
    streams.load(store, wall_time());
}

void control_state::reread() {
    streams.load(store, wall_time());
    calls = call_registry{store};
    publish();
}

void control_state::publish() {
    access_snapshot out;
    out.required = directory->current()->required;
    out.secrets = secrets;
    out.keys = keys.verification();
    out.revoked = read_revocations(store, wall_time());
    out.killed = killed;
    {
        auto asked = store.prepare("SELECT id, org, kind, enabled, digest, previous_digest, "
                                   "previous_until FROM live_inputs");
        while (asked.step()) {
            access_input one;
            const auto kind = asked.text(2);
            for (std::size_t i = 0; i < input_kind_names.size(); ++i)
                if (input_kind_names[i] == kind) one.kind = static_cast<input_kind>(i);
            one.key.input = asked.text(0);
            one.key.organisation = asked.text(1);
            one.key.enabled = asked.integer(3) != 0;
            one.key.hash = digest_from_hex(asked.text(4));
            one.key.previous = digest_from_hex(asked.text(5));
            one.key.previous_until = {asked.integer(6)};
            out.inputs.emplace(one.key.input, std::move(one));
        }
    }
    {
        auto asked = store.prepare("SELECT id, org, playback_id FROM assets");
        while (asked.step()) {
            access_asset one{asked.text(0), asked.text(1), asked.text(2)};
            out.playback_ids.emplace(one.playback_id, one.id);
            out.assets.emplace(one.id, std::move(one));
        }
    }
    {
        auto asked = store.prepare("SELECT org, account, name, value FROM limits");
        while (asked.step())
            out.limits.push_back({asked.text(0), asked.text(1), asked.text(2),
                                  static_cast<std::uint64_t>(asked.integer(3))});
    }
    {
        out.features = outside.features;
        auto asked = store.prepare("SELECT name, enabled FROM features");
        while (asked.step())
            out.features.insert_or_assign(asked.text(0), asked.integer(1) != 0);
    }
    directory->publish(std::move(out));
}

bool control_state::watch_kill() {
    const auto now = kill.read();
    if (now == killed) return false;
    for (std::size_t i = 0; i < now.size(); ++i)
        if (now[i] != killed[i] && outside.note)
            outside.note(now[i] ? "path_killed" : "path_revived", "path", media_path_names[i]);
    killed = now;
    publish();
    return true;
}

bool control_state::first_start(wall_seconds now,
                                const std::function<void(const std::string& key)>& keep) {
    if (!first_org.empty()) return false;
    const auto key = random_secret("mk_");
    keep(key);
    database::transaction all{store};
    const auto org =
        make_record(store, resource_at("orgs"), "", {{"name", std::string{"main"}}}, now);
    const auto id = org["id"].get<std::string>();
    record_values values;
    values["name"] = std::string{"first key"};
    values["scopes"] = std::string{R"(["admin"])"};
    values["prefix"] = key.substr(0, 9);
    values["digest"] = to_hex(secrets->digest(key));
    make_record(store, resource_at("api_keys"), id, std::move(values), now);
    all.commit();
    first_org = id;
    return true;
}

} // namespace moqrtc::reference
