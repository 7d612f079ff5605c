#pragma once

#include <moqrtc/core/bytes.hpp>
#include <moqrtc/moqt/session/qlog_trace.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moqrtc::reference {

struct pending_send;

/// A `qlog_trace` in a file: `NAME_server.mlog` or `NAME_client.mlog`, where NAME is that of the
/// connection's QUIC trace; further sessions of the connection have a number behind it.
class session_trace {
public:
    /// Null when no file can be made there.
    [[nodiscard]] static std::unique_ptr<session_trace> open(instant now,
                                                             const std::filesystem::path& directory,
                                                             const std::string& name,
                                                             moqt::role self, moqt::draft version);

    [[nodiscard]] moqt::qlog_trace& events() noexcept { return events_; }
    /// What the session offered for `stream`; what `sent` of it is told by `handle_sent`.
    void offer(const pending_send& next);
    void handle_sent(instant now, std::int64_t stream, std::size_t count, bool fin);
    /// Writes what there is, to the file itself.
    void flush();

private:
    struct closer {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    using file_pointer = std::unique_ptr<std::FILE, closer>;

    session_trace(file_pointer file, instant now, const moqt::qlog_trace::settings& given)
        : file_{std::move(file)}, events_{now, given} {}

    file_pointer file_;
    moqt::qlog_trace events_;
    std::vector<bytes> offered_{};
    std::int64_t offered_stream_ = -1;
};

} // namespace moqrtc::reference
