#pragma once

#include "access_directory.hpp"
#include "records.hpp"

#include <moqrtc/auth/profiles.hpp>

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace moqrtc::reference {

/// The keys that tokens are signed with, several for each organisation: the newest active one
/// signs, retired ones verify. Private keys are files that their owner alone can read, beside the
/// database and never in it.
///
/// Threads one.
class signing_keys {
public:
    /// An empty directory keeps private keys in memory.
    signing_keys(database& store, std::filesystem::path directory);
    ~signing_keys();

    /// Makes a key and returns its record. What signed before verifies from now on.
    api_json create(std::string_view org, signature_algorithm algorithm, wall_seconds now);
    /// Takes a key out of use for good: tokens that it signed are refused. False: there is none.
    bool revoke(std::string_view org, std::string_view kid);

    /// What verifies: everything that is not revoked.
    [[nodiscard]] std::shared_ptr<const auth::key_set> verification() const;
    /// The public keys as a JWKS, of one organisation or of all.
    [[nodiscard]] api_json jwks(std::string_view org) const;

    /// Signs with the newest active key of the organisation, which is made when there is none.
    /// Errors: `api_problem` naming the field that the profile does not take.
    template <class Token>
    [[nodiscard]] auth::minted mint(std::string_view org, const Token& what, wall_seconds now,
                                    std::optional<std::int64_t> ttl);

    /// Whether there is a key since the last question that nobody asked for.
    [[nodiscard]] bool take_changed() noexcept { return std::exchange(changed_, false); }

private:
    struct loaded;

    [[nodiscard]] const loaded& signer(std::string_view org, wall_seconds now);
    [[nodiscard]] std::filesystem::path file_of(std::string_view kid) const;

    database* store_;
    std::filesystem::path directory_;
    std::unique_ptr<crypto_provider> crypto_;
    bool changed_ = false;
    std::map<std::string, std::unique_ptr<loaded>, std::less<>> loaded_; ///< by kid
};

} // namespace moqrtc::reference
