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
    for (const auto& h : paths_)
        h.path->close();
    doors_.clear(); // their connections hold parts of the pool
    sparing_.clear();
    endpoint_.reset();
}

std::string network::prepare(const offered_draft& speak) {
    offered_ = {speak};
    auto tls = tls_client::make(options_.trust);
    if (!tls) return "TLS: " + tls.error();
    tls_ = *tls;
    config_.idle_timeout = seconds(30);
    // Rows open what they want, and want to see everything.
    config_.bidirectional_streams = 4096;
    config_.unidirectional_streams = 4096;
    endpoint_ = std::make_unique<quic_endpoint>(context_, config_);
    if (options_.listen_host.empty()) return {};

    const std::vector<std::string> hosts{options_.listen_host};
    const auto identity = make_certificate(hosts, std::chrono::system_clock::now());
    if (!identity) return "certificate: " + identity.error();
    const std::vector<std::string> protocols{
        options_.listen_webtransport ? std::string{http3_protocol} : speak.protocol};
    auto server = tls_server::make(*identity, protocols);
    if (!server) return "TLS: " + server.error();
    listening_ = *server;
    return open_door(doors_.emplace_back()); // what cannot be listened at is known at once
}

std::string network::open_door(door& fresh) {
    const auto address = socket_address::parse(options_.listen_host, options_.listen_port);
    if (!address) return "--listen takes a numeric address";
    const bool web = options_.listen_webtransport;
    if (web) open_web(fresh);
    const auto accept = [this, web,
                         at = &fresh](quic_connection& connection,
                                      std::string_view) -> std::unique_ptr<connection_handler> {
        if (web) return std::make_unique<http3_connection>(connection, at->web);
        const auto who = next_expected(*at);
        if (!who) return nullptr;
        return std::make_unique<moqt_connection>(
            connection, [&](moqt_carrier& carrier) { return link_for(carrier, *who); }, offered_);
    };
    fresh.endpoint = std::make_unique<quic_endpoint>(context_, config_);
    if (const auto failure = fresh.endpoint->listen(*address, false, listening_, accept))
        return "listening: " + failure.message();
    fresh.authority = fresh.endpoint->local().to_string();
    return {};
}

network::door* network::door_of(const stage& owner) {
    if (options_.listen_port != 0) return &doors_.front();
    auto& at = door_of_[&owner];
    if (at == nullptr) {
        auto& fresh = doors_.emplace_back();
        if (open_door(fresh).empty()) at = &fresh;
    }
    return at;
}

std::optional<network::waiting> network::next_expected(door& at) {
    while (!at.expected.empty() && at.expected.front().to.expired())
        at.expected.pop_front();
    if (at.expected.empty()) return std::nullopt;
    auto who = std::move(at.expected.front());
    at.expected.pop_front();
    return who;
}

/// Sessions of WebTransport for those who wait, and nothing else of HTTP/3.
void network::open_web(door& at) {
    at.web.connection.self = webtransport::role::server;
    at.web.drafts = offered_;
    at.web.fallback = offered_.front().version; // some drafts have no name there
    at.web.pool = &pool_;
    at.web.decide = [where = &at](const door_request&) {
        return where->expected.empty() ? door_answer{429, "no row waits"} : door_answer{};
    };
    at.web.make_link = [this, where = &at](moqt_carrier& carrier) {
        return link_for(carrier, next_expected(*where).value_or(waiting{}));
    };
    at.web.answer = [](const http_request&, const http_server::reply& reply) {
        reply(http_response{404, "text/plain; charset=utf-8", "no files here\n"});
    };
    at.web.post = [this](std::function<void()> work) { asio::post(context_, std::move(work)); };
}

std::unique_ptr<carried> network::link_for(moqt_carrier& carrier, const waiting& who) {
    return std::make_unique<side_link>(*this, carrier, who);
}

void network::connect(stage& owner, side& fresh) {
    waiting who{&owner, fresh.watch()};
    if (!options_.listen_host.empty()) {
        auto* const at = door_of(owner);
        if (at == nullptr) return fresh.on_closed({ending::how::refused, false, 0, "no socket"});
        fresh.place = at->authority;
        at->expected.push_back(who);
        return start_child(who, *at);
    }
    connect_options to;
    to.host = options_.where.host;
    to.port = options_.where.port;
    to.tls = tls_;
    if (fresh.wanted.narrow) {
        auto path = narrow_path::make(context_, to.host, to.port);
        if (path == nullptr)
            return fresh.on_closed({ending::how::refused, false, 0, "no socket for a path"});
        to.server_name = to.host;
        to.host = "127.0.0.1";
        to.port = path->port();
        paths_.push_back({who.to, std::move(path)});
    }
    const auto choice = options_.where.how == locator::scheme::https
                            ? transport_choice::webtransport
                            : transport_choice::quic;
    to.protocols = client_protocols(choice, offered_);
    endpoint_for(fresh.wanted.streams).connect(to, [this, who](quic_connection& connection) {
        return make_client_handler(
            connection, pool_, {options_.where, offered_, {}},
            [this, who](moqt_carrier& carrier) { return link_for(carrier, who); });
    });
}

quic_endpoint& network::endpoint_for(std::uint64_t streams) {
    if (streams == 0) return *endpoint_;
    auto& found = sparing_[streams];
    if (found == nullptr) {
        auto limited = config_;
        limited.bidirectional_streams = streams;
        found = std::make_unique<quic_endpoint>(context_, limited);
    }
    return *found;
}

narrow_path* network::path_of(const side& of) {
    for (const auto& h : paths_)
        if (const auto at = h.of.lock(); at && *at == &of) return h.path.get();
    return nullptr;
}

void network::expect(stage& owner, side& fresh) {
    if (auto* const at = options_.listen_host.empty() ? nullptr : door_of(owner))
        at->expected.push_back({&owner, fresh.watch()});
}

void network::make_leave() {
    (void)children_.start(this, {"/bin/sh", "-c", options_.leave}, options_.verbose);
}

void network::start_child(const waiting& who, const door& by) {
    auto command = options_.command;
    const auto port = std::to_string(by.endpoint->local().port());
    const auto url =
        (options_.listen_webtransport ? "https://" : "moqt://") + by.authority + "/moq";
    const auto put = [](std::string& in, std::string_view name, const std::string& value) {
        for (auto at = in.find(name); at != in.npos; at = in.find(name, at + value.size()))
            in.replace(at, name.size(), value);
    };
    for (auto& part : command) {
        put(part, "{url}", url);
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
        return owner == this ||
               std::ranges::any_of(alive, [&](const stage* s) { return s == owner && !s->done(); });
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
    std::vector<quic_endpoint*> all{endpoint_.get()};
    for (const auto& [streams, e] : sparing_)
        all.push_back(e.get());
    for (const auto& d : doors_)
        all.push_back(d.endpoint.get());
    for (auto* const e : all)
        e->close_all(0, "");
    const auto left = [&] {
        std::size_t out = 0;
        for (const auto* const e : all)
            out += e->connections();
        return out;
    };
    context_.restart();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{300};
    while (left() != 0 && std::chrono::steady_clock::now() < until)
        context_.run_one_for(std::chrono::milliseconds{20});
    children_.stop_all();
}

} // namespace moqrtc::conformance
