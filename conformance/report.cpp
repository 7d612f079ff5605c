#include "report.hpp"

#include <cstdio>

namespace moqrtc::conformance {

namespace {

std::string fixed(double value) {
    char out[32];
    std::snprintf(out, sizeof out, "%.1f", value);
    return out;
}
std::string_view name_of(peer_kind kind) {
    switch (kind) {
    case peer_kind::relay:
        return "relay";
    case peer_kind::publisher:
        return "publisher";
    case peer_kind::subscriber:
        return "subscriber";
    }
    return "unknown";
}
std::string_view name_of(trace_entry::kind what) {
    switch (what) {
    case trace_entry::kind::sent:
        return "sent";
    case trace_entry::kind::received:
        return "received";
    case trace_entry::kind::note:
        return "note";
    }
    return "unknown";
}
std::string trace_json(const trace& t) {
    std::string out = "[";
    for (const auto& e : t.entries) {
        if (out.size() > 1) out += ",";
        out += "{\"ms\":" + fixed(static_cast<double>(e.at.us) / 1000) +
               ",\"connection\":" + std::to_string(e.side) + ",\"what\":\"" +
               std::string{name_of(e.what)} + "\",\"text\":" + json_text(e.text);
        if (!e.hex.empty()) out += ",\"hex\":\"" + e.hex + "\",\"bytes\":" + std::to_string(e.size);
        out += "}";
    }
    return out + "]";
}

} // namespace

totals count(const suite& s) {
    totals out{};
    for (const auto& o : s.outcomes())
        ++out[static_cast<std::size_t>(o.result.what)];
    return out;
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f || c == '<' || c == '>' || c == '&') {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
            out += escaped;
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string to_json(const suite& s, const run_info& info) {
    const auto n = count(s);
    std::string out =
        "{\"target\":" + json_text(info.target) +
        ",\"draft\":" + std::to_string(number(s.target().version)) + ",\"peer\":\"" +
        std::string{name_of(s.target().peer)} + "\",\"transport\":\"" +
        (s.target().webtransport ? "webtransport" : "quic") +
        "\",\"when\":" + json_text(info.when) + ",\"seconds\":" + fixed(info.seconds) +
        ",\"program\":" + json_text(info.program) +
        ",\n\"totals\":{\"pass\":" + std::to_string(n[0]) + ",\"fail\":" + std::to_string(n[1]) +
        ",\"undecided\":" + std::to_string(n[2]) + ",\"elsewhere\":" + std::to_string(n[3]) +
        "},\n\"rows\":[";
    bool first = true;
    for (const auto& o : s.outcomes()) {
        out += first ? "\n" : ",\n";
        first = false;
        out += "{\"id\":" + json_text(o.name.id) + ",\"section\":" + json_text(o.name.section) +
               ",\"kind\":\"" + o.rule->kind + "\",\"condition\":" + json_text(o.rule->condition) +
               ",\"reaction\":" + json_text(o.rule->reaction) + ",\"verdict\":\"" +
               std::string{to_string(o.result.what)} +
               "\",\"reason\":" + json_text(o.result.reason) +
               ",\"ms\":" + fixed(static_cast<double>(o.lasted.us) / 1000) +
               ",\"trace\":" + trace_json(o.record);
        if (o.record.left_out != 0) out += ",\"left_out\":" + std::to_string(o.record.left_out);
        out += "}";
    }
    return out + "\n]}\n";
}

std::string to_tap(const suite& s) {
    std::string out = "TAP version 14\n1.." + std::to_string(s.planned()) + "\n";
    std::size_t i = 0;
    const auto plain = [](std::string text) {
        for (auto& c : text)
            if (c == '#' || c == '\n') c = ' ';
        return text;
    };
    for (const auto& o : s.outcomes()) {
        const bool failed = o.result.what == verdict::kind::fail;
        const bool passed = o.result.what == verdict::kind::pass;
        out += failed ? "not ok " : "ok ";
        out += std::to_string(++i) + " - " + std::string{o.name.id} + " (" +
               std::string{o.name.section} + ") " + plain(std::string{o.rule->condition});
        if (!failed && !passed)
            out +=
                " # SKIP " + std::string{to_string(o.result.what)} + ": " + plain(o.result.reason);
        out += "\n";
        if (!failed) continue;
        out += "  ---\n  message: " + json_text(o.result.reason) +
               "\n  reaction: " + json_text(o.rule->reaction) + "\n  ...\n";
    }
    return out;
}

std::string to_table(const suite& s, const run_info& info, bool colours) {
    const auto paint = [&](verdict::kind what, std::string text) {
        if (!colours) return text;
        const char* code = what == verdict::kind::pass        ? "\033[32m"
                           : what == verdict::kind::fail      ? "\033[31;1m"
                           : what == verdict::kind::undecided ? "\033[33m"
                                                              : "\033[2m";
        return code + text + "\033[0m";
    };
    const auto padded = [](std::string text, std::size_t width) {
        if (text.size() < width) text.append(width - text.size(), ' ');
        return text;
    };
    std::string out;
    for (const auto& o : s.outcomes()) {
        if (o.result.what == verdict::kind::pass || o.result.what == verdict::kind::elsewhere)
            continue;
        out += paint(o.result.what, padded(std::string{to_string(o.result.what)}, 10)) +
               padded(std::string{o.name.id}, 15) + padded(std::string{o.name.section}, 10) + " " +
               std::string{o.rule->condition} + "\n" + std::string(36, ' ') + o.result.reason +
               "\n";
    }
    const auto n = count(s);
    out += "draft " + std::to_string(number(s.target().version)) + ", " + info.target + ": ";
    using kind = verdict::kind;
    out += paint(kind::pass, std::to_string(n[0]) + " pass") + ", " +
           paint(n[1] == 0 ? kind::pass : kind::fail, std::to_string(n[1]) + " fail") + ", " +
           paint(kind::undecided, std::to_string(n[2]) + " undecided") + ", " +
           paint(kind::elsewhere, std::to_string(n[3]) + " for other peers") + ", " +
           fixed(info.seconds) + " s\n";
    return out;
}

std::string to_markdown(moqt::draft version) {
    std::string out =
        "| Id | § | Kind | Condition | Why not from outside |\n|---|---|---|---|---|\n";
    for (const auto& r : requirements()) {
        const auto name = r.in(version);
        const auto* found = row_of(r.key());
        if (name.id.empty() || found == nullptr || found->why.empty()) continue;
        out += "| " + std::string{name.id} + " | " + std::string{name.section} + " | " + r.kind +
               " | " + std::string{r.condition} + " | " + std::string{found->why} + " |\n";
    }
    return out;
}

} // namespace moqrtc::conformance
