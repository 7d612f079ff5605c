#include "setting_values.hpp"

#include <algorithm>
#include <charconv>

namespace moqrtc::reference {
namespace {

constexpr std::array<std::pair<std::string_view, unsigned>, 3> units{
    {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};

std::expected<void, std::string> range(const setting& which, std::uint64_t value,
                                       std::string_view unit) {
    if (value >= which.least && value <= which.most) return {};
    std::string out = "has to be ";
    if (which.most == UINT64_MAX)
        out += "at least " + std::to_string(which.least);
    else
        out += "between " + std::to_string(which.least) + " and " + std::to_string(which.most);
    return std::unexpected(out + std::string{unit});
}

std::expected<void, std::string> check_one(const setting& which, const std::string& text) {
    const auto wrong = [&](std::string_view what) {
        return std::unexpected("'" + text + "' is not " + std::string{what});
    };
    switch (which.kind) {
    case setting_kind::flag:
        if (text != "true" && text != "false") return wrong("true or false");
        break;
    case setting_kind::number: {
        const auto value = parse_number(text);
        if (!value) return wrong("a whole number");
        if (auto in = range(which, *value, ""); !in) return in;
        break;
    }
    case setting_kind::size: {
        const auto value = parse_size(text);
        if (!value) return wrong("a number of bytes such as 1048576 or 1MiB");
        if (auto in = range(which, *value, " bytes"); !in) return in;
        break;
    }
    case setting_kind::time: {
        const auto value = parse_seconds(text);
        if (!value) return wrong("a number of seconds such as 10 or 0.5");
        if (which.most == UINT64_MAX) break;
        const auto most = seconds(static_cast<std::int64_t>(which.most));
        if (*value < seconds(static_cast<std::int64_t>(which.least)) || *value > most)
            return range(which, UINT64_MAX, " seconds");
        break;
    }
    case setting_kind::choice: {
        auto left = which.value;
        while (true) {
            const auto bar = left.find('|');
            if (left.substr(0, bar) == text) break;
            if (bar == std::string_view::npos) return wrong("one of " + std::string{which.value});
            left.remove_prefix(bar + 1);
        }
        break;
    }
    case setting_kind::text:
    case setting_kind::list:
        break;
    }
    return which.check != nullptr ? which.check(text) : std::expected<void, std::string>{};
}

} // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.begin(), text.end(), value);
    if (failure != std::errc{} || end != text.end()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    unsigned shift = 0;
    for (const auto& [unit, bits] : units)
        if (text.ends_with(unit)) {
            text.remove_suffix(unit.size());
            while (text.ends_with(' '))
                text.remove_suffix(1);
            shift = bits;
            break;
        }
    const auto value = parse_number(text);
    if (!value || *value > UINT64_MAX >> shift) return std::nullopt;
    return *value << shift;
}

std::optional<duration> parse_seconds(std::string_view text) {
    const auto point = text.find('.');
    const auto whole = parse_number(text.substr(0, point));
    // 2^32 seconds are more than any setting takes, and far from overflow in microseconds.
    if (!whole || *whole > UINT32_MAX) return std::nullopt;
    auto out = seconds(static_cast<std::int64_t>(*whole));
    if (point == std::string_view::npos) return out;
    const auto decimals = text.substr(point + 1);
    const auto part = parse_number(decimals);
    if (!part || decimals.size() > 6) return std::nullopt;
    auto us = static_cast<std::int64_t>(*part);
    for (auto i = decimals.size(); i < 6; ++i)
        us *= 10;
    return out + duration{us};
}

std::string show_size(std::uint64_t bytes) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
        if (bytes != 0 && bytes % (std::uint64_t{1} << unit->second) == 0)
            return std::to_string(bytes >> unit->second) + std::string{unit->first};
    return std::to_string(bytes);
}

std::string show_seconds(duration time) {
    auto out = std::to_string(time.us / 1'000'000);
    if (time.us % 1'000'000 == 0) return out;
    auto part = std::to_string(1'000'000 + time.us % 1'000'000);
    part.front() = '.';
    part.erase(part.find_last_not_of('0') + 1);
    return out + part;
}

std::expected<void, std::string> apply(const setting& which, std::span<const std::string> values,
                                       server_settings& to) {
    if (which.kind != setting_kind::list && values.size() != 1)
        return std::unexpected("is given more than once");
    for (const auto& value : values)
        if (auto good = check_one(which, value); !good) return good;
    which.assign(to, values);
    return {};
}

std::string shown(const setting& which, const server_settings& settings) {
    auto out = which.show(settings);
    return which.secret && !out.empty() ? "(not shown)" : out;
}

std::string settings_in_force(const server_settings& settings) {
    std::string out;
    for (const auto& row : setting_table())
        out.append(row.key).append(" = ").append(shown(row, settings)).append("\n");
    return out;
}

std::string settings_reference() {
    std::string out;
    std::string_view table = "-";
    const server_settings defaults;
    for (const auto& row : setting_table()) {
        const auto dot = row.key.find('.');
        const auto in = dot == std::string_view::npos ? "" : row.key.substr(0, dot);
        if (in != table) {
            out += (in.empty() ? "### Top level\n" : "\n### `[" + std::string{in} + "]`\n");
            out += "| flag | in the file | default | what |\n|---|---|---|---|\n";
            table = in;
        }
        auto standard = row.show(defaults);
        if (row.kind == setting_kind::size) standard = show_size(*parse_size(standard));
        const std::string name{dot == std::string_view::npos ? row.key : row.key.substr(dot + 1)};
        const bool quoted = row.kind == setting_kind::text || row.kind == setting_kind::choice;
        std::string value{row.value};
        if (row.kind == setting_kind::flag) value = "true";
        if (row.kind == setting_kind::list) value = "[\"" + value + "\", …]";
        if (row.key == "drafts") value = "[\"18\", \"16\"]";
        if (quoted) value = "\"" + value + "\"";
        std::string line = "| `--" + std::string{row.key} +
                           (row.value.empty() ? "" : " " + std::string{row.value}) + "` | `" +
                           name + " = " + value + "` | " +
                           (standard.empty() ? "" : "`" + standard + "`") + " | " +
                           std::string{row.help} + (row.reloads ? " (reloads)" : "") + " |\n";
        // A bar inside a cell would end it.
        for (auto at = line.find('|', 1); at != std::string::npos; at = line.find('|', at + 1))
            if (at > 0 && line[at - 1] != ' ' && line[at + 1] != ' ' && line[at + 1] != '\n')
                line.insert(at++, "\\");
        out += line;
    }
    return out;
}

} // namespace moqrtc::reference
