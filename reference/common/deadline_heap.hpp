#pragma once

#include <moqrtc/core/time.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace moqrtc::reference {

/// Where an element stands in a `deadline_heap`; each element carries one.
struct deadline_place {
    static constexpr std::size_t nowhere = SIZE_MAX;
    instant when = never;
    std::size_t index = nowhere;
};

/// Elements by deadline, the earliest first; moving or removing one costs the logarithm of their
/// number. `Place` is the pointer to the element's `deadline_place` member.
template <class T, deadline_place T::* Place>
class deadline_heap {
public:
    [[nodiscard]] instant next() const noexcept {
        return heap_.empty() ? never : (heap_.front()->*Place).when;
    }
    [[nodiscard]] T* front() const noexcept { return heap_.empty() ? nullptr : heap_.front(); }

    /// `never` takes the element out.
    void set(T& element, instant when) {
        auto& place = element.*Place;
        if (when == never) return remove(element);
        if (place.index == deadline_place::nowhere) {
            heap_.push_back(&element);
            place = {when, heap_.size() - 1};
            return up(place.index);
        }
        if (place.when == when) return;
        const bool earlier = when < place.when;
        place.when = when;
        earlier ? up(place.index) : down(place.index);
    }
    void remove(T& element) {
        auto& place = element.*Place;
        if (place.index == deadline_place::nowhere) return;
        const auto hole = place.index;
        place = {};
        auto* last = heap_.back();
        heap_.pop_back();
        if (last == &element) return;
        put(hole, last);
        up(hole);
        down((last->*Place).index);
    }

private:
    [[nodiscard]] instant when(std::size_t i) const noexcept { return (heap_[i]->*Place).when; }
    void put(std::size_t i, T* element) noexcept {
        heap_[i] = element;
        (element->*Place).index = i;
    }
    void exchange(std::size_t a, std::size_t b) noexcept {
        auto* first = heap_[a];
        put(a, heap_[b]);
        put(b, first);
    }
    void up(std::size_t i) noexcept {
        for (; i > 0 && when(i) < when((i - 1) / 2); i = (i - 1) / 2)
            exchange(i, (i - 1) / 2);
    }
    void down(std::size_t i) noexcept {
        for (;;) {
            auto least = i;
            for (auto child = 2 * i + 1; child <= 2 * i + 2 && child < heap_.size(); ++child)
                if (when(child) < when(least)) least = child;
            if (least == i) return;
            exchange(i, least);
            i = least;
        }
    }

    std::vector<T*> heap_;
};

} // namespace moqrtc::reference
