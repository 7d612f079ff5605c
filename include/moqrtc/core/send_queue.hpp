#pragma once

#include <moqrtc/core/ring.hpp>
#include <moqrtc/core/slice.hpp>

#include <cstddef>
#include <utility>

namespace moqrtc {

/// Bytes of a stream that are queued, or sent and not yet acknowledged.
///
/// Owns    references on the queued slices until their bytes are acknowledged.
struct send_queue {
    std::size_t unsent = 0;       ///< bytes
    std::size_t sent_chunks = 0;  ///< chunks wholly sent
    std::size_t sent_partly = 0;  ///< bytes sent of the chunk after those
    std::size_t acked_partly = 0; ///< bytes acknowledged of the first chunk
    ring<slice> chunks{};

    template <class Slice>
    void push(Slice&& chunk) {
        if (chunk.empty()) return;
        unsent += chunk.size();
        chunks.push(std::forward<Slice>(chunk));
    }
    /// Adds what is unsent to a list of chunks with a `count`, as many as it has room for; whether
    /// that is all.
    template <class Send>
    bool offer(Send& out) const {
        std::size_t skip = sent_partly;
        std::size_t at = sent_chunks;
        for (; at < chunks.size() && out.count < Send::max_chunks; ++at) {
            out.chunks[out.count++] = chunks[at].view().subspan(skip);
            skip = 0;
        }
        return at == chunks.size();
    }
    /// The transport took `count` bytes, no more than are unsent.
    void sent(std::size_t count) noexcept {
        unsent -= count;
        if (unsent != 0) return sent_some(count);
        sent_chunks = chunks.size();
        sent_partly = 0;
    }
    /// `count` more bytes, in order, reached the peer.
    void acked(std::size_t count) {
        while (count != 0 && !chunks.empty()) {
            const auto left = chunks.front().size() - acked_partly;
            if (count < left) {
                acked_partly += count;
                return;
            }
            count -= left;
            acked_partly = 0;
            chunks.pop_front();
            if (sent_chunks != 0) --sent_chunks;
        }
    }
    /// Forgets everything; the memory of the queue itself stays.
    void clear() {
        chunks.clear();
        unsent = sent_chunks = sent_partly = acked_partly = 0;
    }

private:
    [[gnu::noinline]] void sent_some(std::size_t count) noexcept {
        while (count != 0) {
            const auto left = chunks[sent_chunks].size() - sent_partly;
            if (count < left) {
                sent_partly += count;
                return;
            }
            count -= left;
            sent_partly = 0;
            ++sent_chunks;
        }
    }
};

} // namespace moqrtc
