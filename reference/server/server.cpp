#include "common/clock.hpp"
#include "common/quic_secrets.hpp"
#include "common/webtransport_client.hpp"
#include "control_plane.hpp"
#include "limit_table.hpp"
#include "server.hpp"
#include "setting_table.hpp"
#include "status_json.hpp"
#include "told_doors.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace moqrtc::reference {
namespace {

/// Port in use or no permission, as opposed to anything else that can go wrong.
int status_of(std::error_code code) {
    switch (code.value()) {
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EACCES:
    case EPERM:
        return 3;
    default:
        return 1;
    }
}

/// What to do about an address that cannot be had.
std::string advice(std::error_code code, const std::string& setting) {
    const auto another = "choose another with --" + setting + " HOST:PORT" +
                         (setting == "listen" ? "" : ", or --" + setting + " off");
    switch (code.value()) {
    case EADDRINUSE:
        return "; another program has that port: end it, or " + another;
    case EADDRNOTAVAIL:
        return "; this machine has no such address: " + another;
    case EACCES:
    case EPERM:
        return "; that port is for privileged programs: " + another;
    default:
        return {};
    }
}

server_facts facts_of(const server_settings& settings) {
    server_facts out;
    out.version = MOQRTC_VERSION_TEXT;
    out.drafts = settings.drafts;
    out.upstream = settings.upstream;
    out.hosts = settings.host;
    out.plaintext_allowed = settings.allow_plaintext;
    out.memory_limit = settings.memory;
    out.limits = limit_bounds(settings);
    out.media_mode = find_setting("media.mode")->show(settings);
    out.turn_urls = settings.turn.urls;
    out.recording_dir = settings.recording_dir;
    out.started = std::chrono::system_clock::now();
    return out;
}

} // namespace

server::server(command_line line, server_settings settings)
    : line_{std::move(line)},
      settings_{std::move(settings)},
      signals_{context_, SIGINT, SIGTERM, SIGHUP},
      certificate_timer_{context_},
      drain_timer_{context_},
      exchange_{settings_.threads},
      http_{settings_.http_connections},
      web_{std::make_shared<const web_files>(settings_.web_dir)},
      board_{facts_of(settings_)} {
    signals_.add(SIGUSR1);
}

server::~server() {
    http_.stop();
    hooks_.stop();
    if (api_) api_->stop();
    for (auto& one : lanes_)
        if (one->machine) one->machine->stop();
}

int server::run() {
    open_log(settings_.format, settings_.level);
    if (const auto opened = open(); !opened) {
        if (!close_log()) std::_Exit(opened.error().status);
        std::fprintf(stderr, "moqrtc-server: %s\n", opened.error().what.c_str());
        return opened.error().status;
    }
    wait_for_signal();
    watch_certificate();
    for (auto& one : lanes_)
        one->machine->start();
    hooks_.start();
    api_->start([this](webhook_request request, std::function<void(unsigned)> then) {
        hooks_.send(std::move(request), std::move(then));
    });
    http_.start();
    board_.set_phase(server_phase::serving);
    announce();
    context_.run();
    http_.stop();
    hooks_.stop();
    api_->stop();
    for (auto& one : lanes_)
        one->machine->stop();
    log_line{log_level::info, "ended"};
    if (!close_log()) std::_Exit(0);
    return 0;
}

server::outcome server::open() {
    auto data = data_directory(settings_);
    if (!data) return std::unexpected(failure{2, data.error()});
    data_ = std::move(*data);
    std::error_code code;
    for (const auto& directory : {data_, std::filesystem::path{settings_.qlog_dir}})
        if (!directory.empty() && !std::filesystem::exists(directory, code)) {
            std::filesystem::create_directories(directory, code);
            if (code)
                return std::unexpected(failure{1, directory.string() + ": " + code.message()});
            // What lies there is nobody else's business; a directory that exists is left as it is.
            std::filesystem::permissions(directory, std::filesystem::perms::owner_all, code);
        }
    auto loaded = load_identity(settings_, data_);
    if (!loaded) return std::unexpected(failure{settings_.cert.empty() ? 1 : 2, loaded.error()});
    identity_ = std::move(*loaded);
    board_.set_certificate(identity_.status());
    if (auto opened = open_api(); !opened) return opened;
    if (auto opened = open_data_plane(); !opened) return opened;
    return open_control_plane();
}

server::outcome server::open_api() {
    control_outside outside;
    outside.status = [this](control_outside::status_answer then) { board_.ask(true, then); };
    outside.sessions = &ender_;
    outside.features = {{"moq", settings_.features.moq},
                        {"webhooks", settings_.features.webhooks},
                        {"sfu", settings_.features.sfu}};
    outside.info = [this] { return info_json(board_.facts()); };
    outside.base_url = [this] { return base_url(); };
    outside.note = [](std::string_view what, std::string_view name, std::string_view value) {
        log_line{log_level::warning, what}.with(name, value);
    };
    auto made = control_api::open(
        {data_, !wants_api_keys(settings_), wants_tokens(settings_), MOQRTC_VERSION_TEXT},
        std::move(outside));
    if (!made) return std::unexpected(failure{1, made.error()});
    api_ = std::move(*made);
    return {};
}

