#pragma once

#include "http_message.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moqrtc::reference {

/// A file of the web client that was built into the program.
struct embedded_file {
    std::string_view path; ///< `/web/…`
    std::string_view etag;
    std::string_view body;
};

/// All of them, sorted by path; the table is made by the build.
[[nodiscard]] std::span<const embedded_file> embedded_files();

/// The web client: the files that were built in, or for its developers those of a directory, read
/// anew for each request, with the built-in ones behind them.
///
/// Threads every function may be called from any.
class web_files {
public:
    explicit web_files(std::filesystem::path directory = {}) : directory_{std::move(directory)} {}

    /// What a path shows: `/web/NAME` is a file, `/`, `/admin`, `/play/…` and
    /// `/publish/…` are pages. Pages
    /// and scripts come with a policy that lets them talk to the host of the request and to `quic`,
    /// our address, alone.
    [[nodiscard]] std::optional<http_response> find(const http_request& request,
                                                    std::string_view quic) const;

private:
    /// `path` is one of `/web/…`.
    [[nodiscard]] std::optional<http_response> load(std::string_view path) const;

    std::filesystem::path directory_;
};

/// The MIME type that the end of a name tells.
[[nodiscard]] std::string_view content_type_of(std::string_view path);

} // namespace moqrtc::reference
