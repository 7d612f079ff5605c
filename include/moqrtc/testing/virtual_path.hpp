#pragma once

#include <moqrtc/testing/link_config.hpp>
#include <moqrtc/testing/random_source.hpp>

#include <algorithm>

namespace moqrtc::testing {

/// One direction of a link: when what is put on it arrives, and whether more may be put on it.
class virtual_path {
public:
    virtual_path(const path_config& config, std::uint64_t seed) noexcept
        : config_{config}, random_{seed} {}

    void configure(const path_config& config) noexcept { config_ = config; }
    [[nodiscard]] const path_config& config() const noexcept { return config_; }

    /// When `size` bytes given to it now have left; it is busy until then.
    [[nodiscard]] instant depart(instant now, std::size_t size) noexcept {
        free_at_ = std::max(free_at_, now);
        if (config_.rate != 0)
            free_at_ =
                free_at_ + microseconds(static_cast<std::int64_t>(size * 1'000'000 / config_.rate));
        return free_at_;
    }
    /// How long a packet is under way this time.
    [[nodiscard]] duration transit() noexcept { return config_.delay + jitter(); }
    /// How long a signal is under way that is sent until it arrives.
    [[nodiscard]] duration reliable_transit() noexcept {
        return transit() + (loses() ? notice() : duration{});
    }
    /// How long it takes until a packet is known to be lost.
    [[nodiscard]] duration notice() noexcept { return config_.delay * 2 + jitter(); }
    [[nodiscard]] bool loses() noexcept { return random_.chance(config_.loss); }
    [[nodiscard]] bool aborts() noexcept { return random_.chance(config_.stream_abort); }
    [[nodiscard]] bool stops() noexcept { return random_.chance(config_.stream_stop); }
    [[nodiscard]] std::uint64_t some_code() noexcept { return random_.below(8); }
    /// How many bytes go into the next packet at most.
    [[nodiscard]] std::uint64_t packet_size() noexcept {
        return cuts() ? random_.between(config_.smallest_packet, config_.largest_packet)
                      : config_.largest_packet;
    }
    /// Whether the end of a stream travels with its last bytes; it may not where packets are cut
    /// at random.
    [[nodiscard]] bool fin_with_data() noexcept { return !cuts() || random_.chance(500); }

    [[nodiscard]] instant free_at() const noexcept { return free_at_; }
    [[nodiscard]] bool window_full() const noexcept {
        return in_flight_ >= config_.congestion_window;
    }
    void add_in_flight(std::uint64_t size) noexcept { in_flight_ += size; }
    void take_in_flight(std::uint64_t size) noexcept { in_flight_ -= std::min(in_flight_, size); }

private:
    [[nodiscard]] bool cuts() const noexcept {
        return config_.smallest_packet != 0 && config_.smallest_packet < config_.largest_packet;
    }
    [[nodiscard]] duration jitter() noexcept {
        if (config_.jitter.us <= 0) return {};
        return {static_cast<std::int64_t>(
            random_.below(static_cast<std::uint64_t>(config_.jitter.us) + 1))};
    }

    path_config config_;
    random_source random_;
    instant free_at_{};
    std::uint64_t in_flight_ = 0; ///< stream bytes
};

} // namespace moqrtc::testing
