#include "json_text.hpp"

#include <nlohmann/json.hpp>

namespace moqrtc::reference {

void append_json(std::string& out, std::string_view text) {
    using json = nlohmann::json;
    out += json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

} // namespace moqrtc::reference
