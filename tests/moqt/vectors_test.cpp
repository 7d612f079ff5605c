#include "vectors/generated.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace moqrtc::moqt {
namespace {

using vectors::json;
const std::filesystem::path root{MOQRTC_SOURCE_DIR};

std::string read(const std::string& path) {
    std::ifstream in{root / path, std::ios::binary};
    EXPECT_TRUE(in) << path;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The schema's words for a codec's failure.
std::string category(errc code) {
    switch (code) {
    case errc::truncated:
        return "incomplete";
    case errc::duplicate:
        return "duplicate_parameter";
    case errc::unknown_type:
    case errc::malformed_value:
        return "invalid_parameter";
    default:
        return "invalid_value";
    }
}

template <class M>
void check_message(const wire_rules& rules, bytes whole, const json& vector) {
    const auto type = decode_varint(rules.varint, whole.data(), whole.size());
    ASSERT_EQ(type.value, M::code(rules));
    ASSERT_GE(whole.size(), type.size + 2);
    const auto body = whole.subspan(type.size + 2);
    ASSERT_EQ(load_be<2>(whole.subspan(type.size)), body.size());
    const auto parsed = parse<M>(rules, body);
    if (vector.contains("error")) {
        ASSERT_FALSE(parsed);
        EXPECT_EQ(category(parsed.error().code), vector["error"].get<std::string>())
            << parsed.error().field;
        return;
    }
    ASSERT_TRUE(parsed) << to_string(parsed.error().code) << " " << parsed.error().field;
    EXPECT_EQ(vectors::decoded(rules, *parsed), vector["decoded"]);

    vectors::from_json::storage kept;
    vectors::from_json io{rules, vector["decoded"], kept};
    M built{};
    vectors::fields(io, built);
    const auto written = vectors::framed(rules, built);
    EXPECT_EQ(vectors::decoded(rules, built), vector["decoded"]);
    if (vector.value("canonical", true))
        EXPECT_EQ(hex_encode(written), vector["hex"].get<std::string>());
    else
        EXPECT_NE(hex_encode(written), vector["hex"].get<std::string>());
}

void check_integer(const wire_rules& rules, bytes whole, const json& vector) {
    const auto got = decode_varint(rules.varint, whole.data(), whole.size());
    if (vector.contains("error")) {
        EXPECT_EQ(got.size, 0U);
        return;
    }
    EXPECT_EQ(got.size, whole.size());
    EXPECT_EQ(std::to_string(got.value), vector["decoded"]["value"].get<std::string>());
    std::array<std::byte, 9> out{};
    const auto size = encode_varint(rules.varint, got.value, out.data());
    EXPECT_EQ(equal(bytes{out}.first(size), whole), vector.value("canonical", true));
}

/// Checks every vector of a file and returns how many there are.
std::size_t check_file(const wire_rules& rules, const json& file) {
    const auto type = file["message_type"].get<std::string>();
    EXPECT_FALSE(file["spec_section"].get<std::string>().empty());
    std::set<std::string> ids;
    for (const auto& vector : file["vectors"]) {
        SCOPED_TRACE(type + " " + vector["id"].get<std::string>());
        EXPECT_TRUE(ids.insert(vector["id"]).second);
        EXPECT_NE(vector.contains("decoded"), vector.contains("error"));
        const auto whole = hex_decode(vector["hex"].get<std::string>());
        EXPECT_TRUE(whole);
        if (!whole) continue;
        bool found = type == "varint";
        if (found) check_integer(rules, *whole, vector);
        msg::all::for_each([&]<class M> {
            if (vectors::lower(M::name) != type || M::code(rules) == no_code) return;
            EXPECT_EQ(file["message_type_id"].get<std::string>(),
                      vectors::hexadecimal(M::code(rules), 2));
            found = true;
            check_message<M>(rules, *whole, vector);
        });
        EXPECT_TRUE(found);
    }
    return ids.size();
}

TEST(vectors, hold_in_both_directions) {
    for (const auto d : spoken_drafts) {
        std::size_t checked = 0;
        const auto folder = root / "tests/vectors" / ("draft" + std::to_string(number(d)));
        for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
            if (entry.path().extension() != ".json") continue;
            SCOPED_TRACE(entry.path().string());
            checked += check_file(rules_for(d), json::parse(std::ifstream{entry.path()}));
        }
        EXPECT_GT(checked, 150U);
    }
}

TEST(vectors, every_message_has_some) {
    msg::all::for_each([]<class M> {
        for (const auto d : spoken_drafts) {
            if (M::code(rules_for(d)) == no_code) continue;
            EXPECT_TRUE(std::filesystem::exists(root / "tests/vectors" /
                                                ("draft" + std::to_string(number(d))) / "sampled" /
                                                (vectors::lower(M::name) + ".json")));
        }
    });
}

TEST(vectors, what_is_generated_is_current) {
    for (const auto& [path, content] : vectors::generated_files(read))
        EXPECT_TRUE(read(path) == content) << path << ": run generate_vectors";
}

} // namespace
} // namespace moqrtc::moqt
