#pragma once

#include <moqrtc/core/time.hpp>
#include <moqrtc/moqt/types.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace moqrtc::reference {

/// One line per object, `track group object microseconds` on the machine's steady clock: written by
/// publisher and subscriber on one machine, the two files give the latency between them.
class object_trace {
public:
    object_trace() = default;
    explicit object_trace(const std::string& path) {
        if (!path.empty()) file_.reset(std::fopen(path.c_str(), "w"));
    }
    void note(const std::string& track, moqt::location at, instant now) {
        if (file_ == nullptr) return;
        std::fprintf(file_.get(), "%s %llu %llu %lld\n", track.c_str(),
                     static_cast<unsigned long long>(at.group),
                     static_cast<unsigned long long>(at.object), static_cast<long long>(now.us));
    }

private:
    struct closer {
        void operator()(std::FILE* f) const noexcept { std::fclose(f); }
    };
    std::unique_ptr<std::FILE, closer> file_;
};

} // namespace moqrtc::reference
