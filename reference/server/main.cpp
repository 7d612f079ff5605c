#include "common/clock.hpp"
#include "shard.hpp"

#include <asio/signal_set.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>

int main(int count, char** arguments) {
    using namespace moqrtc;
    using namespace moqrtc::reference;
    CLI::App app{"moqrtc-server"};
    std::string listen = "127.0.0.1:4443";
    app.add_option("--listen", listen);
    std::string data = "/tmp/moqrtc-data";
    app.add_option("--data-dir", data);
    std::vector<std::string> upstream;
    app.add_option("--upstream", upstream);
    CLI11_PARSE(app, count, arguments);
    auto store = certificate_store::open(data, {}, std::chrono::system_clock::now());
    if (!store) return std::fprintf(stderr, "%s\n", store.error().c_str()), 1;
    auto tls = tls_server::make(store->current(), {"moqt-18", "moqt-16"});
    shard::config config;
    config.drafts = {moqt::draft::d18, moqt::draft::d16};
    config.upstream_trust.how = tls_trust::mode::anyone;
    for (auto& u : upstream)
        config.upstreams.push_back(*parse_locator(u));
    auto secrets = quic_secrets::random();
    shard s{0, config, secrets, [](const shard&, const moqt::relay_event& e) {
                std::fprintf(stderr, "event %d %s/%s %s\n", int(e.what),
                             to_text(e.name.space).c_str(), e.name.name.c_str(), e.reason.c_str());
            }};
    auto at = parse_locator("moqt://" + listen);
    auto local = socket_address::parse(at->host, at->port);
    if (auto failed = s.listen(*local, false, *tls))
        return std::fprintf(stderr, "%s\n", failed.message().c_str()), 3;
    std::printf("{\"event\":\"ready\",\"quic\":\"%s\"}\n", s.local().to_string().c_str());
    std::fflush(stdout);
    s.start();
    asio::io_context main;
    asio::signal_set signals{main, SIGINT, SIGTERM};
    signals.async_wait([&](std::error_code, int) { main.stop(); });
    main.run();
    s.stop();
}
