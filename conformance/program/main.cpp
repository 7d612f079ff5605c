#include "network.hpp"
#include "vectors.hpp"

#include <CLI/CLI.hpp>
#include <common/clock.hpp>
#include <conformance/report.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <random>
#include <unistd.h>

namespace {

using namespace moqrtc;
using namespace moqrtc::conformance;

namespace exit_status {
constexpr int all_pass = 0;
constexpr int some_fail = 1;
constexpr int arguments = 2;
constexpr int unreachable = 3;
} // namespace exit_status

struct arguments {
    std::string target{};
    std::string draft{"18"};
    std::string json{};
    bool tap = false;
    std::string html{};
    std::vector<std::string> filters{};
    std::string listen{};
    std::string peer{};
    std::vector<std::string> command{};
    bool webtransport = false;
    std::string track{"catalog"};
    std::string space{};
    std::string leave{};
    std::string good_token{};
    std::string bad_token{};
    std::string expired_token{};
    std::uint64_t token_type = 0;
    bool insecure = false;
    std::string cert_sha256{};
    std::string ca_file{};
    unsigned at_once = 0;
    unsigned timeout_s = 110;
    unsigned row_timeout_s = 20;
    unsigned patience_ms = 2500;
    bool verbose = false;
    bool list = false;
    std::string vectors{};
};

std::string now_text() {
    const auto t = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&t, &parts);
    char out[32];
    std::strftime(out, sizeof out, "%Y-%m-%d %H:%M UTC", &parts);
    return out;
}
std::string nonce() {
    std::random_device any;
    return "conformance-" + std::to_string(any() % 1'000'000);
}
bool write_file(const std::string& path, const std::string& content) {
    if (path == "-") return static_cast<bool>(std::cout << content << std::flush);
    std::ofstream out{path, std::ios::binary};
    out << content;
    return static_cast<bool>(out.flush());
}
int complain(const std::string& what) {
    std::fprintf(stderr, "moqrtc-conformance: %s\n", what.c_str());
    return exit_status::arguments;
}

/// `0x` and pairs of hexadecimal digits are bytes, everything else is what it says.
octets token_of(const std::string& text) {
    if (text.starts_with("0x"))
        if (auto decoded = hex_decode(text.substr(2))) return std::move(*decoded);
    const auto plain = as_bytes(text);
    return {plain.begin(), plain.end()};
}

/// One line that changes, on a terminal.
class progress {
public:
    explicit progress(const suite& of) : of_{&of}, terminal_{isatty(STDERR_FILENO) == 1} {}
    void show(const outcome& o) {
        ++n_[static_cast<std::size_t>(o.result.what)];
        if (!terminal_) return;
        std::fprintf(stderr,
                     "\r\033[K[%3zu/%zu] \033[32m%zu pass\033[0m  \033[31m%zu fail\033[0m  "
                     "\033[33m%zu undecided\033[0m  %s",
                     of_->finished(), of_->planned(), n_[0], n_[1], n_[2],
                     std::string{o.name.id}.c_str());
    }
    void erase() const {
        if (terminal_) std::fprintf(stderr, "\r\033[K");
    }

private:
    const suite* of_;
    bool terminal_;
    totals n_{};
};

