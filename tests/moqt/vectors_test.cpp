#include "vectors/check.hpp"
#include "vectors/generated.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
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

/// Checks every vector of a file and returns how many there are.
std::size_t check_file(const wire_rules& rules, const json& file) {
    EXPECT_FALSE(file["spec_section"].get<std::string>().empty());
    const auto result = vectors::check_file(rules, file);
    for (const auto& problem : result.problems)
        ADD_FAILURE() << problem;
    EXPECT_EQ(result.unknown, 0U);
    const auto type = file["message_type"].get<std::string>();
    msg::all::for_each([&]<class M> {
        if (vectors::lower(M::name) != type || M::code(rules) == no_code) return;
        EXPECT_EQ(file["message_type_id"].get<std::string>(),
                  vectors::hexadecimal(M::code(rules), 2));
    });
    return result.vectors;
}

TEST(vectors, hold_in_both_directions) {
    for (const auto d : all_drafts) {
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

/// Vectors of others that contradict their draft.
const std::map<std::string, const char*> wrong{
    {"draft14 subscribe-ok no-content", "Group Order 0, which SUBSCRIBE_OK cannot have"},
    {"draft14 datagram type-0x21", "properties on Object Does Not Exist"},
    {"draft15 datagram datagram-with-extensions", "an announced block of properties is empty"},
    {"draft15 subgroup subgroup-extensions-status-object",
     "properties on a status that is not normal"},
    {"draft14 publish-namespace-ok truncated", "a Request ID alone is what the draft has"},
    {"draft14 subscribe-namespace-ok truncated", "a Request ID alone is what the draft has"},
    {"draft14 client-setup no-versions-error", "no version is in common, which sessions find"},
    {"draft15 publish-namespace with-forward", "a parameter that is ignored is not written again"},
    {"draft15 subgroup subgroup-extensions-two-objects", "says object 1 where the delta makes 2"},
    {"draft15 subgroup subgroup-end-of-group", "type 0x12 has no END_OF_GROUP bit"},
};

/// Every text in `value`, save what only repeats how it is written.
void leaves(const json& value, std::set<std::string>& out) {
    static const std::set<std::string> form{"content_exists",
                                            "extension_headers_length",
                                            "payload_length",
                                            "stream_type",
                                            "stream_type_id",
                                            "header_type",
                                            "datagram_type",
                                            "serialization_flags",
                                            "object_id_delta",
                                            "unknown",
                                            "expires",
                                            "extension_headers",
                                            "has_extension_headers",
                                            "end_of_group",
                                            "group_order",
                                            "end_group"};
    if (value.is_object()) {
        for (const auto& [name, inner] : value.items())
            if (!form.contains(name)) leaves(inner, out);
    } else if (value.is_array()) {
        for (const auto& inner : value)
            leaves(inner, out);
    } else if (value.is_string()) {
        out.insert(value.get<std::string>());
    }
}

/// What of theirs is not in ours.
std::string missing(const json& theirs, const json& ours) {
    std::set<std::string> wanted, got;
    leaves(theirs, wanted);
    leaves(ours, got);
    for (const auto& one : std::set{got})
        got.insert(hex_encode(as_bytes(one)));
    // What a draft 14 message says by leaving it out, and how objects are written.
    got.insert({"0", "1", ""});
    std::string out;
    for (const auto& one : wanted)
        if (!got.contains(one)) out += one + " ";
    return out;
}

/// One vector of others: whether it can be read is settled; then its values, then its bytes.
void check_foreign(const wire_rules& rules, bytes whole, const json& vector, bool data) {
    const auto hex = vector["hex"].get<std::string>();
    const auto type = decode_varint(rules.varint, whole.data(), whole.size());
    if (data) {
        const bool stream = vector.value("decoded", json::object()).contains("objects");
        try {
            const auto read = stream ? vectors::decoded_stream(rules, whole)
                                     : vectors::decoded_datagram(rules, whole);
            ASSERT_FALSE(vector.contains("error"));
            EXPECT_EQ(missing(vector["decoded"], read), "") << read.dump();
            if (stream) return;
            EXPECT_EQ(hex_encode(vectors::encoded_datagram(rules, read)), hex);
        } catch (const vectors::unreadable& failure) {
            ASSERT_TRUE(vector.contains("error")) << failure.why.field;
        }
        return;
    }
    const auto body = whole.subspan(std::min(whole.size(), type.size + 2));
    const bool known = msg::all::dispatch(rules, type.value, [&]<class M> {
        const auto parsed = parse<M>(rules, body);
        ASSERT_EQ(parsed.has_value(), !vector.contains("error"))
            << (parsed ? "" : parsed.error().field);
        if (!parsed) return;
        const auto ours = vectors::decoded(rules, *parsed);
        EXPECT_EQ(missing(vector["decoded"], ours), "") << ours.dump();
        const auto& parameters = vector["decoded"].value("parameters", json::object());
        const bool counted = M::name.ends_with("NAMESPACE_OK"); // theirs have a count behind it
        if (!vector.value("canonical", true) || parameters.contains("unknown") || counted) return;
        EXPECT_EQ(hex_encode(vectors::framed(rules, *parsed)), hex);
    });
    EXPECT_EQ(known, vector.value("error", "") != "unknown_message");
}

TEST(vectors, of_others_hold_too) {
    for (const auto d : {draft::d14, draft::d15}) {
        std::size_t checked = 0;
        const auto folder = "draft" + std::to_string(number(d));
        for (const auto& entry : std::filesystem::recursive_directory_iterator{
                 root / "tests/vectors/third_party" / folder}) {
            if (entry.path().extension() != ".json" || entry.path().stem() == "varint") continue;
            const auto file = json::parse(std::ifstream{entry.path()});
            const bool data = entry.path().parent_path().filename() == "data-streams";
            for (const auto& vector : file["vectors"]) {
                const auto name = folder + " " + entry.path().stem().string() + " " +
                                  vector["id"].get<std::string>();
                SCOPED_TRACE(name);
                if (std::any_of(wrong.begin(), wrong.end(),
                                [&](const auto& one) { return name.starts_with(one.first); }))
                    continue;
                const auto whole = hex_decode(vector["hex"].get<std::string>());
                ASSERT_TRUE(whole);
                check_foreign(rules_for(d), *whole, vector, data);
                ++checked;
            }
        }
        EXPECT_GT(checked, 130U) << folder;
    }
}

TEST(vectors, every_message_has_some) {
    msg::all::for_each([]<class M> {
        for (const auto d : all_drafts) {
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
