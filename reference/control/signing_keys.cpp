#include "common/private_file.hpp"
#include "problem.hpp"
#include "signing_keys.hpp"

#include <moqrtc/auth/jwk.hpp>
#include <moqrtc/crypto/openssl.hpp>

namespace moqrtc::reference {
namespace {

const resource& record_kind() {
    return resource_at("keys");
}

/// What cannot happen with keys that we made ourselves, unless the system lacks something.
[[noreturn]] void fail(const char* doing, const error& what) {
    throw storage_failure{std::string{"signing key: "} + doing + ": " +
                          std::string{to_string(what.code)}};
}

} // namespace

struct signing_keys::loaded {
    std::shared_ptr<const crypto_key> key;
    signature_algorithm algorithm = signature_algorithm::eddsa;
    std::string kid;
};

signing_keys::signing_keys(database& store, std::filesystem::path directory)
    : store_{&store},
      directory_{std::move(directory)},
      crypto_{std::make_unique<openssl_crypto>()} {
    if (directory_.empty()) return;
    std::error_code failure;
    std::filesystem::create_directories(directory_, failure);
    if (failure) throw storage_failure{directory_.string() + ": " + failure.message()};
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, failure);
}

signing_keys::~signing_keys() = default;

std::filesystem::path signing_keys::file_of(std::string_view kid) const {
    return directory_ / (std::string{kid} + ".jwk");
}

api_json signing_keys::create(std::string_view org, signature_algorithm algorithm,
                              wall_seconds now) {
    auto made = auth::generate_jwk(*crypto_, algorithm);
    if (!made) fail("cannot be made", made.error());
    made->id = random_id(record_kind().prefix);
    auto key = crypto_->import_key(made->numbers);
    if (!key) fail("cannot be used", key.error());
    // The file first: a key without a record is nothing, a record without a key cannot sign.
    if (!directory_.empty()) {
        const auto text = auth::write_jwk(*made, auth::key_part::private_part);
        if (auto written = write_private_file(file_of(made->id), text); !written)
            throw storage_failure{written.error()};
    }
    database::transaction change{*store_};
    store_->run("UPDATE signing_keys SET state = 'retired' WHERE org = ? AND state = 'active'",
                org);
    record_values values;
    values["id"] = made->id;
    values["algorithm"] = std::string{moqrtc::to_string(algorithm)};
    values["state"] = std::string{"active"};
    values["jwk"] = auth::write_jwk(*made, auth::key_part::public_part);
    auto record = make_record(*store_, record_kind(), org, std::move(values), now);
    change.commit();
    loaded_[made->id] = std::make_unique<loaded>(loaded{std::move(*key), algorithm, made->id});
    return record;
}

bool signing_keys::revoke(std::string_view org, std::string_view kid) {
    if (!change_record(*store_, record_kind(), org, kid, {{"state", std::string{"revoked"}}}))
        return false;
    loaded_.erase(std::string{kid});
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove(file_of(kid), ignored);
    return true;
}

std::shared_ptr<const auth::key_set> signing_keys::verification() const {
    auto out = std::make_shared<auth::key_set>();
    auto asked = store_->prepare("SELECT org, jwk FROM signing_keys WHERE state != 'revoked'");
    while (asked.step()) {
        const auto key = auth::read_jwk(asked.text(1));
        if (!key) fail("the database has one that is damaged", key.error());
        if (auto added = out->add(*crypto_, *key, asked.text(0)); !added)
            fail("cannot be taken in", added.error());
    }
    return out;
}

api_json signing_keys::jwks(std::string_view org) const {
    api_json out;
    auto& list = out["keys"] = api_json::array();
    auto asked = store_->prepare("SELECT jwk FROM signing_keys WHERE (?1 = '*' OR org = ?1) AND "
                                 "state != 'revoked' ORDER BY rowid DESC");
    asked.bind(org);
    while (asked.step())
        list.push_back(api_json::parse(asked.text(0)));
    return out;
}

const signing_keys::loaded& signing_keys::signer(std::string_view org, wall_seconds now) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto asked = store_->prepare("SELECT id FROM signing_keys WHERE org = ? AND state = "
                                     "'active' ORDER BY rowid DESC LIMIT 1");
        asked.bind(org);
        if (!asked.step()) {
            create(org, signature_algorithm::eddsa, now);
            changed_ = true;
            continue;
        }
        const auto kid = asked.text(0);
        if (const auto found = loaded_.find(kid); found != loaded_.end()) return *found->second;
        const auto text = read_small_file(file_of(kid));
        if (!text) throw storage_failure{text.error()};
        const auto read = auth::read_jwk(*text);
        if (!read) fail("its file is damaged", read.error());
        auto key = crypto_->import_key(read->numbers);
        if (!key) fail("its file is damaged", key.error());
        const auto algorithm = read->numbers.kind == key_kind::rsa ? signature_algorithm::rs256
                                                                   : signature_algorithm::eddsa;
        auto& kept = loaded_[kid];
        kept = std::make_unique<loaded>(loaded{std::move(*key), algorithm, kid});
        return *kept;
    }
    throw storage_failure{"signing key: there is none"};
}

template <class Token>
auth::minted signing_keys::mint(std::string_view org, const Token& what, wall_seconds now,
                                std::optional<std::int64_t> ttl) {
    const auto& by = signer(org, now);
    auth::minter with;
    with.key = by.key.get();
    with.algorithm = by.algorithm;
    with.key_id = by.kid;
    auto made = auth::mint(*crypto_, with, what, {now}, ttl);
    if (!made) throw wrong_field(made.error().field, "does not make a token");
    return std::move(*made);
}

template auth::minted signing_keys::mint(std::string_view, const auth::playback_token&,
                                         wall_seconds, std::optional<std::int64_t>);
template auth::minted signing_keys::mint(std::string_view, const auth::call_token&, wall_seconds,
                                         std::optional<std::int64_t>);
template auth::minted signing_keys::mint(std::string_view, const auth::signaling_token&,
                                         wall_seconds, std::optional<std::int64_t>);

} // namespace moqrtc::reference