/// Where clients reach us, as far as we know: by the first name that we were given, else by
/// address.
std::string server::base_url() const {
    const auto facts = board_.facts();
    for (const auto& name : facts.hosts)
        if (!name.starts_with('*'))
            return "https://" + name + facts.quic.substr(facts.quic.rfind(':'));
    return "https://" + facts.quic;
}

void server::session_ender::end_session(session_name which, std::string reason,
                                        std::function<void(bool)> then) {
    if (which.shard >= of_->lanes_.size()) return then(false);
    auto* machine = of_->lanes_[which.shard]->machine.get();
    machine->post([machine, which, reason = std::move(reason), then = std::move(then)] {
        then(machine->end_session({which.index, which.generation}, reason));
    });
}

server::outcome server::open_data_plane() {
    const auto secrets = quic_secrets::load_or_create(data_ / "quic-secrets");
    if (!secrets) return std::unexpected(failure{1, secrets.error()});
    const auto tls = make_tls(identity_);
    if (!tls) return std::unexpected(failure{settings_.cert.empty() ? 1 : 2, tls.error()});
    shard::config config;
    config.quic = settings_.quic;
    config.relay = settings_.relay;
    config.drafts = offered_drafts(settings_);
    // The bounds are the server's: each thread has its part.
    config.pool_limit = settings_.memory / settings_.threads;
    config.relay.cache_bytes = settings_.relay.cache_bytes / settings_.threads;
    const auto share = [&](std::size_t of) {
        return std::max<std::size_t>(1, of / settings_.threads);
    };
    config.relay.max_tracks = share(settings_.relay.max_tracks);
    config.quic.connections = share(settings_.quic.connections);
    config.quic.handshakes = share(settings_.quic.handshakes);
    // Clients are counted in the ledger; these are other relays and threads besides.
    config.relay.max_sessions =
        settings_.admission.sessions + settings_.threads + settings_.upstream.size();
    config.ledger = std::make_shared<admission_ledger>(settings_.admission);
    config.requests_per_session = settings_.requests_per_session;
    config.tokens = wants_tokens(settings_);
    config.implementation = std::string{"moqrtc-server/"} + MOQRTC_VERSION_TEXT;
    config.doors = make_doors();
    config.audiences = board_.facts().names();
    config.used = std::make_shared<used_tokens>(api_.get());
    config.used->restore(api_->used(), {wall_time()});
    config.webtransport.dialects = offered_dialects(settings_);
    config.webtransport_fallback = fallback_draft(settings_);
    config.files = public_handler(board_, web_);
    for (const auto& url : settings_.upstream)
        config.upstreams.push_back(*parse_locator(url));
    auto& trust = config.upstream_trust;
    if (settings_.insecure_upstream) trust.how = tls_trust::mode::anyone;
    if (!settings_.upstream_cert_sha256.empty()) trust.how = tls_trust::mode::pinned;
    for (const auto& pin : settings_.upstream_cert_sha256)
        trust.pins.push_back(*parse_sha256(pin));
    trust.authorities_file = settings_.upstream_ca;

    config.relay.expects_upstream = !config.upstreams.empty();
    std::vector<shard*> shards;
    for (std::size_t i = 0; i < settings_.threads; ++i) {
        auto& one = *lanes_.emplace_back(std::make_unique<lane>(i));
        one.machine = std::make_unique<shard>(
            static_cast<std::uint8_t>(i), config, *secrets,
            [&log = one.log](instant now, const moqt::relay_event& event, std::string_view peer) {
                log.write(now, event, peer);
            });
        if (auto good = one.machine->prepare_upstreams(); !good)
            return std::unexpected(failure{2, "upstream-ca: " + good.error()});
        config.upstreams.clear(); // the first connects for all
        for (auto* other : shards)
            shard::join(*other, *one.machine,
                        other == shards.front() && config.relay.expects_upstream);
        // Waits in the shard's queue before anything that comes in.
        api_->directory().watch(
            [machine = one.machine.get()](std::shared_ptr<const access_snapshot> now) {
                machine->post([machine, now = std::move(now)] { machine->use_access(now); });
            });
        exchange_.attach(one.machine->endpoint());
        shards.push_back(one.machine.get());
    }
    auto local = *parse_endpoint(settings_.listen);
    for (auto* one : shards) {
        if (const auto code = one->listen(local, shards.size() > 1, *tls))
            return std::unexpected(failure{status_of(code), "listen: UDP " + local.to_string() +
                                                                ": " + code.message() +
                                                                advice(code, "listen")});
        local = one->local(); // port 0 is chosen once
    }
    board_.attach(std::move(shards), config.ledger);
    board_.set_quic(lanes_.front()->machine->local().to_string());
    return {};
}