/// What a run needs to know of the peer; a sentence where the arguments do not say it.
std::string read(const arguments& a, target_info& target, network_options& to) {
    target.nonce = nonce();
    target.patience = milliseconds(a.patience_ms);
    target.row_time = seconds(a.row_timeout_s);
    target.tokens = {a.token_type, token_of(a.good_token), token_of(a.bad_token),
                     token_of(a.expired_token)};
    target.track = a.track;
    for (std::size_t at = 0; at < a.space.size();) {
        const auto end = std::min(a.space.find('/', at), a.space.size());
        if (end != at) target.below.append(as_bytes(a.space).subspan(at, end - at));
        at = end + 1;
    }
    target.can_leave = !a.leave.empty();
    to.leave = a.leave;
    if (a.insecure) {
        to.trust.how = reference::tls_trust::mode::anyone;
    } else if (!a.cert_sha256.empty()) {
        const auto pin = reference::parse_sha256(a.cert_sha256);
        if (!pin) return "--cert-sha256 takes 64 hexadecimal digits";
        to.trust.how = reference::tls_trust::mode::pinned;
        to.trust.pins = {*pin};
    } else if (!a.ca_file.empty()) {
        to.trust.authorities_file = a.ca_file;
    }
    if (a.listen.empty() == a.target.empty()) return "one of --target and --listen is needed";
    if (!a.target.empty()) {
        auto where = reference::parse_locator(a.target);
        if (!where) return where.error();
        to.where = std::move(*where);
        target.webtransport = to.where.how == reference::locator::scheme::https;
        target.authority = to.where.authority;
        target.path = to.where.path;
        return {};
    }
    const auto colon = a.listen.rfind(':');
    if (colon == a.listen.npos || a.command.empty())
        return "--listen HOST:PORT needs --peer publisher|subscriber and -- COMMAND";
    to.listen_host = a.listen.substr(0, colon);
    if (to.listen_host.starts_with('[') && to.listen_host.ends_with(']'))
        to.listen_host = to.listen_host.substr(1, to.listen_host.size() - 2);
    to.listen_port =
        static_cast<std::uint16_t>(std::strtoul(a.listen.c_str() + colon + 1, nullptr, 10));
    to.command = a.command;
    to.listen_webtransport = a.webtransport;
    target.webtransport = a.webtransport;
    to.verbose = a.verbose;
    if (a.peer != "publisher" && a.peer != "subscriber")
        return "--peer says whether the command is a publisher or a subscriber";
    target.peer = a.peer == "publisher" ? peer_kind::publisher : peer_kind::subscriber;
    return {};
}

int run(const arguments& a) {
    const auto speak = reference::parse_offered_draft(a.draft);
    if (!speak) return complain("drafts that are spoken are " + reference::spoken_list());
    target_info target;
    target.version = speak->version;
    network_options to;
    if (const auto problem = read(a, target, to); !problem.empty()) return complain(problem);
    const bool listens = !to.listen_host.empty();
    suite_options options;
    options.filters = a.filters;
    // Programs that are started for each row are heavier than connections.
    options.at_once = a.at_once != 0 ? a.at_once : listens ? 4 : 12;
    if (to.listen_port != 0) options.at_once = 1; // one client at a time is told from others
    options.run_time = seconds(a.timeout_s);

    run_info info;
    info.target = listens ? a.peer + " " + a.command.front() : a.target;
    info.when = now_text();
    info.program = "moqrtc-conformance";
    network net{std::move(to)};
    if (const auto problem = net.prepare(*speak); !problem.empty()) return complain(problem);
    if (listens) target.path = "/moq"; // of the URL that the peer is given
    suite rows{target, options, net};
    if (rows.planned() == 0) return complain("no row fits --filter");
    progress line{rows};
    rows.on_outcome = [&](const outcome& o, stage*) {
        line.show(o);
        if (!a.verbose) return;
        std::fprintf(stderr, "%-9s %s: %s\n", std::string{to_string(o.result.what)}.c_str(),
                     std::string{o.name.id}.c_str(), o.result.reason.c_str());
    };
    const auto began = reference::steady_now();
    net.run(rows);
    info.seconds = static_cast<double>(reference::steady_now().us - began.us) / 1e6;
    line.erase();

    bool written = true;
    if (!a.json.empty()) written = write_file(a.json, to_json(rows, info));
    if (!a.html.empty()) written = write_file(a.html, to_html(rows, info)) && written;
    if (a.tap)
        std::fputs(to_tap(rows).c_str(), stdout);
    else if (a.json != "-")
        std::fputs(to_table(rows, info, isatty(STDOUT_FILENO) == 1).c_str(), stdout);
    if (!written) return complain("a report could not be written");
    if (!rows.reached()) {
        std::fprintf(stderr, "moqrtc-conformance: no session with the peer: %s\n",
                     rows.why_not().c_str());
        return exit_status::unreachable;
    }
    return count(rows)[1] == 0 ? exit_status::all_pass : exit_status::some_fail;
}

} // namespace

