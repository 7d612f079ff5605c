#include "commands.hpp"
#include "common/clock.hpp"
#include "interop_cases.hpp"
#include "print.hpp"
#include "query.hpp"

#include <moqrtc/core/json_printer.hpp>

#include <cstdlib>

namespace moqrtc::reference {

namespace {

constexpr int unsupported = 127; ///< the runner's exit status for a test that there is not

struct interop_arguments {
    std::string relay = "https://localhost:4443";
    std::string test;
    std::string transport = "auto";
    std::string qlog_directory;
    unsigned draft = 0;
    bool list = false;
    bool verbose = false;
    bool insecure = false;
};

const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

std::vector<interop_case> all_cases() {
    const auto of_runner = runner_cases();
    const auto of_data = data_cases();
    std::vector<interop_case> out{of_runner.begin(), of_runner.end()};
    out.insert(out.end(), of_data.begin(), of_data.end());
    return out;
}

std::expected<interop_options, std::string> read(const interop_arguments& given) {
    connection_arguments as;
    as.url = given.relay;
    if (given.draft != 0) as.draft = std::to_string(given.draft);
    as.insecure = given.insecure;
    // The runner's moqt:// is raw QUIC.
    as.transport =
        given.transport == "auto" && given.relay.starts_with("moqt://") ? "quic" : given.transport;
    as.verbose = given.verbose;
    as.qlog_directory = given.qlog_directory;
    auto options = as.read();
    if (!options) return std::unexpected(options.error());
    return interop_options{std::move(options->where),          options->transport,
                           std::move(options->drafts),         std::move(options->trust),
                           std::move(options->qlog_directory), options->verbose};
}

/// Test Anything Protocol, version 14, as the runner reads it.
class tap_output {
public:
    void begin(const std::vector<std::string>& comments, std::size_t plan) {
        (void)print_line("TAP version 14");
        for (const auto& one : comments)
            (void)print_line("# " + one);
        (void)print_line("1.." + std::to_string(plan));
    }
    void point(bool passed, std::string_view name, std::string_view directive = {}) {
        (void)print_line((passed ? "ok " : "not ok ") + std::to_string(++count_) + " - " +
                         std::string{name} + std::string{directive});
    }
    /// Lines of a YAML block; texts are quoted as in JSON, which YAML understands.
    void open() { (void)print_line("  ---"); }
    void line(std::string_view key, std::uint64_t value) {
        (void)print_line("  " + std::string{key} + ": " + std::to_string(value));
    }
    void line(std::string_view key, std::string_view value) {
        if (value.empty()) return;
        std::string text = "  " + std::string{key} + ": ";
        append_json_bytes(text, as_bytes(value));
        (void)print_line(text);
    }
    void close() { (void)print_line("  ..."); }

private:
    std::size_t count_ = 0;
};

enum class outcome : std::uint8_t { passed, failed, unreachable };

outcome play(const interop_case& which, const interop_options& options, tap_output& out) {
    const auto began = steady_now();
    std::optional<interop_failure> failure;
    std::string skipped;
    std::vector<std::pair<std::string, std::string>> connections;
    std::string draft;
    std::string transport;
    try {
        interop_stage stage{options, which.limit};
        try {
            which.play(stage);
        } catch (const interop_failure& wrong) {
            failure = wrong;
        } catch (const interop_skip& skip) {
            skipped = skip.reason;
        }
        stage.leave();
        for (const auto& p : stage.parties()) {
            if (!p->connection_id().empty())
                connections.emplace_back(p->role() == "client" ? "connection_id"
                                                               : p->role() + "_connection_id",
                                         p->connection_id());
            if (!p->established()) continue;
            draft = p->rules().alpn;
            transport = p->transport();
        }
    } catch (const interop_failure& wrong) { // before there was a stage
        failure = wrong;
    }
    out.point(!failure, which.name, skipped.empty() ? "" : " # SKIP " + skipped);
    out.open();
    out.line("duration_ms", static_cast<std::uint64_t>((steady_now() - began).ms()));
    out.line("draft", draft);
    out.line("transport", transport);
    if (failure) {
        out.line("expected", failure->expected);
        out.line("received", failure->received);
        out.line("message", failure->message);
    }
    for (const auto& [key, id] : connections)
        out.line(key, id);
    out.close();
    if (!failure) return outcome::passed;
    return failure->unreachable ? outcome::unreachable : outcome::failed;
}

int run(const interop_arguments& given) {
    auto cases = all_cases();
    if (given.list) {
        for (const auto& one : cases)
            (void)print_line(one.name);
        return exit_status::done;
    }
    auto options = read(given);
    if (!options) return complain(options.error());
    tap_output out;
    std::string drafts;
    for (const auto& d : options->drafts)
        drafts += (drafts.empty() ? "" : ", ") + d.protocol;
    const std::vector<std::string> comments{"moqrtc-client interop", "Relay: " + given.relay,
                                            "Offered: " + drafts};
    if (!given.test.empty()) {
        std::erase_if(cases, [&](const interop_case& one) { return one.name != given.test; });
        if (cases.empty()) {
            out.begin(comments, 1);
            out.point(true, given.test, " # SKIP not implemented");
            return unsupported;
        }
    }
    out.begin(comments, cases.size());
    bool good = true;
    for (const auto& one : cases) {
        const auto result = play(one, *options, out);
        good = good && result == outcome::passed;
        if (result != outcome::unreachable || &one == &cases.back()) continue;
        (void)print_line("Bail out! No connection to " + given.relay);
        break;
    }
    return good ? exit_status::done : exit_status::failed;
}

} // namespace

void add_interop_command(CLI::App& app, std::function<int()>& chosen) {
    auto* command = app.add_subcommand(
        "interop", "test client of the interop runner: TAP 14 on standard output");
    auto all = std::make_shared<interop_arguments>();
    // What the command line does not say the environment may.
    if (const auto* relay = environment("RELAY_URL")) all->relay = relay;
    if (const auto* test = environment("TESTCASE")) all->test = test;
    const auto is_on = [](const char* name) {
        const auto* value = environment(name);
        return value != nullptr && std::string_view{value} == "1";
    };
    all->insecure = is_on("TLS_DISABLE_VERIFY");
    all->verbose = is_on("VERBOSE");
    command->add_option("-r,--relay", all->relay,
                        "https:// is WebTransport, moqt:// raw QUIC [https://localhost:4443]");
    command->add_option("-t,--test", all->test, "this case alone");
    command->add_flag("-l,--list", all->list, "list the cases");
    command->add_flag("-v,--verbose", all->verbose, "print control messages to standard error");
    command->add_flag("--tls-disable-verify,--insecure", all->insecure, "believe any certificate");
    command->add_option("--draft", all->draft, "offer this draft of moq-transport alone");
    command->add_option("--transport", all->transport, "auto, quic or webtransport")
        ->check(CLI::IsMember({"auto", "quic", "webtransport"}));
    command->add_option("--qlog-dir", all->qlog_directory, "write traces of the connections there");
    command->callback([all, &chosen] { chosen = [all] { return run(*all); }; });
}

} // namespace moqrtc::reference