server::outcome server::open_control_plane() {
    if (settings_.https != "off") {
        const auto& now = identity_.current;
        if (auto taken = http_.use({now.chain_pem, now.key_pem}); !taken)
            return std::unexpected(failure{1, "https: " + taken.error()});
        if (auto opened = open_http(settings_.https, true, https_address_); !opened) return opened;
    }
    if (settings_.http == "off") return {};
    if (auto opened = open_http(settings_.http, false, http_address_); !opened) return opened;
    const auto quic = lanes_.front()->machine->local();
    if (!settings_.allow_plaintext && !quic.is_loopback()) return {};
    if (quic.port() == http_address_.port()) return {};
    if (const auto second = http_.listen(quic, certificate_handler(board_)); !second)
        log_line{log_level::warning, "certificate_port_unavailable"}
            .with("address", quic.to_string())
            .with("reason", second.error().message());
    return {};
}

server::outcome server::open_http(const std::string& where, bool tls, socket_address& bound) {
    const auto local = *parse_endpoint(where);
    const auto opened = http_.listen(local, control_handler(board_, web_, make_told_doors(), *api_),
                                     control_bodies(), tls);
    const std::string setting = tls ? "https" : "http";
    if (!opened)
        return std::unexpected(
            failure{status_of(opened.error()), setting + ": TCP " + local.to_string() + ": " +
                                                   opened.error().message() +
                                                   advice(opened.error(), setting)});
    bound = *opened;
    return {};
}

std::expected<std::shared_ptr<const tls_server>, std::string>
server::make_tls(const identity& from) const {
    std::vector<std::string> protocols;
    for (const auto& d : offered_drafts(settings_))
        protocols.push_back(d.protocol);
    // Where a client offers both, MoQT straight on QUIC has less around it.
    if (!offered_dialects(settings_).empty()) protocols.emplace_back(http3_protocol);
    return tls_server::make(from.current, protocols);
}

std::shared_ptr<const door_policy> server::make_doors() const {
    return std::make_shared<open_doors>(
        open_doors::config{allowed_origins(settings_), board_.facts().names()});
}

/// The same answer for those who ask over HTTP what a session would get.
std::shared_ptr<const door_policy> server::make_told_doors() {
    token_doors::config config;
    config.doors = make_doors();
    config.audiences = board_.facts().names();
    return std::make_shared<const told_doors>(std::move(config), api_->directory());
}

void server::announce() const {
    const auto quic = lanes_.front()->machine->local().to_string();
    std::string line = R"({"event":"ready","quic":")" + quic + '"';
    if (!http_address_.empty()) line += R"(,"http":")" + http_address_.to_string() + '"';
    if (!https_address_.empty()) line += R"(,"https":")" + https_address_.to_string() + '"';
    line += R"(,"cert_sha256":")" + identity_.current.sha256 + R"(","drafts":[)";
    for (std::size_t i = 0; i < settings_.drafts.size(); ++i)
        line += (i == 0 ? "\"" : ",\"") + settings_.drafts[i] + '"';
    line += "]}\n";
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
    log_line{log_level::info, "ready"}
        .with("quic", quic)
        .with("http", http_address_.empty() ? "off" : http_address_.to_string())
        .with("https", https_address_.empty() ? "off" : https_address_.to_string())
        .with("data", data_.string())
        .with("version", MOQRTC_VERSION_TEXT);
    const auto doors = api_->directory().current();
    for (const auto& one : known_features)
        log_line{log_level::info, "feature"}
            .with("name", one.name)
            .with("state", doors->has_feature(one.name) ? "on" : "off");
    log_line{log_level::info, "media_mode"}.with("mode", facts_of(settings_).media_mode);
    if (settings_.mode == media_mode::single_server_sfu)
        log_line{log_level::warning, "prototype_only"}
            .with("setting", "media.mode = single_server_sfu")
            .with("reason", "interfaces without anything behind them: no call goes through it");
    if (!api_->first_key().empty())
        log_line{log_level::info, "first_api_key"}.with("file", api_->first_key().string());
    check_hash();
    if (settings_.allow_plaintext && !http_address_.empty() && !http_address_.is_loopback())
        log_line{log_level::warning, "plaintext_listener"}.with("http", http_address_.to_string());
    if (!wants_tokens(settings_) && !parse_endpoint(settings_.listen)->is_loopback())
        log_line{log_level::warning, "open_to_everybody"}.with("quic", quic);
}

} // namespace moqrtc::reference
