#include "print.hpp"

#include <moqrtc/core/hex.hpp>

#include <cstdio>

namespace moqrtc::reference {

bool print_line(std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                         std::fputc('\n', stdout) != EOF;
    return std::fflush(stdout) == 0 && written;
}

bool print_json(const nlohmann::ordered_json& value) {
    return print_line(value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void add_payload(nlohmann::ordered_json& to, bytes payload) {
    try {
        const nlohmann::ordered_json text = as_text(payload);
        (void)text.dump(); // throws where it is no UTF-8
        to["text"] = text;
    } catch (const nlohmann::json::type_error&) {
        to["hex"] = hex_encode(payload);
    }
}

} // namespace moqrtc::reference
