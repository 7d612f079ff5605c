#include "quic_handler.hpp"
#include "session_trace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

namespace moqrtc::reference {
namespace {

constexpr int most_sessions = 1000; ///< of one connection that are traced
constexpr std::size_t most_unwritten = std::size_t{64} << 10;

std::string wall_clock() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    const auto seconds = static_cast<std::time_t>(ms / 1000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 64> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(ms % 1000));
    return text.data();
}

} // namespace

std::unique_ptr<session_trace> session_trace::open(instant now,
                                                   const std::filesystem::path& directory,
                                                   const std::string& name, moqt::role self,
                                                   moqt::draft version) {
    const std::string end = self == moqt::role::server ? "_server" : "_client";
    for (int n = 1; n <= most_sessions; ++n) {
        const auto file = name + end + (n == 1 ? "" : "_" + std::to_string(n)) + ".mlog";
        file_pointer opened{std::fopen((directory / file).c_str(), "wxe")};
        if (opened == nullptr && errno == EEXIST) continue;
        if (opened == nullptr) return nullptr;
        const auto clock = wall_clock();
        return std::unique_ptr<session_trace>{
            new session_trace{std::move(opened), now, {self, version, name, clock}}};
    }
    return nullptr;
}

void session_trace::offer(const pending_send& next) {
    offered_stream_ = next.stream;
    offered_.assign(next.chunks.begin(),
                    next.chunks.begin() + static_cast<std::ptrdiff_t>(next.count));
}

void session_trace::handle_sent(instant now, std::int64_t stream, std::size_t count, bool fin) {
    if (stream != offered_stream_) return;
    using moqt::qlog_trace;
    const auto id = static_cast<moqt::stream_id>(stream);
    for (auto& chunk : offered_) {
        const auto part = chunk.first(std::min(count, chunk.size()));
        if (!part.empty()) events_.handle_stream(now, qlog_trace::direction::sent, id, part, false);
        count -= part.size();
        chunk = chunk.subspan(part.size());
    }
    if (fin) events_.handle_stream(now, qlog_trace::direction::sent, id, {}, true);
    if (events_.size() > most_unwritten) flush();
}

void session_trace::flush() {
    if (events_.size() == 0) return;
    const auto text = events_.take();
    std::fwrite(text.data(), 1, text.size(), file_.get());
    std::fflush(file_.get());
}

} // namespace moqrtc::reference
