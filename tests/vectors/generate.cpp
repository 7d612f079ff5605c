// Writes what is made from the code: sampled vectors, fuzzing seeds, tables of the documents.
#include "generated.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: generate_vectors ROOT\n";
        return 2;
    }
    const std::filesystem::path root{argv[1]};
    const auto read = [&](const std::string& path) {
        std::ifstream in{root / path, std::ios::binary};
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    };
    try {
        for (const auto& [path, content] : moqrtc::moqt::vectors::generated_files(read)) {
            std::filesystem::create_directories((root / path).parent_path());
            std::ofstream{root / path, std::ios::binary} << content;
        }
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
