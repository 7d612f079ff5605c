#include <moqrtc/core/send_queue.hpp>

#include <array>
#include <deque>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace moqrtc {
namespace {

struct packet {
    static constexpr std::size_t max_chunks = 3;
    std::array<bytes, max_chunks> chunks{};
    std::size_t count = 0;
};

} // namespace

// Whatever sizes are queued, taken and acknowledged, the bytes that go out are those that came in,
// and memory goes back with the acknowledgement of its last byte.
TEST(send_queue, sends_in_order_and_keeps_until_acknowledged) {
    std::mt19937 random{7};
    const auto pick = [&](std::size_t most) {
        return std::uniform_int_distribution<std::size_t>{0, most}(random);
    };
    buffer_pool pool;
    {
        send_queue queue;
        std::deque<std::byte> waiting; // the bytes that are to go out
        std::size_t flying = 0;
        std::uint8_t next = 0;
        for (int round = 0; round < 5000; ++round) {
            switch (pick(2)) {
            case 0: {
                std::vector<std::byte> made(pick(9));
                for (auto& b : made) {
                    b = static_cast<std::byte>(next++);
                    waiting.push_back(b);
                }
                queue.push(slice::copy(pool, made));
                break;
            }
            case 1: {
                packet out;
                const bool all = queue.offer(out);
                std::size_t size = 0;
                for (std::size_t i = 0; i < out.count; ++i)
                    for (const auto b : out.chunks[i])
                        ASSERT_EQ(b, waiting[size++]) << "round " << round;
                ASSERT_EQ(all, size == queue.unsent);
                ASSERT_TRUE(all || out.count == packet::max_chunks);
                const auto taken = pick(size);
                queue.sent(taken);
                waiting.erase(waiting.begin(),
                              waiting.begin() + static_cast<std::ptrdiff_t>(taken));
                flying += taken;
                break;
            }
            default: {
                const auto count = pick(flying);
                queue.acked(count);
                flying -= count;
            }
            }
            ASSERT_EQ(queue.unsent, waiting.size());
            if (flying + queue.unsent == 0) {
                ASSERT_TRUE(queue.chunks.empty());
            }
        }
        queue.clear();
        packet out;
        EXPECT_TRUE(queue.offer(out));
        EXPECT_EQ(out.count, 0u);
    }
    EXPECT_EQ(pool.used(), 0u);
}

} // namespace moqrtc
