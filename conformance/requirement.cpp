#include "requirement.hpp"

#include <array>
#include <string>

namespace moqrtc::conformance {

extern const std::string_view requirement_table; // requirements.tsv, put in by the build

namespace {

std::string_view cut(std::string_view& from, char at) {
    const auto end = from.find(at);
    const auto part = from.substr(0, end);
    from.remove_prefix(end == from.npos ? from.size() : end + 1);
    return part;
}
requirement::name name_of(std::string_view cell) {
    if (cell == "-") return {};
    const auto id = cut(cell, ' ');
    return {id, cell};
}

} // namespace

requirement::name requirement::in(moqt::draft d) const noexcept {
    using enum moqt::draft;
    switch (d) {
    case d16:
        return this->d16;
    case d18:
        return this->d18;
    case d19:
        return this->d19;
    case d20:
    case d21:
        // A section of draft 22 alone: the rule came with it.
        return this->d20.section.starts_with("(22:") ? name{} : this->d20;
    case d22:
        return this->d20;
    case d14:
    case d15:
        if (also.find(d == d14 ? "14" : "15") == also.npos) return {};
        return this->d16.id.empty() ? this->d18 : this->d16;
    case d17:
        if (also.find("17") == also.npos) return {};
        return this->d18.id.empty() ? this->d16 : this->d18;
    }
    return {};
}

const std::vector<requirement>& requirements() {
    static const auto all = [] {
        std::vector<requirement> out;
        auto left = requirement_table;
        while (!left.empty()) {
            auto line = cut(left, '\n');
            if (line.empty() || line.front() == '#') continue;
            requirement r;
            r.kind = cut(line, '\t').front();
            r.reaction = cut(line, '\t');
            for (auto* n : {&r.d16, &r.d18, &r.d19, &r.d20})
                *n = name_of(cut(line, '\t'));
            r.also = cut(line, '\t');
            r.condition = cut(line, '\t');
            r.test = line;
            out.push_back(r);
        }
        return out;
    }();
    return all;
}

} // namespace moqrtc::conformance
