#include "event_hub.hpp"

#include <utility>

namespace moqrtc::reference {

void event_hub::listen(std::string org, std::string device, event_sink to) {
    const std::lock_guard lock{guard_};
    if (listeners_.size() >= most) return;
    listeners_.push_back({std::move(org), std::move(device), std::move(to)});
}

void event_hub::tell(std::string_view org, std::string_view device, std::string_view event,
                     std::string_view data) {
    const std::lock_guard lock{guard_};
    std::string text = "id: " + std::to_string(++told_) + "\nevent: ";
    text.append(event).append("\ndata: ").append(data).append("\n\n");
    std::erase_if(listeners_, [&](const listener& one) {
        if (one.org != "*" && one.org != org) return false;
        if (!one.device.empty() && one.device != device) return false;
        return !one.to(text);
    });
}

std::size_t event_hub::listeners() const {
    const std::lock_guard lock{guard_};
    return listeners_.size();
}

} // namespace moqrtc::reference
