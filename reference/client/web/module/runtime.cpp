// What a module without an operating system needs: memory for the other side, allocation that
// stops the module when memory is exhausted, and errors as text.
#include "exports.hpp"

#include <cstdlib>
#include <new>
#include <string>

void* operator new(std::size_t size) {
    if (auto* memory = std::malloc(size != 0 ? size : 1)) return memory;
    __builtin_trap();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return std::malloc(size != 0 ? size : 1);
}
void* operator new[](std::size_t size) {
    return operator new(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

// The library's own ones print, which would pull in an operating system.
void std::__libcpp_verbose_abort(const char*, ...) {
    __builtin_trap();
}
extern "C" void abort_message(const char*, ...) {
    __builtin_trap();
}
extern "C" void abort() {
    __builtin_trap();
}

namespace moqrtc::web {

namespace {
error last;
std::string last_text;
} // namespace

double failed(const error& why) noexcept {
    last = why;
    return -2 - static_cast<double>(why.code);
}

std::vector<std::byte>& output() noexcept {
    static std::vector<std::byte> bytes;
    return bytes;
}

/// Room for `size` bytes in the module's memory; `release` it.
MOQRTC_WEB_EXPORT(allocate) void* allocate(std::uint32_t size) {
    return std::malloc(size != 0 ? size : 1);
}
MOQRTC_WEB_EXPORT(release) void release(void* memory) {
    std::free(memory);
}

/// Why the last call failed, in words.
MOQRTC_WEB_EXPORT(last_error) const span_record* last_error() {
    static span_record out;
    last_text = std::string{to_string(last.code)};
    if (*last.field != 0) last_text += std::string{": "} + last.field;
    if (*last.where != 0) last_text += std::string{" ("} + last.where + ")";
    out = record_of(as_bytes(last_text));
    return &out;
}

/// What the last call that makes bytes has made.
MOQRTC_WEB_EXPORT(last_output) const span_record* last_output() {
    static span_record out;
    out = record_of(output());
    return &out;
}

} // namespace moqrtc::web
