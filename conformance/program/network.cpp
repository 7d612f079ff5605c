#include "network.hpp"
#include "side_link.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <common/certificate.hpp>
#include <common/clock.hpp>
#include <common/moqt_connection.hpp>

namespace moqrtc::conformance {

using namespace moqrtc::reference;

network::network(network_options options) : options_{std::move(options)}, timer_{context_} {}

network::~network() {
    endpoint_.reset(); // its connections hold parts of the pool
}

std::string network::prepare(const offered_draft& speak) {
    offered_ = {speak};
    auto tls = tls_client::make(options_.trust);
    if (!tls) return "TLS: " + tls.error();
    tls_ = *tls;
    quic_config config;
    config.idle_timeout = seconds(30);
    // Rows open what they want, and want to see everything.
    config.bidirectional_streams = 4096;
    config.unidirectional_streams = 4096;
    endpoint_ = std::make_unique<quic_endpoint>(context_, config);
    if (options_.listen_host.empty()) return {};

    const auto address = socket_address::parse(options_.listen_host, options_.listen_port);
    if (!address) return "--listen takes a numeric address";
    const std::vector<std::string> hosts{options_.listen_host};
    const auto identity = make_certificate(hosts, std::chrono::system_clock::now());
    if (!identity) return "certificate: " + identity.error();
    const std::vector<std::string> protocols{speak.protocol};
    auto server = tls_server::make(*identity, protocols);
    if (!server) return "TLS: " + server.error();
    const auto accept = [this](quic_connection& connection,
                               std::string_view) -> std::unique_ptr<connection_handler> {
        while (!expected_.empty() && expected_.front().to.expired())
            expected_.pop_front();
        if (expected_.empty()) return nullptr;
        const auto who = expected_.front();
        expected_.pop_front();
        return std::make_unique<moqt_connection>(
            connection, [&](moqt_carrier& carrier) { return link_for(carrier, who); }, offered_);
    };
    if (const auto failure = endpoint_->listen(*address, false, *server, accept))
        return "listening: " + failure.message();
    url_ = "moqt://" + endpoint_->local().to_string() + "/moq";
    return {};
}

std::unique_ptr<carried> network::link_for(moqt_carrier& carrier, const waiting& who) {
    return std::make_unique<side_link>(*this, carrier, who);
}

void network::connect(stage& owner, side& fresh) {
    waiting who{&owner, fresh.watch()};
    if (!options_.listen_host.empty()) {
        expected_.push_back(who);
        return start_child(who);
    }
    connect_options to;
    to.host = options_.where.host;
    to.port = options_.where.port;
    to.tls = tls_;
    const auto choice = options_.where.how == locator::scheme::https
                            ? transport_choice::webtransport
                            : transport_choice::quic;
    to.protocols = client_protocols(choice, offered_);
    endpoint_->connect(to, [this, who](quic_connection& connection) {
        return make_client_handler(
            connection, pool_, {options_.where, offered_, {}},
            [this, who](moqt_carrier& carrier) { return link_for(carrier, who); });
    });
}

void network::start_child(const waiting& who) {
    auto command = options_.command;
    const auto port = std::to_string(endpoint_->local().port());
    const auto put = [](std::string& in, std::string_view name, const std::string& value) {
        for (auto at = in.find(name); at != in.npos; at = in.find(name, at + value.size()))
            in.replace(at, name.size(), value);
    };
    for (auto& part : command) {
        put(part, "{url}", url_);
        put(part, "{port}", port);
    }
    (void)children_.start(who.owner, command, options_.verbose);
}

void network::stirred(stage* owner) {
    if (suite_ == nullptr) return;
    // A row that goes on may end, and begin others: those look for themselves.
    if (stirring_) return asio::post(context_, [this] { stirred(nullptr); });
    stirring_ = true;
    const auto alive = suite_->running();
    if (owner != nullptr && std::ranges::find(alive, owner) != alive.end())
        suite_->poke(steady_now(), *owner);
    else
        suite_->poke(steady_now());
    stirring_ = false;
    flush();
    arm();
}

void network::flush() {
    const std::vector<side_link*> all{links_.begin(), links_.end()};
    for (auto* const link : all)
        if (links_.contains(link)) link->take_outbox();
    const auto alive = suite_->running();
    children_.keep([&](const void* owner) {
        return std::ranges::any_of(alive, [&](const stage* s) { return s == owner && !s->done(); });
    });
}

void network::arm() {
    if (suite_->done()) return timer_.cancel(), context_.stop();
    const auto next = suite_->next_timeout();
    timer_.expires_at(std::chrono::steady_clock::time_point{
        std::chrono::microseconds{std::min(next.us, steady_now().us + seconds(1).us)}});
    timer_.async_wait([this](std::error_code failure) {
        if (!failure) stirred(nullptr);
    });
}

void network::run(suite& what) {
    suite_ = &what;
    stirring_ = true;
    what.begin(steady_now());
    stirring_ = false;
    flush();
    arm();
    context_.run();
    // What is left to say is that we leave.
    suite_ = nullptr;
    timer_.cancel();
    endpoint_->close_all(0, "");
    context_.restart();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{300};
    while (endpoint_->connections() != 0 && std::chrono::steady_clock::now() < until)
        context_.run_one_for(std::chrono::milliseconds{20});
    children_.stop_all();
}

} // namespace moqrtc::conformance
