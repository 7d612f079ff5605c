// Feeds a `qlog_trace` with streams and datagrams in both directions, cut anywhere, in every draft.
// Checked: no crash, every record is whole JSON by its brackets, quotes and characters, and what is
// kept of unfinished messages is bounded.
#include <moqrtc/moqt/session/qlog_trace.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace moqrtc;
using namespace moqrtc::moqt;

namespace {

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

/// Whether `text` is JSON as far as brackets, quotes and escapes tell.
bool balanced(std::string_view text) {
    std::string open;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (static_cast<unsigned char>(c) < 0x20) return false;
        if (quoted) {
            if (c == '\\' && ++i == text.size()) return false;
            if (c == '"') quoted = false;
            continue;
        }
        if (c == '"') quoted = true;
        if (c == '{' || c == '[') open += c;
        if (c == '}' || c == ']') {
            if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return false;
            open.pop_back();
        }
    }
    return open.empty() && !quoted && is_utf8(text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1 || size > 8192) return 0;
    const auto version = all_drafts[*data % all_drafts.size()];
    qlog_trace trace{instant{}, {role::server, version, "id", ""}};
    bytes left = std::as_bytes(std::span{data + 1, size - 1});
    instant now{};
    while (left.size() > 2) {
        const auto what = byte_at(left, 0);
        const auto way = what & 1 ? qlog_trace::direction::sent : qlog_trace::direction::received;
        const stream_id stream = what >> 4;
        const auto count = std::min<std::size_t>(byte_at(left, 1), left.size() - 2);
        const auto part = left.subspan(2, count);
        left = left.subspan(2 + count);
        now = now + microseconds(777);
        switch (what >> 1 & 7) {
        case 0:
            trace.handle_datagram(now, way, part);
            break;
        case 1:
            trace.handle_reset(now, way, stream, count);
            trace.handle_stop_sending(now, way, stream, count);
            break;
        case 2:
            trace.handle_closed(now, way, count, as_text(part));
            break;
        default:
            trace.handle_stream(now, way, stream, part, (what >> 1 & 7) == 3);
        }
    }
    const auto told = trace.take();
    for (std::size_t at = 0; at < told.size();) {
        const auto end = told.find('\n', at);
        require(told[at] == '\x1e' && end != std::string::npos, "a record begins and ends");
        require(balanced(std::string_view{told}.substr(at + 1, end - at - 1)), "a record is JSON");
        at = end + 1;
    }
    return 0;
}
