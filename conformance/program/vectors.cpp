#include "vectors.hpp"

#include <cstdio>
#include <fstream>
#include <map>
#include <vectors/check.hpp>

namespace moqrtc::conformance {

namespace {

/// `.../draft18/...` says which draft the vectors below are of.
std::optional<moqt::draft> draft_of_path(const std::filesystem::path& path) {
    std::optional<moqt::draft> out;
    for (const auto& part : path) {
        const auto name = part.string();
        if (!name.starts_with("draft")) continue;
        const auto found =
            moqt::draft_of(static_cast<unsigned>(std::strtoul(name.c_str() + 5, nullptr, 10)));
        if (found) out = found;
    }
    return out;
}

} // namespace

bool check_vectors(const std::filesystem::path& folder) {
    struct sum {
        std::size_t vectors = 0;
        std::size_t unknown = 0;
        std::size_t wrong = 0;
    };
    std::map<unsigned, sum> by_draft;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{std::filesystem::absolute(folder)}) {
        if (entry.path().extension() != ".json") continue;
        const auto version = draft_of_path(entry.path());
        if (!version) continue;
        std::ifstream in{entry.path()};
        const auto file = moqt::vectors::json::parse(in, nullptr, false);
        if (!file.is_object() || !file.contains("vectors")) continue;
        const auto name = entry.path().filename().string();
        auto& n = by_draft[number(*version)];
        try {
            const auto result = moqt::vectors::check_file(rules_for(*version), file);
            n.vectors += result.vectors;
            n.unknown += result.unknown;
            n.wrong += result.problems.size();
            for (const auto& problem : result.problems)
                std::printf("draft %u, %s: %s\n", number(*version), name.c_str(), problem.c_str());
        } catch (const std::exception& failure) {
            ++n.wrong;
            std::printf("draft %u, %s: %s\n", number(*version), name.c_str(), failure.what());
        }
    }
    bool good = !by_draft.empty();
    for (const auto& [draft, n] : by_draft) {
        std::printf("draft %u: %zu vectors, %zu as they should be, %zu of types without a codec, "
                    "%zu wrong\n",
                    draft, n.vectors, n.vectors - n.wrong - n.unknown, n.unknown, n.wrong);
        good = good && n.wrong == 0;
    }
    if (by_draft.empty()) std::printf("no vectors: folders are called draft18 and so on\n");
    return good;
}

} // namespace moqrtc::conformance
