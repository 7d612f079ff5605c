#include "options.hpp"
#include "token_source.hpp"

namespace moqrtc::reference {

void connection_arguments::add_to(CLI::App& command) {
    command
        .add_option("url", url,
                    "moqt://host:port[/path] (raw QUIC or WebTransport), "
                    "https://host:port/path (WebTransport)")
        ->required();
    command.add_option("--draft", draft,
                       "offer this draft of moq-transport alone; NAME=18 under a private name");
    command
        .add_option("--transport", transport,
                    "auto (for moqt:// what the server chooses), quic or webtransport")
        ->check(CLI::IsMember({"auto", "quic", "webtransport"}));
    command.add_option("--origin", origin, "name this origin over WebTransport, as a page would");
    command.add_flag("--insecure", insecure, "believe any certificate");
    command.add_option("--cert-sha256", cert_sha256, "believe the certificate with this SHA-256");
    command.add_option("--ca", ca_file, "believe certificates signed by those in this file")
        ->check(CLI::ExistingFile);
    auto* const given =
        command.add_option("--token", token, "authorization token for every request");
    auto* const file =
        command
            .add_option("--token-file", token_file,
                        "the same from a file; when it changes, the session is renewed with it")
            ->check(CLI::ExistingFile)
            ->excludes(given);
    command
        .add_option("--token-command", token_command,
                    "the same from what this prints; run again when four fifths of the token's "
                    "life are over, to renew the session")
        ->excludes(given)
        ->excludes(file);
    command.add_option("--qlog-dir", qlog_directory,
                       "write traces there: a qlog of the connection, an mlog of the session");
    command.add_option("--connect-timeout", connect_timeout_ms, "milliseconds");
    command.add_flag("--reconnect", reconnect, "connect again whenever the connection is lost");
    command.add_flag("--json", json, "results as one JSON object per line");
    command.add_flag("-v,--verbose", verbose, "print control messages");
}

std::expected<client_options, std::string> connection_arguments::read() const {
    client_options out;
    auto where = parse_locator(url);
    if (!where) return std::unexpected(where.error());
    out.where = std::move(*where);
    const bool https = out.where.how == locator::scheme::https;
    if (transport == "quic" && https)
        return std::unexpected("https:// is WebTransport: write moqt:// for raw QUIC");
    if (transport == "webtransport" || https)
        out.transport = transport_choice::webtransport;
    else if (transport == "quic")
        out.transport = transport_choice::quic;
    if (!draft.empty()) {
        auto one = parse_offered_draft(draft);
        if (!one)
            return std::unexpected("draft " + draft + " is not spoken: " + spoken_list() + " are");
        out.drafts = {std::move(*one)};
    } else {
        for (const auto d : moqt::spoken_drafts)
            if (d <= moqt::newest_offered) out.drafts.emplace_back(d);
    }
    if (insecure) {
        out.trust.how = tls_trust::mode::anyone;
    } else if (!cert_sha256.empty()) {
        const auto pin = parse_sha256(cert_sha256);
        if (!pin) return std::unexpected("--cert-sha256 takes 64 hexadecimal digits");
        out.trust.how = tls_trust::mode::pinned;
        out.trust.pins = {*pin};
    } else if (!ca_file.empty()) {
        out.trust.authorities_file = ca_file;
    }
    out.origin = origin;
    out.token = token;
    out.token_file = token_file;
    if (!token_file.empty()) {
        auto text = read_token(out.token_file);
        if (!text) return std::unexpected("--token-file: " + text.error());
        out.token = std::move(*text);
    }
    out.token_command = token_command;
    if (!token_command.empty()) {
        auto text = run_token_command(token_command);
        if (!text) return std::unexpected("--token-command: " + text.error());
        out.token = std::move(*text);
    }
    out.qlog_directory = qlog_directory;
    if (std::error_code failed; !qlog_directory.empty()) {
        std::filesystem::create_directories(out.qlog_directory, failed);
        if (failed) return std::unexpected("--qlog-dir: " + failed.message());
    }
    out.connect_timeout = std::chrono::milliseconds{connect_timeout_ms};
    out.verbose = verbose;
    out.json = json;
    out.reconnect = reconnect;
    return out;
}

void namespace_arguments::add_to(CLI::App& command, bool required) {
    auto* whole = command.add_option("-n,--namespace", text, "namespace, written a/b/c");
    auto* one = command
                    .add_option("--namespace-field", fields,
                                "one field of the namespace, verbatim; repeat for each")
                    ->allow_extra_args(false);
    whole->excludes(one);
    if (!required) return;
    command.callback([this, &command] {
        if (text.empty() && fields.empty())
            throw CLI::RequiredError(command.get_name() + ": -n NAMESPACE");
    });
}

std::expected<moqt::track_namespace, std::string> namespace_arguments::read() const {
    if (fields.empty()) return parse_namespace(text);
    moqt::track_namespace out;
    for (const auto& field : fields) {
        if (field.empty()) return std::unexpected("a namespace field is empty");
        out.append(as_bytes(field));
    }
    return out;
}

} // namespace moqrtc::reference
