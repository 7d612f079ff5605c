#include "commands.hpp"
#include "decode.hpp"
#include "media_source.hpp"
#include "query.hpp"

#include <moqrtc/auth/token_form.hpp>
#include <moqrtc/catalog/locate.hpp>
#include <moqrtc/core/hex.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace moqrtc::reference {

namespace {

/// What is decoded is held in memory, and its text is some times as large.
constexpr std::size_t most_input = std::size_t{64} << 20;

std::expected<std::vector<std::byte>, std::string> read_input(const std::string& what) {
    std::error_code failure;
    if (std::filesystem::exists(what, failure)) {
        std::ifstream file{what, std::ios::binary};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        if (!file && !file.eof()) return std::unexpected(what + ": cannot be read");
        if (text.size() > most_input) return std::unexpected(what + ": more than 64 MiB");
        const auto data = as_bytes(text);
        return std::vector<std::byte>(data.begin(), data.end());
    }
    std::string digits = what.starts_with("0x") ? what.substr(2) : what;
    std::erase_if(digits, [](char c) { return c == ' ' || c == ':' || c == '\n'; });
    auto data = hex_decode(digits);
    if (!data && auth::form_of(as_bytes(what)) && std::ranges::count(what, '.') == 2) {
        const auto token = as_bytes(what);
        return std::vector<std::byte>(token.begin(), token.end());
    }
    if (!data) return std::unexpected(what + ": neither a file nor hexadecimal digits nor a token");
    return std::move(*data);
}

bool looks_like_mp4(bytes in) {
    constexpr std::array<std::string_view, 9> types{"ftyp", "styp", "moof", "moov", "mdat",
                                                    "sidx", "free", "emsg", "prft"};
    if (in.size() < 8) return false;
    return std::ranges::count(types, as_text(in.subspan(4, 4))) != 0;
}

bool looks_like_json(bytes in) {
    const auto text = as_text(in);
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

/// Three parts of base64url: no binary form has that few kinds of bytes.
bool looks_like_token(bytes in) {
    const auto text = as_text(in);
    return auth::form_of(in).has_value() && std::ranges::count(text, '.') == 2 &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

result<void> decode_as(const std::string& kind, const moqt::wire_rules& rules, bytes in,
                       field_lines& out) {
    if (kind == "message") return decode_messages(rules, in, out);
    if (kind == "stream") return decode_stream(rules, in, out);
    if (kind == "datagram") return decode_datagram(rules, in, out);
    if (kind == "mp4") return decode_mp4(in, out);
    if (kind == "jwt") return decode_jwt(in, out);
    if (kind == "cat") return decode_cat(in, out);
    return decode_catalog(in, out);
}

/// The kind that `in` is wholly of; else the one that is good for longest.
std::string recognize(const moqt::wire_rules& rules, bytes in) {
    if (looks_like_mp4(in)) return "mp4";
    if (looks_like_json(in)) return "catalog";
    if (looks_like_token(in)) return auth::form_of(in) == auth::token_form::jwt ? "jwt" : "cat";
    std::string best = "message";
    std::uint32_t furthest = 0;
    for (const auto* kind : {"message", "stream", "datagram"}) {
        field_lines ignored;
        const auto done = decode_as(kind, rules, in, ignored);
        if (done) return kind;
        if (done.error().offset > furthest) {
            furthest = done.error().offset;
            best = kind;
        }
    }
    return best;
}

int decode(const std::string& input, unsigned draft, std::string kind) {
    const auto version = moqt::draft_of(draft);
    if (!version) return complain("draft " + std::to_string(draft) + " is not known");
    const auto data = read_input(input);
    if (!data) return complain(data.error());
    const auto& rules = moqt::rules_for(*version);
    // A file with a token ends in a line's end.
    auto view = bytes{*data};
    while (!view.empty() && view.back() == std::byte{'\n'} &&
           looks_like_token(view.first(view.size() - 1)))
        view = view.first(view.size() - 1);
    if (kind == "auto") kind = recognize(rules, view);
    field_lines lines;
    const auto done = decode_as(kind, rules, view, lines);
    std::fputs(lines.text().c_str(), stdout);
    std::fflush(stdout);
    if (done) return exit_status::done;
    const auto why = kind == "catalog" ? "catalog: " + catalog::explain(done.error(), *data)
                                       : describe(done.error(), kind);
    std::fprintf(stderr, "%s\n", why.c_str());
    return exit_status::failed;
}

} // namespace

void add_decode_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments {
        std::string input;
        unsigned draft = 18;
        std::string kind = "auto";
    };
    auto* command = app.add_subcommand("decode", "print bytes field by field, with offsets");
    auto all = std::make_shared<arguments>();
    command->add_option("input", all->input, "a file, hexadecimal digits, or a token")->required();
    command->add_option("--draft", all->draft, "draft of moq-transport (18)");
    command
        ->add_option("--as", all->kind,
                     "message, stream, datagram, mp4, catalog, jwt, cat; default: found out")
        ->check(CLI::IsMember(
            {"auto", "message", "stream", "datagram", "mp4", "catalog", "jwt", "cat"}));
    command->callback(
        [all, &chosen] { chosen = [all] { return decode(all->input, all->draft, all->kind); }; });
}

} // namespace moqrtc::reference