int main(int count, char** values) {
    std::signal(SIGPIPE, SIG_IGN);
    arguments a;
    CLI::App app{"moqrtc-conformance: does an endpoint keep the requirements of moq-transport?"};
    app.add_option("--target", a.target,
                   "a relay or server: moqt://host:port[/path] (raw QUIC), "
                   "https://host:port/path (WebTransport)");
    app.add_option("--listen", a.listen,
                   "HOST:PORT to wait at for a client that the command behind -- starts; {url} and "
                   "{port} in it say where; port 0 is a free one");
    app.add_option("--peer", a.peer, "what the command is: publisher or subscriber")
        ->check(CLI::IsMember({"publisher", "subscriber"}));
    app.add_flag("--webtransport", a.webtransport,
                 "with --listen: {url} is https:// (WebTransport) instead of moqt:// (raw QUIC)");
    app.add_option("--track", a.track,
                   "with --peer publisher: a track that it has in the namespace it announces")
        ->capture_default_str();
    app.add_option("--leave", a.leave,
                   "command of a shell that brings the peer to leave with GOAWAY; run once, when "
                   "all other rows are over");
    app.add_option(
        "--namespace", a.space,
        "a/b/c: rows publish below this namespace, where tokens are not good everywhere");
    app.add_option("--good-token", a.good_token,
                   "a token that the peer takes, as text or 0x and hexadecimal digits: requests "
                   "show it, and rows about tokens take the peer for one that demands it");
    app.add_option("--bad-token", a.bad_token, "a token that is well-formed and invalid");
    app.add_option("--expired-token", a.expired_token, "a token that was good once");
    app.add_option("--token-type", a.token_type, "Token Type of these")->capture_default_str();
    app.add_option("--draft", a.draft, "the draft to speak, or NAME=DRAFT for a private name of it")
        ->capture_default_str();
    app.add_option("--filter", a.filters, "rows whose identifier contains this; repeat for more")
        ->allow_extra_args(false);
    app.add_option("--json", a.json, "write a report as JSON there (- is standard output)");
    app.add_flag("--tap", a.tap, "print TAP version 14 instead of the table");
    app.add_option("--html", a.html, "write a page there");
    app.add_flag("--insecure", a.insecure, "believe any certificate");
    app.add_option("--cert-sha256", a.cert_sha256, "believe the certificate with this SHA-256");
    app.add_option("--ca", a.ca_file, "believe certificates signed by those in this file")
        ->check(CLI::ExistingFile);
    app.add_option("--at-once", a.at_once, "rows that run at the same time");
    app.add_option("--timeout", a.timeout_s, "seconds for all rows")->capture_default_str();
    app.add_option("--row-timeout", a.row_timeout_s, "seconds for one row")->capture_default_str();
    app.add_option("--patience", a.patience_ms, "milliseconds until no answer is silence")
        ->capture_default_str();
    app.add_flag("-v,--verbose", a.verbose, "each row as it ends, and what the command says");
    app.add_flag("--list-undecidable", a.list, "print the rows that no run decides, with reasons");
    app.add_option("--vectors", a.vectors, "check codec vectors in this folder instead of a peer")
        ->check(CLI::ExistingDirectory);
    // Everything behind -- is the command's, whatever it looks like.
    for (int i = 1; i < count; ++i) {
        if (std::string_view{values[i]} != "--") continue;
        a.command.assign(values + i + 1, values + count);
        count = i;
    }
    try {
        app.parse(count, values);
    } catch (const CLI::ParseError& failure) {
        return app.exit(failure) == 0 ? exit_status::all_pass : exit_status::arguments;
    }
    try {
        if (!a.vectors.empty())
            return check_vectors(a.vectors) ? exit_status::all_pass : exit_status::some_fail;
        if (a.list) {
            const auto of = reference::parse_offered_draft(a.draft);
            if (!of) return complain("drafts that are spoken are " + reference::spoken_list());
            std::fputs(to_markdown(of->version).c_str(), stdout);
            return exit_status::all_pass;
        }
        return run(a);
    } catch (const std::exception& failure) {
        return complain(failure.what());
    }
}
