#pragma once

#include "setting_table.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How the values of settings are written and read.
namespace moqrtc::reference {

template <class Choice>
inline constexpr std::array<std::pair<std::string_view, Choice>, 0> words_of{};
template <>
inline constexpr std::array words_of<log_format>{
    std::pair{std::string_view{"text"}, log_format::text},
    std::pair{std::string_view{"json"}, log_format::json}};
template <>
inline constexpr std::array words_of<log_level>{
    std::pair{std::string_view{"debug"}, log_level::debug},
    std::pair{std::string_view{"info"}, log_level::info},
    std::pair{std::string_view{"warning"}, log_level::warning},
    std::pair{std::string_view{"error"}, log_level::error},
    std::pair{std::string_view{"off"}, log_level::off}};
template <>
inline constexpr std::array words_of<auth_mode>{
    std::pair{std::string_view{"auto"}, auth_mode::automatic},
    std::pair{std::string_view{"off"}, auth_mode::off},
    std::pair{std::string_view{"required"}, auth_mode::required}};
template <>
inline constexpr std::array words_of<api_key_mode>{
    std::pair{std::string_view{"auto"}, api_key_mode::automatic},
    std::pair{std::string_view{"always"}, api_key_mode::always}};
template <>
inline constexpr std::array words_of<media_mode>{
    std::pair{std::string_view{"p2p"}, media_mode::p2p},
    std::pair{std::string_view{"single_server_sfu"}, media_mode::single_server_sfu},
    std::pair{std::string_view{"moq"}, media_mode::moq},
    std::pair{std::string_view{"auto"}, media_mode::automatic}};
template <>
inline constexpr std::array words_of<congestion_control>{
    std::pair{std::string_view{"cubic"}, congestion_control::cubic},
    std::pair{std::string_view{"bbr"}, congestion_control::bbr},
    std::pair{std::string_view{"reno"}, congestion_control::reno}};
template <>
inline constexpr std::array words_of<retry_mode>{
    std::pair{std::string_view{"never"}, retry_mode::never},
    std::pair{std::string_view{"under-load"}, retry_mode::under_load},
    std::pair{std::string_view{"always"}, retry_mode::always}};

/// Digits alone.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
/// A number, perhaps with KiB, MiB or GiB behind it.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
/// Seconds with at most six decimals.
[[nodiscard]] std::optional<duration> parse_seconds(std::string_view text);
[[nodiscard]] std::string show_size(std::uint64_t bytes);
[[nodiscard]] std::string show_seconds(duration time);

// Reading: the texts are known to be right.
inline void read_value(std::span<const std::string> in, bool& out) {
    out = in.front() == "true";
}
inline void read_value(std::span<const std::string> in, std::string& out) {
    out = in.front();
}
inline void read_value(std::span<const std::string> in, std::vector<std::string>& out) {
    out.assign(in.begin(), in.end());
}
inline void read_value(std::span<const std::string> in, duration& out) {
    out = *parse_seconds(in.front());
}
template <std::unsigned_integral Number>
void read_value(std::span<const std::string> in, Number& out) {
    out = static_cast<Number>(*parse_size(in.front()));
}
template <class Choice>
    requires(std::tuple_size_v<std::remove_cvref_t<decltype(words_of<Choice>)>> > 0)
void read_value(std::span<const std::string> in, Choice& out) {
    for (const auto& [word, value] : words_of<Choice>)
        if (in.front() == word) out = value;
}

[[nodiscard]] inline std::string show_value(bool value) {
    return value ? "true" : "false";
}
[[nodiscard]] inline std::string show_value(const std::string& value) {
    return value;
}
[[nodiscard]] inline std::string show_value(const std::vector<std::string>& values) {
    std::string out;
    for (const auto& value : values)
        out += (out.empty() ? "" : ",") + value;
    return out;
}
[[nodiscard]] inline std::string show_value(duration value) {
    return show_seconds(value);
}
template <std::unsigned_integral Number>
[[nodiscard]] std::string show_value(Number value) {
    return std::to_string(value);
}
template <class Choice>
    requires(std::tuple_size_v<std::remove_cvref_t<decltype(words_of<Choice>)>> > 0)
[[nodiscard]] std::string show_value(Choice value) {
    for (const auto& [word, one] : words_of<Choice>)
        if (one == value) return std::string{word};
    return {};
}

} // namespace moqrtc::reference
