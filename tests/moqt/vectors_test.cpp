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
        EXPECT_EQ(vectors::category(parsed.error().code), vector["error"].get<std::string>())
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

/// Data streams and datagrams.
void check_data(const wire_rules& rules, const std::string& type, bytes whole, const json& vector) {
    const bool datagram = type == "object_datagram";
    const bool descending = vector.contains("decoded") && vector["decoded"].contains("group_order");
    const auto order = descending ? group_order::descending : group_order::ascending;
    try {
        const auto read = datagram ? vectors::decoded_datagram(rules, whole)
                                   : vectors::decoded_stream(rules, whole, order);
        ASSERT_TRUE(vector.contains("decoded")) << read.dump();
        EXPECT_EQ(read, vector["decoded"]);
    } catch (const vectors::unreadable& failure) {
        ASSERT_TRUE(vector.contains("error")) << failure.why.field;
        EXPECT_EQ(vectors::category(failure.why.code), vector["error"].get<std::string>());
        return;
    }
    const auto& value = vector["decoded"];
    const auto written = datagram                    ? vectors::encoded_datagram(rules, value)
                         : type == "subgroup_stream" ? vectors::encoded_subgroup(rules, value)
                                                     : vectors::encoded_fetch(rules, value);
    EXPECT_EQ(hex_encode(written) == vector["hex"].get<std::string>(),
              vector.value("canonical", true));
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
        if (type == "subgroup_stream" || type == "fetch_stream" || type == "object_datagram") {
            found = true;
            check_data(rules, type, *whole, vector);
        }
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
