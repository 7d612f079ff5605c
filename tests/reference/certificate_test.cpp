#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <common/certificate.hpp>
#include <common/openssl_pointers.hpp>
#include <common/private_file.hpp>
#include <common/quic_secrets.hpp>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moqrtc::reference::testing {
namespace {

using std::chrono::hours;
using std::chrono::system_clock;

class certificate_test : public ::testing::Test {
protected:
    certificate_test() {
        directory = std::filesystem::temp_directory_path() /
                    ("certificate_test_" + std::to_string(::getpid()));
        std::filesystem::remove_all(directory);
        std::filesystem::create_directories(directory);
    }
    ~certificate_test() override { std::filesystem::remove_all(directory); }

    std::filesystem::path directory;
    system_clock::time_point now = system_clock::now();
};

x509_pointer read(const certificate& from) {
    const bio_pointer bio{
        BIO_new_mem_buf(from.chain_pem.data(), static_cast<int>(from.chain_pem.size()))};
    return x509_pointer{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
}

TEST_F(certificate_test, browsers_accept_its_hash) {
    const std::vector<std::string> hosts{"relay.example", "192.0.2.7", "2001:db8::7"};
    const auto made = make_certificate(hosts, now);
    ASSERT_TRUE(made) << made.error();
    EXPECT_LT(made->not_after - made->not_before, hours{14 * 24});
    EXPECT_LE(made->not_before, now);
    EXPECT_GT(made->not_after, now + hours{9 * 24});
    EXPECT_EQ(made->sha256.size(), 64u);
    const auto leaf = read(*made);
    ASSERT_NE(leaf, nullptr);
    for (const auto* name : {"localhost", "relay.example"})
        EXPECT_EQ(X509_check_host(leaf.get(), name, 0, 0, nullptr), 1) << name;
    for (const auto* address : {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"})
        EXPECT_EQ(X509_check_ip_asc(leaf.get(), address, 0), 1) << address;
    EXPECT_EQ(X509_check_host(leaf.get(), "example.org", 0, 0, nullptr), 0);
    EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(leaf.get())), 256);
    EXPECT_EQ(EVP_PKEY_get_base_id(X509_get0_pubkey(leaf.get())), EVP_PKEY_EC);
}

TEST_F(certificate_test, hostile_host_names_do_not_reach_the_extension) {
    for (const std::string host : {"a,DNS:evil", "a\nb", "\""})
        EXPECT_FALSE(make_certificate(std::vector{host}, now)) << host;
}

TEST_F(certificate_test, key_must_fit) {
    const auto a = make_certificate({}, now);
    const auto b = make_certificate({}, now);
    ASSERT_TRUE(a && b);
    EXPECT_TRUE(parse_certificate(a->chain_pem, a->key_pem));
    EXPECT_FALSE(parse_certificate(a->chain_pem, b->key_pem));
    EXPECT_FALSE(parse_certificate("nonsense", a->key_pem));
    EXPECT_FALSE(parse_certificate(a->chain_pem, ""));
    for (std::size_t cut = 0; cut < a->chain_pem.size() - 30; cut += 7)
        EXPECT_FALSE(parse_certificate(a->chain_pem.substr(0, cut), a->key_pem)) << cut;
}

TEST_F(certificate_test, files_of_the_user_are_read) {
    const auto made = make_certificate({}, now);
    ASSERT_TRUE(made);
    ASSERT_TRUE(write_private_file(directory / "cert.pem", made->chain_pem));
    ASSERT_TRUE(write_private_file(directory / "key.pem", made->key_pem));
    const auto read_back = load_certificate(directory / "cert.pem", directory / "key.pem");
    ASSERT_TRUE(read_back) << read_back.error();
    EXPECT_EQ(read_back->sha256, made->sha256);
    const auto missing = load_certificate(directory / "none.pem", directory / "key.pem");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().find("none.pem"), std::string::npos);
}

TEST_F(certificate_test, store_keeps_prepares_and_renews) {
    auto store = certificate_store::open(directory, {}, now);
    ASSERT_TRUE(store) << store.error();
    const auto first = store->current().sha256;
    EXPECT_FALSE(store->next());
    struct stat info{};
    ASSERT_EQ(::stat((directory / "certificate.pem").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);

    auto again = certificate_store::open(directory, {}, now + hours{24});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->current().sha256, first);

    // Three days before the end the next one is known, two days later it is the current one.
    EXPECT_EQ(again->refresh(now + hours{7 * 24 + 1}), false);
    ASSERT_TRUE(again->next());
    const auto second = again->next()->sha256;
    EXPECT_NE(second, first);
    EXPECT_EQ(again->current().sha256, first);
    auto between = certificate_store::open(directory, {}, now + hours{8 * 24});
    ASSERT_TRUE(between);
    EXPECT_EQ(between->next()->sha256, second);
    EXPECT_EQ(between->refresh(now + hours{9 * 24 + 1}), true);
    EXPECT_EQ(between->current().sha256, second);
    EXPECT_FALSE(between->next());
    auto after = certificate_store::open(directory, {}, now + hours{9 * 24 + 2});
    ASSERT_TRUE(after);
    EXPECT_EQ(after->current().sha256, second);
}

TEST_F(certificate_test, store_replaces_what_is_over_or_damaged) {
    auto store = certificate_store::open(directory, {}, now);
    ASSERT_TRUE(store);
    const auto first = store->current().sha256;
    auto later = certificate_store::open(directory, {}, now + hours{30 * 24});
    ASSERT_TRUE(later);
    EXPECT_NE(later->current().sha256, first);
    EXPECT_GT(later->current().not_after, now + hours{39 * 24});
    ASSERT_TRUE(write_private_file(directory / "certificate.pem", "garbage"));
    EXPECT_TRUE(certificate_store::open(directory, {}, now));
}

TEST_F(certificate_test, digests_are_read_in_every_spelling) {
    const std::string plain(64, 'a');
    std::string colons;
    for (int i = 0; i < 32; ++i)
        colons += i == 0 ? "AA" : ":AA";
    ASSERT_TRUE(parse_sha256(plain));
    EXPECT_EQ(parse_sha256(plain), parse_sha256(colons));
    EXPECT_EQ((*parse_sha256(plain))[31], std::byte{0xaa});
    EXPECT_FALSE(parse_sha256(plain + "a"));
    EXPECT_FALSE(parse_sha256(plain.substr(1)));
    EXPECT_FALSE(parse_sha256(""));
    EXPECT_FALSE(parse_sha256(plain.substr(1) + "g"));
}

TEST_F(certificate_test, secrets_last) {
    const auto file = directory / "quic.secrets";
    const auto first = quic_secrets::load_or_create(file);
    ASSERT_TRUE(first) << first.error();
    const auto second = quic_secrets::load_or_create(file);
    ASSERT_TRUE(second);
    EXPECT_EQ(first->stateless_reset, second->stateless_reset);
    EXPECT_EQ(first->token, second->token);
    EXPECT_NE(first->token, first->stateless_reset);
    ASSERT_TRUE(write_private_file(file, "short"));
    EXPECT_FALSE(quic_secrets::load_or_create(file));
}

} // namespace
} // namespace moqrtc::reference::testing
