#pragma once

#include "settings.hpp"

#include <concepts>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// Sets up the log on standard error. Lines are written by a thread of their own: a reader that
/// stops reading loses the oldest lines and holds nobody up.
void open_log(log_format format, log_level least);
void set_log_level(log_level least);
/// Writes what is waiting; false when nobody reads it for two seconds. Then only `_Exit` is left,
/// because the writing thread cannot be joined.
[[nodiscard]] bool close_log();

/// One line of the log: what happened, then names and values. Written when it is destroyed.
///
/// Texts may come from peers: whatever could forge a line or a field is escaped.
class log_line {
public:
    log_line(log_level level, std::string_view what);
    ~log_line();
    log_line(const log_line&) = delete;
    log_line& operator=(const log_line&) = delete;

    log_line& with(std::string_view name, std::string_view value);
    template <std::integral Number>
    log_line& with(std::string_view name, Number value) {
        return add(name, std::to_string(value));
    }
    /// The same unless the value is empty.
    log_line& maybe(std::string_view name, std::string_view value) {
        return value.empty() ? *this : with(name, value);
    }

private:
    log_line& add(std::string_view name, std::string_view raw);

    log_level level_;
    bool wanted_;
    std::string text_;
};

} // namespace moqrtc::reference
