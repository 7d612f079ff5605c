#include "commands.hpp"
#include "options.hpp"
#include "print.hpp"
#include "query.hpp"

#include <moqrtc/auth/verifier.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

namespace moqrtc::reference {

namespace {

using json = nlohmann::ordered_json;

struct token_arguments {
    std::string token;
    std::string key_file;
    std::string profile = "playback";
    std::string algorithm = "EdDSA";
    std::string organisation, id, subject; // playback
    std::string call, user, role, account, device, pair;
    std::vector<std::string> transports, actions, audiences, issuers;
    std::string space, track, token_id, url, form = "text";
    std::optional<std::int64_t> ttl, now;
    std::int64_t leeway = 0;
    bool whole = false, json = false, is_public = false;
};

auth::unix_time wall_time(const token_arguments& all) {
    using namespace std::chrono;
    if (all.now) return {*all.now};
    return {duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count()};
}

/// A name as one segment of a path.
std::string escaped(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            out += c;
        else
            out += '%' + hex_encode(as_bytes(std::string_view{&c, 1}));
    }
    return out;
}

/// What a file holds, or standard input for `-`; empty when there is none, or nothing in it.
std::string read_text(const std::string& name) {
    if (name == "-") return {std::istreambuf_iterator<char>{std::cin}, {}};
    std::ifstream file{name, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    return text;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.pop_back();
    return text;
}

int fails(std::string_view what, const error& why) {
    std::fprintf(stderr, "%.*s: %s (%s)\n", static_cast<int>(what.size()), what.data(),
                 std::string{to_string(why.code)}.c_str(), why.field);
    return exit_status::failed;
}

/// The keys of a file: one JWK, or a set.
result<std::vector<auth::jwk>> read_keys(const std::string& name) {
    const auto text = read_text(name);
    if (auto one = auth::read_jwk(text)) return std::vector{std::move(*one)};
    return auth::read_jwks(text);
}

std::optional<auth::action> action_named(std::string name) {
    for (auto& letter : name)
        letter = static_cast<char>(letter == '-' ? '_' : std::toupper(letter));
    for (std::size_t i = 0; i < auth::action_count; ++i)
        if (to_string(static_cast<auth::action>(i)) == name) return static_cast<auth::action>(i);
    return std::nullopt;
}

json scopes_of(const std::vector<auth::scope>& all) {
    const auto text = [](const auth::name_match& one) {
        const auto star = one.how == auth::name_match::kind::exact ? "" : "*";
        return one.how == auth::name_match::kind::suffix ? star + one.value : one.value + star;
    };
    auto out = json::array();
    for (const auto& one : all) {
        auto actions = json::array();
        for (std::size_t i = 0; i < auth::action_count; ++i)
            if (one.actions.contains(static_cast<auth::action>(i)))
                actions.push_back(to_string(static_cast<auth::action>(i)));
        auto fields = json::array();
        for (const auto& field : one.fields)
            fields.push_back(text(field));
        json row{{"actions", actions}, {"namespace", fields}, {"longer", !one.whole}};
        if (one.track) row["track"] = text(*one.track);
        out.push_back(std::move(row));
    }
    return out;
}

json grant_object(const auth::grant& one, auth::unix_time now) {
    json out{{"event", "granted"}, {"profile", to_string(one.kind)}, {"key", one.key_id}};
    const std::pair<const char*, const std::string*> texts[] = {
        {"subject", &one.subject},   {"organisation", &one.organisation},
        {"resource", &one.resource}, {"device", &one.device},
        {"issuer", &one.issuer},     {"token_id", &one.token_id}};
    for (const auto& [name, value] : texts)
        if (!value->empty()) out[name] = *value;
    if (one.expires != auth::forever) {
        out["expires"] = one.expires.seconds;
        out["left"] = one.expires - now;
    }
    auto ways = json::array();
    for (const auto way : {auth::transport::webrtc, auth::transport::moq})
        if (one.transports.contains(way)) ways.push_back(to_string(way));
    out["transport"] = ways;
    if (!one.capabilities.empty()) out["capabilities"] = one.capabilities;
    out["scopes"] = scopes_of(one.scopes);
    return out;
}

int make_key(const token_arguments& all) {
    const auto algorithm = auth::algorithm_named(all.algorithm);
    if (!algorithm) return complain("no algorithm '" + all.algorithm + "'");
    openssl_crypto crypto;
    const auto key = auth::generate_jwk(crypto, *algorithm);
    if (!key) return fails("key", key.error());
    return print_line(auth::write_jwk(*key, auth::key_part::private_part)) ? exit_status::done
                                                                           : exit_status::failed;
}

int show_public(const token_arguments& all) {
    const auto keys = read_keys(all.key_file);
    if (!keys) return fails(all.key_file, keys.error());
    return print_line(auth::write_jwks(*keys)) ? exit_status::done : exit_status::failed;
}

result<auth::minted> mint_cat(crypto_provider& crypto, const auth::minter& by,
                              const token_arguments& all, auth::unix_time now) {
    auth::cat_claims what;
    auth::scope one;
    for (const auto& name : all.actions) {
        const auto found = action_named(name);
        if (!found) return fail(errc::not_found, "--action");
        one.actions.insert(*found);
    }
    if (one.actions.empty()) return fail(errc::bad_value, "--action");
    namespace_arguments named;
    named.text = all.space;
    moqt::track_namespace space;
    if (!all.space.empty()) {
        auto read = named.read();
        if (!read) return fail(errc::bad_value, "--namespace");
        space = std::move(*read);
    }
    auto fields = space.view().fields();
    while (const auto field = fields.next())
        one.fields.push_back({auth::name_match::kind::exact, std::string{as_text(*field)}});
    one.whole = all.whole;
    if (!all.track.empty()) one.track = {auth::name_match::kind::exact, all.track};
    what.scopes = {one};
    if (!all.subject.empty()) what.subject = all.subject;
    if (!by.issuer.empty()) what.issuer = std::string{by.issuer};
    if (!by.audience.empty()) what.audience = {std::string{by.audience}};
    auth::minted out;
    out.ttl = all.ttl.value_or(auth::playback_ttl.usual);
    out.expires = now + out.ttl;
    what.issued = now;
    what.expires = out.expires;
    const auto id = as_bytes(all.token_id);
    what.token_id.assign(id.begin(), id.end());
    const auto form = all.form == "text" ? auth::cose_form::text : auth::cose_form::binary;
    const auto token = auth::write_cose(crypto, *by.key, by.algorithm, by.key_id,
                                        auth::write_cat_claims(what), form);
    if (!token) return std::unexpected(token.error());
    out.token = form == auth::cose_form::text ? std::string{as_text(*token)} : hex_encode(*token);
    out.token_id = all.token_id;
    return out;
}

result<auth::minted> mint_any(crypto_provider& crypto, const auth::minter& by,
                              const token_arguments& all, auth::unix_time now) {
    if (all.profile == "c4m") return mint_cat(crypto, by, all, now);
    if (all.profile == "call") {
        auth::call_token what{all.call, all.user,         auth::role::subscriber,
                              {},       all.organisation, all.token_id};
        if (all.role == "publisher") what.who = auth::role::publisher;
        for (const auto one : {auth::transport::webrtc, auth::transport::moq})
            for (const auto& name : all.transports)
                if (name == to_string(one)) what.transports.insert(one);
        return mint(crypto, by, what, now, all.ttl);
    }
    if (all.profile == "signaling")
        return mint(crypto, by,
                    auth::signaling_token{all.account, all.device, all.pair, all.token_id}, now,
                    all.ttl);
    auth::playback_token what{all.organisation, all.id, all.subject, all.token_id};
    return mint(crypto, by, what, now, all.ttl);
}

int mint_token(const token_arguments& all) {
    openssl_crypto crypto;
    const auto keys = read_keys(all.key_file);
    if (!keys) return fails(all.key_file, keys.error());
    if (keys->size() != 1) return complain(all.key_file + ": one private JWK is needed");
    const auto& key = keys->front();
    const auto handle = crypto.import_key(key.numbers);
    if (!handle) return fails(all.key_file, handle.error());
    auth::minter by{handle->get(), {}, key.id, {}, {}};
    for (const auto one : auth::all_algorithms)
        if (key.algorithms.contains(one)) {
            by.algorithm = one;
            break;
        }
    if (!all.issuers.empty()) by.issuer = all.issuers.front();
    if (!all.audiences.empty()) by.audience = all.audiences.front();
    const auto made = mint_any(crypto, by, all, wall_time(all));
    if (!made) return fails("token", made.error());
    const auto url =
        all.url.empty() ? "" : all.url + "/playback/" + escaped(all.id) + "?tok=" + made->token;
    if (!all.json)
        return print_line(url.empty() ? made->token : url) ? exit_status::done
                                                           : exit_status::failed;
    return print_json({{"event", "minted"},
                       {"token", made->token},
                       {"token_id", made->token_id},
                       {"ttl", made->ttl},
                       {"expires", made->expires.seconds}})
               ? exit_status::done
               : exit_status::failed;
}

/// A token as it is given: text, or the hexadecimal digits of a CAT.
std::vector<std::byte> token_bytes(const token_arguments& all) {
    const auto text = trimmed(all.token == "-" ? read_text("-") : all.token);
    if (const auto data = hex_decode(text); data && !data->empty()) return *data;
    const auto plain = as_bytes(text);
    return {plain.begin(), plain.end()};
}

int verify_token(const token_arguments& all) {
    openssl_crypto crypto;
    const auto keys = read_keys(all.key_file);
    if (!keys) return fails(all.key_file, keys.error());
    auto trusted = std::make_shared<auth::key_set>();
    for (const auto& key : *keys)
        if (const auto added = trusted->add(crypto, key); !added)
            return fails(all.key_file, added.error());
    auth::verifier_config config;
    config.audiences = all.audiences;
    config.issuers = all.issuers;
    config.leeway = all.leeway;
    auth::verifier checks{crypto, std::move(config)};
    checks.use(std::shared_ptr<const auth::key_set>{trusted});
    auth::expectation door;
    if (!all.transports.empty())
        door.over =
            all.transports.front() == "moq" ? auth::transport::moq : auth::transport::webrtc;
    const auto now = wall_time(all);
    const auto got = checks.verify(token_bytes(all), now, door);
    if (!got) {
        const auto why = to_string(got.error().why);
        if (all.json)
            (void)print_json(
                {{"event", "refused"}, {"reason", why}, {"field", got.error().what.field}});
        else
            std::fprintf(stderr, "refused: %s%s%s\n", std::string{why}.c_str(),
                         *got.error().what.field != '\0' ? ", " : "", got.error().what.field);
        return exit_status::refused;
    }
    const auto granted = grant_object(**got, now);
    if (all.json) return print_json(granted) ? exit_status::done : exit_status::failed;
    for (const auto& [name, value] : granted.items())
        if (name != "event" &&
            !print_line(name + "  " +
                        (value.is_string() ? value.get<std::string>() : value.dump())))
            return exit_status::failed;
    return exit_status::done;
}

/// What a token says, believed or not. The signature itself is left out: with it the line that this
/// prints would be a token.
int inspect_token(const token_arguments& all) {
    const auto data = token_bytes(all);
    const auto form = auth::form_of(data);
    if (!form) return fails("token", {errc::malformed_value, 0, "token", ""});
    json out{{"event", "token"}, {"verified", false}};
    if (*form == auth::token_form::jwt) {
        const auto parsed = auth::read_jws(as_text(data));
        if (!parsed) return fails("token", parsed.error());
        out["form"] = "jwt";
        out["header"] = json::parse(as_text(parsed->header), nullptr, false);
        out["claims"] = json::parse(as_text(parsed->payload), nullptr, false);
        out["signature_bytes"] = parsed->signature.size();
        return print_json(out) ? exit_status::done : exit_status::failed;
    }
    const auto parsed = auth::read_cose(data);
    if (!parsed) return fails("token", parsed.error());
    const auto claims = auth::read_cat_claims(parsed->payload);
    if (!claims) return fails("claims", claims.error());
    out["form"] = "cat";
    out["header"] = {{"alg", to_string(parsed->algorithm)}, {"kid", parsed->key_id}};
    json said = json::object();
    if (claims->issuer) said["iss"] = *claims->issuer;
    if (claims->subject) said["sub"] = *claims->subject;
    if (!claims->audience.empty()) said["aud"] = claims->audience;
    if (claims->expires) said["exp"] = claims->expires->seconds;
    if (claims->not_before) said["nbf"] = claims->not_before->seconds;
    if (claims->issued) said["iat"] = claims->issued->seconds;
    if (!claims->token_id.empty()) said["cti"] = hex_encode(claims->token_id);
    if (claims->revalidate) said["moqt-reval"] = *claims->revalidate;
    said["moqt"] = scopes_of(claims->scopes);
    out["claims"] = std::move(said);
    out["signature_bytes"] = parsed->signature.size();
    return print_json(out) ? exit_status::done : exit_status::failed;
}

void add_mint_options(CLI::App& mint, token_arguments& all) {
    mint.add_option("--key", all.key_file, "file with the private JWK; - is standard input")
        ->required();
    mint.add_option("--profile", all.profile, "playback (default), call, signaling or c4m")
        ->check(CLI::IsMember({"playback", "call", "signaling", "c4m"}));
    mint.add_option("--ttl", all.ttl, "seconds to live, moved into the profile's bounds");
    mint.add_option("--org", all.organisation, "organisation (playback, call)");
    mint.add_option("--id", all.id, "live input or asset (playback)");
    mint.add_option("--sub", all.subject, "who it is for (playback, c4m)");
    mint.add_option("--call", all.call, "call (call)");
    mint.add_option("--user", all.user, "user (call)");
    mint.add_option("--role", all.role, "publisher or subscriber (call)")
        ->check(CLI::IsMember({"publisher", "subscriber"}));
    mint.add_option("--transport", all.transports, "webrtc, moq or both (call)")
        ->delimiter(',')
        ->check(CLI::IsMember({"webrtc", "moq"}));
    mint.add_option("--account", all.account, "account (signaling)");
    mint.add_option("--device", all.device, "device (signaling)");
    mint.add_option("--pair", all.pair, "pair of devices (signaling)");
    mint.add_option("--action", all.actions, "request that is allowed, e.g. subscribe,fetch (c4m)")
        ->delimiter(',');
    mint.add_option("-n,--namespace", all.space, "namespace or its beginning, a/b/c (c4m)");
    mint.add_flag("--whole", all.whole, "this namespace and no longer one (c4m)");
    mint.add_option("--track", all.track, "this track alone (c4m)");
    mint.add_option("--form", all.form, "text (default) or hex, of a CAT (c4m)")
        ->check(CLI::IsMember({"text", "hex"}));
    mint.add_option("--url", all.url,
                    "https://host:port: print the playback URL instead (playback)");
    mint.add_option("--jti", all.token_id, "name of the token; made up otherwise");
    mint.add_option("--issuer", all.issuers, "iss");
    mint.add_option("--audience", all.audiences, "aud");
}

} // namespace

void add_token_command(CLI::App& app, std::function<int()>& chosen) {
    auto* command = app.add_subcommand("token", "make, check and look at tokens");
    command->require_subcommand(1);
    const auto all = std::make_shared<token_arguments>();
    const auto add = [&](const char* name, const char* what, int (*run)(const token_arguments&)) {
        auto* sub = command->add_subcommand(name, what);
        sub->callback([all, run, &chosen] { chosen = [all, run] { return run(*all); }; });
        return sub;
    };
    auto* mint = add("mint", "make a token", mint_token);
    add_mint_options(*mint, *all);
    auto* verify = add("verify", "check a token and say what it allows", verify_token);
    verify->add_option("--keys", all->key_file, "file with a JWK or a set of them")->required();
    verify->add_option("--audience", all->audiences, "a name by which we are meant");
    verify->add_option("--issuer", all->issuers, "an issuer that is listened to; default: any");
    verify->add_option("--transport", all->transports, "webrtc or moq: what it is used over")
        ->check(CLI::IsMember({"webrtc", "moq"}));
    verify->add_option("--leeway", all->leeway, "seconds that clocks may disagree");
    auto* inspect = add("inspect", "print what a token says, without checking it", inspect_token);
    for (auto* sub : {verify, inspect})
        sub->add_option("token", all->token, "the token; - is standard input")->required();
    for (auto* sub : {mint, verify}) {
        sub->add_option("--now", all->now, "the time, in Unix seconds; default: the clock's");
        sub->add_flag("--json", all->json, "one JSON object");
    }
    add("key", "make a private key, as a JWK", make_key)
        ->add_option("--alg", all->algorithm, "EdDSA (default), ES256, RS256, HS256, HS384, HS512");
    add("public", "print the public keys of a file, as a JWK set", show_public)
        ->add_option("--keys", all->key_file, "file with a JWK or a set of them")
        ->required();
}

} // namespace moqrtc::reference
