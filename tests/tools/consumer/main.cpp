// What somebody else's program sees of the installed or embedded library: it compiles, links, runs.
#include <array>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/error.hpp>

int main() {
    const std::array<std::byte, 3> octets{std::byte{1}, std::byte{2}, std::byte{3}};
    const moqrtc::result<int> refused = std::unexpected(moqrtc::error{.code = moqrtc::errc::truncated});
    const bool right = moqrtc::load_be<3>(octets) == 0x010203 && !refused &&
                       to_string(refused.error().code) == "truncated";
    return right ? 0 : 1;
}
