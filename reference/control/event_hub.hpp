#pragma once

#include "server/http_message.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::reference {

/// Hands events on to everybody who listens now. Who listens too slowly is told nothing more; the
/// list of streams is the truth, events say when to look.
///
/// Threads every function may be called from any.
class event_hub {
public:
    /// Listens for the events of one organisation, or of all (`*`), until `to` refuses one; with
    /// `device`, only for those about that device.
    void listen(std::string org, std::string device, event_sink to);
    /// `data` is JSON in one line; `device` is what it is about, if anything.
    void tell(std::string_view org, std::string_view device, std::string_view event,
              std::string_view data);
    /// Who listens now, as far as it is known: whoever went is noticed at the next event.
    [[nodiscard]] std::size_t listeners() const;

private:
    static constexpr std::size_t most = 1000;

    struct listener {
        std::string org;
        std::string device;
        event_sink to;
    };
    mutable std::mutex guard_;
    std::vector<listener> listeners_;
    std::uint64_t told_ = 0;
};

} // namespace moqrtc::reference
