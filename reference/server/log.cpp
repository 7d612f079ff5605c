#include "json_text.hpp"
#include "log.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <thread>
#include <utility>

namespace moqrtc::reference {
namespace {

constexpr std::size_t waiting_lines = 8192;
constexpr std::chrono::seconds patience{2};

std::shared_ptr<spdlog::logger> writer;
log_format form = log_format::text;

spdlog::level::level_enum level_of(log_level level) {
    switch (level) {
    case log_level::debug:
        return spdlog::level::debug;
    case log_level::info:
        return spdlog::level::info;
    case log_level::warning:
        return spdlog::level::warn;
    case log_level::error:
        return spdlog::level::err;
    case log_level::off:
        break;
    }
    return spdlog::level::off;
}

/// Words stay as they are, anything else is quoted.
void append_text(std::string& out, std::string_view value) {
    const auto plain = [](char c) {
        return c > ' ' && c <= '~' && c != '"' && c != '=' && c != '\\';
    };
    if (!value.empty() && std::ranges::all_of(value, plain))
        out += value;
    else
        append_json(out, value);
}

} // namespace

void open_log(log_format format, log_level least) {
    form = format;
    spdlog::init_thread_pool(waiting_lines, 1);
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    writer =
        std::make_shared<spdlog::async_logger>("server", std::move(sink), spdlog::thread_pool(),
                                               spdlog::async_overflow_policy::overrun_oldest);
    writer->set_pattern(format == log_format::json
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})"
                            : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                        spdlog::pattern_time_type::utc);
    writer->flush_on(spdlog::level::debug);
    set_log_level(least);
}

void set_log_level(log_level least) {
    writer->set_level(level_of(least));
}

bool close_log() {
    std::promise<void> written;
    const auto done = written.get_future();
    std::thread{[written = std::move(written)]() mutable {
        spdlog::shutdown(); // joins the writing thread
        written.set_value();
    }}.detach();
    if (done.wait_for(patience) != std::future_status::ready) return false;
    writer.reset();
    return true;
}

log_line::log_line(log_level level, std::string_view what)
    : level_{level}, wanted_{writer != nullptr && writer->should_log(level_of(level))} {
    if (!wanted_) return;
    if (form == log_format::json) {
        text_ = R"("event":)";
        append_json(text_, what);
    } else {
        text_ = what;
    }
}

log_line::~log_line() {
    if (wanted_) writer->log(level_of(level_), spdlog::string_view_t{text_});
}

log_line& log_line::with(std::string_view name, std::string_view value) {
    if (!wanted_) return *this;
    std::string shown;
    if (form == log_format::json)
        append_json(shown, value);
    else
        append_text(shown, value);
    return add(name, shown);
}

log_line& log_line::add(std::string_view name, std::string_view raw) {
    if (!wanted_) return *this;
    if (form == log_format::json) {
        text_ += ',';
        append_json(text_, name);
        text_ += ':';
    } else {
        text_ += ' ';
        text_ += name;
        text_ += '=';
    }
    text_ += raw;
    return *this;
}

} // namespace moqrtc::reference
