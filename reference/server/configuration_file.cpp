#include "common/private_file.hpp"
#include "configuration_file.hpp"
#include "setting_table.hpp"

#define TOML_EXCEPTIONS 0
#include <algorithm>
#include <cstdio>
#include <toml++/toml.h>

namespace moqrtc::reference {
namespace {

/// One value as the command line would have it; empty when the type is none of a setting's.
std::string text_of(const toml::node& node, setting_kind kind) {
    if (const auto* text = node.as_string()) {
        const bool quoted = kind == setting_kind::text || kind == setting_kind::list ||
                            kind == setting_kind::choice || kind == setting_kind::size;
        return quoted ? text->get() : std::string{};
    }
    if (const auto* number = node.as_integer()) switch (kind) {
        case setting_kind::number:
        case setting_kind::size:
        case setting_kind::time:
            return std::to_string(number->get());
        default:
            return {};
        }
    if (const auto* number = node.as_floating_point(); number && kind == setting_kind::time) {
        char text[64];
        std::snprintf(text, sizeof text, "%.6f", number->get());
        return text;
    }
    if (const auto* truth = node.as_boolean(); truth && kind == setting_kind::flag)
        return truth->get() ? "true" : "false";
    return {};
}

std::string_view words_for(setting_kind kind) {
    switch (kind) {
    case setting_kind::flag:
        return "takes true or false";
    case setting_kind::list:
        return "takes an array of strings";
    case setting_kind::number:
        return "takes a whole number";
    case setting_kind::size:
        return "takes a whole number, or a string such as \"64MiB\"";
    case setting_kind::time:
        return "takes a number of seconds";
    default:
        return "takes a string";
    }
}

struct reader {
    std::string name;
    std::vector<given_setting> found{};
    std::string problem{};

    std::string place(const toml::node& node, const std::string& key) const {
        return name + ":" + std::to_string(node.source().begin.line) + ": " + key;
    }

    bool take(const toml::table& table, const std::string& prefix) {
        for (const auto& [short_key, node] : table) {
            const auto key = prefix + std::string{short_key.str()};
            if (const auto* inner = node.as_table(); inner && prefix.empty()) {
                if (!take(*inner, key + ".")) return false;
                continue;
            }
            const auto* which = find_setting(key);
            if (which == nullptr) return fail(node, key, "there is no such setting");
            given_setting one{key, {}, place(node, key)};
            if (const auto* array = node.as_array(); array && which->kind == setting_kind::list) {
                for (const auto& item : *array) {
                    if (!item.is_string()) return fail(node, key, words_for(which->kind));
                    one.values.push_back(item.as_string()->get());
                }
            } else {
                // An empty string is a value: it stands for the default of texts.
                auto text = text_of(node, which->kind);
                if (text.empty() && !(node.is_string() && which->kind == setting_kind::text))
                    return fail(node, key, words_for(which->kind));
                one.values.push_back(std::move(text));
            }
            found.push_back(std::move(one));
        }
        return true;
    }

    bool fail(const toml::node& node, const std::string& key, std::string_view what) {
        problem = place(node, key) + ": " + std::string{what};
        return false;
    }
};

} // namespace

std::expected<std::vector<given_setting>, std::string>
read_configuration(const std::filesystem::path& file) {
    const auto content = read_small_file(file);
    if (!content) return std::unexpected(content.error());
    const auto parsed = toml::parse(*content, file.string());
    if (!parsed) {
        const auto& error = parsed.error();
        return std::unexpected(file.string() + ":" + std::to_string(error.source().begin.line) +
                               ": " + std::string{error.description()});
    }
    reader in{file.string()};
    if (!in.take(parsed.table(), {})) return std::unexpected(in.problem);
    return in.found;
}

} // namespace moqrtc::reference
