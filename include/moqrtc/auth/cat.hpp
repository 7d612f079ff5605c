#pragma once

#include <moqrtc/auth/cose.hpp>
#include <moqrtc/auth/grant.hpp>
#include <moqrtc/auth/refusal.hpp>
#include <moqrtc/core/hex.hpp>
#include <moqrtc/core/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moqrtc::auth {

/// The claims of a Common Access Token that we know.
///
/// Spec    RFC 8392 section 3.1; draft-ietf-moq-c4m, "moqt claim" and "moqt-reval claim". Their
///         labels are those of the draft's test vectors, until they are registered.
/// Fields  `restrictions` are labels of CTA 5007 claims that narrow a token down in a way that
///         nobody here checks; a token with one of them is not accepted. `thumbprint` is the key
///         of `cnf`.
/// Units   `revalidate` in seconds.
struct cat_claims {
    std::optional<std::string> issuer{};
    std::optional<std::string> subject{};
    std::vector<std::string> audience{};
    std::optional<unix_time> expires{};
    std::optional<unix_time> not_before{};
    std::optional<unix_time> issued{};
    std::vector<std::byte> token_id{};
    std::vector<std::byte> thumbprint{};
    std::optional<double> revalidate{};
    std::vector<scope> scopes{};
    std::vector<std::int64_t> restrictions{};

    [[nodiscard]] friend bool operator==(const cat_claims&, const cat_claims&) = default;
};

/// What the moqt claim may hold.
struct cat_limits {
    std::size_t claims = 64;
    std::size_t scopes = 32;
    std::size_t actions = 32;
    std::size_t fields = 33; ///< 32 of a namespace, and the end
    std::size_t match = 1024;
};

/// Reads the claims of a CAT.
///
/// Errors  what CBOR's reader says; duplicate: a claim that stands twice; bad_value with the claim
///         as field: another type, a nil that is not the last of a namespace's, text that is no
///         UTF-8; limit.
[[nodiscard]] result<cat_claims> read_cat_claims(bytes payload, const token_limits& bounds = {},
                                                 const cat_limits& scope_bounds = {});
/// Writes claims: in the order of their labels, shortest form. `restrictions` are not written.
[[nodiscard]] std::vector<std::byte> write_cat_claims(const cat_claims& all);

/// What claims whose signature is good allow at `now`.
///
/// Where `speaks_for` names an organisation, only scopes below `stream/<org>` and `call/<org>`
/// count: a customer's key opens nothing of another one's. SUBSCRIBE_TRACKS goes with
/// SUBSCRIBE_NAMESPACE and SUBSCRIBE together.
///
/// Units   `leeway` and `least_revalidation` in seconds.
/// Refuses expired, not_yet_valid, unsupported (restrictions; a proof of possession; revalidation
///         more often than we can), wrong_scope (nothing is left).
[[nodiscard]] verdict<grant> to_grant(const cat_claims& all, unix_time now,
                                      std::string_view speaks_for = {}, std::int64_t leeway = 0,
                                      std::int64_t least_revalidation = 1);

#if MOQRTC_DEFINITIONS
namespace detail {

inline constexpr const char* cat_where = "CAT, draft-ietf-moq-c4m";
enum cat_label : std::int64_t {
    label_iss = 1,
    label_sub = 2,
    label_aud = 3,
    label_exp = 4,
    label_nbf = 5,
    label_iat = 6,
    label_cti = 7,
    label_cnf = 8,
    label_geohash = 282,
    label_catreplay = 308, ///< the first claim of CTA 5007
    label_catv = 310,
    label_catdpop = 321, ///< says how `cnf` is checked
    label_catr = 323,    ///< how to renew: restricts nothing
    label_moqt = 327,
    label_moqt_reval = 328,
};
inline constexpr std::int64_t cnf_jkt = 3;
inline constexpr std::int64_t most_action = static_cast<std::int64_t>(action::track_status);

class cat_reader {
public:
    cat_reader(bytes payload, const token_limits& bounds, const cat_limits& scopes) noexcept
        : io_{payload}, bounds_{&bounds}, scopes_{&scopes} {}

    [[nodiscard]] result<cat_claims> read() {
        const auto count = io_.begin(cbor_type::map, "claims", scopes_->claims);
        std::vector<std::int64_t> seen;
        for (std::size_t i = 0; i < count && io_.ok(); ++i) {
            if (io_.peek().type == cbor_type::text_string) { // private to somebody: ignored
                (void)io_.skip(0);
                (void)io_.skip(cbor_depth);
                continue;
            }
            const auto label = io_.integer("label");
            for (const auto one : seen)
                if (one == label) io_.reject(errc::duplicate, "label");
            seen.push_back(label);
            claim(label);
        }
        io_.expect_end("claims");
        if (!io_.ok()) return std::unexpected(io_.failure());
        return std::move(out_);
    }

private:
    void claim(std::int64_t label) {
        switch (label) {
        case label_iss:
            out_.issuer = text("iss");
            break;
        case label_sub:
            out_.subject = text("sub");
            break;
        case label_aud:
            audience();
            break;
        case label_exp:
            out_.expires = time("exp");
            break;
        case label_nbf:
            out_.not_before = time("nbf");
            break;
        case label_iat:
            out_.issued = time("iat");
            break;
        case label_cti: {
            const auto id = io_.string(cbor_type::byte_string, "cti", bounds_->text);
            out_.token_id.assign(id.begin(), id.end());
            break;
        }
        case label_cnf:
            confirmation();
            break;
        case label_moqt:
            moqt();
            break;
        case label_moqt_reval:
            out_.revalidate = io_.number("moqt-reval");
            if (!(*out_.revalidate >= 0)) io_.reject(errc::bad_value, "moqt-reval");
            break;
        default:
            (void)io_.skip(cbor_depth);
            if (label == label_geohash ||
                (label >= label_catreplay && label < label_moqt && label != label_catv &&
                 label != label_catdpop && label != label_catr))
                out_.restrictions.push_back(label);
        }
    }
    [[nodiscard]] std::string text(const char* field) {
        const auto value = as_text(io_.string(cbor_type::text_string, field, bounds_->text));
        if (!is_utf8(value)) io_.reject(errc::bad_value, field);
        return std::string{value};
    }
    void audience() {
        if (io_.peek().type == cbor_type::text_string) return out_.audience.push_back(text("aud"));
        const auto count = io_.begin(cbor_type::array, "aud", scopes_->scopes);
        for (std::size_t i = 0; i < count && io_.ok(); ++i)
            out_.audience.push_back(text("aud"));
    }
    [[nodiscard]] unix_time time(const char* field) {
        constexpr double most = 9007199254740992.0;
        const auto value = io_.number(field);
        if (!(value >= 0 && value < most)) {
            io_.reject(errc::bad_value, field);
            return {};
        }
        return {static_cast<std::int64_t>(value)};
    }
    void confirmation() {
        const auto count = io_.begin(cbor_type::map, "cnf", 4);
        bool known = false;
        for (std::size_t i = 0; i < count && io_.ok(); ++i) {
            const auto how = io_.integer("cnf");
            if (how == cnf_jkt) {
                const auto key = io_.string(cbor_type::byte_string, "jkt", 64);
                out_.thumbprint.assign(key.begin(), key.end());
                known = !key.empty();
            } else {
                (void)io_.skip(cbor_depth);
            }
        }
        if (!known) out_.restrictions.push_back(label_cnf);
    }
    void moqt() {
        const auto count = io_.begin(cbor_type::array, "moqt", scopes_->scopes);
        if (io_.ok() && count == 0) io_.reject(errc::bad_value, "moqt");
        for (std::size_t i = 0; i < count && io_.ok(); ++i)
            out_.scopes.push_back(one_scope());
    }
    [[nodiscard]] scope one_scope() {
        scope out;
        const auto parts = io_.begin(cbor_type::array, "moqt-scope", 3);
        if (parts == 0) io_.reject(errc::bad_value, "moqt-scope");
        const auto named = io_.begin(cbor_type::array, "moqt-actions", scopes_->actions);
        if (named == 0) io_.reject(errc::bad_value, "moqt-actions");
        for (std::size_t i = 0; i < named && io_.ok(); ++i) {
            const auto number = io_.integer("moqt-action");
            if (number >= 0 && number <= most_action) // others may come: they allow nothing
                out.actions.insert(static_cast<action>(number));
        }
        if (out.actions.contains(action::subscribe_namespace) &&
            out.actions.contains(action::subscribe))
            out.actions.insert(action::subscribe_tracks);
        if (parts >= 2) {
            const auto fields = io_.begin(cbor_type::array, "moqt-ns-match", scopes_->fields);
            for (std::size_t i = 0; i < fields && io_.ok(); ++i) {
                if (!io_.peek().is_null()) {
                    out.fields.push_back(match("moqt-ns-match"));
                } else {
                    (void)io_.head();
                    if (i + 1 != fields) io_.reject(errc::bad_value, "moqt-ns-match");
                    out.whole = true;
                }
            }
        }
        if (parts >= 3) out.track = match("moqt-track-match");
        return out;
    }
    [[nodiscard]] name_match match(const char* field) {
        name_match out;
        if (io_.peek().type == cbor_type::array) {
            constexpr std::int64_t prefix = 1;
            constexpr std::int64_t suffix = 2;
            if (io_.begin(cbor_type::array, field, 2) != 2) io_.reject(errc::bad_value, field);
            const auto how = io_.integer(field);
            if (how != prefix && how != suffix) io_.reject(errc::bad_value, field);
            out.how = how == prefix ? name_match::kind::prefix : name_match::kind::suffix;
        }
        out.value = as_text(io_.string(cbor_type::byte_string, field, scopes_->match));
        return out;
    }

    cbor_reader io_;
    const token_limits* bounds_;
    const cat_limits* scopes_;
    cat_claims out_{};
};

MOQRTC_INLINE void write_match(cbor_writer& out, const name_match& one) {
    if (one.how != name_match::kind::exact) {
        out.head(cbor_type::array, 2);
        out.integer(one.how == name_match::kind::prefix ? 1 : 2);
    }
    out.byte_string(as_bytes(one.value));
}

MOQRTC_INLINE void write_scope(cbor_writer& out, const scope& one) {
    const bool has_fields = !one.fields.empty() || one.whole || one.track.has_value();
    out.head(cbor_type::array, 1U + (has_fields ? 1U : 0U) + (one.track ? 1U : 0U));
    std::uint64_t count = 0;
    for (std::int64_t i = 0; i <= most_action; ++i)
        count += one.actions.contains(static_cast<action>(i)) ? 1 : 0;
    out.head(cbor_type::array, count);
    for (std::int64_t i = 0; i <= most_action; ++i)
        if (one.actions.contains(static_cast<action>(i))) out.integer(i);
    if (has_fields) {
        out.head(cbor_type::array, one.fields.size() + (one.whole ? 1 : 0));
        for (const auto& field : one.fields)
            write_match(out, field);
        if (one.whole) out.null();
    }
    if (one.track) write_match(out, *one.track);
}

/// Whether a scope stays below what an organisation owns.
[[nodiscard]] MOQRTC_INLINE bool belongs_to(const scope& one, std::string_view organisation) {
    const auto exactly = [&one](std::size_t i, std::string_view text) {
        return one.fields[i].how == name_match::kind::exact && one.fields[i].value == text;
    };
    return one.fields.size() >= 2 && (exactly(0, "stream") || exactly(0, "call")) &&
           exactly(1, organisation);
}

} // namespace detail

MOQRTC_INLINE result<cat_claims> read_cat_claims(bytes payload, const token_limits& bounds,
                                                 const cat_limits& scope_bounds) {
    if (payload.size() > bounds.payload) return fail(errc::limit, "claims", 0, detail::cat_where);
    return detail::cat_reader{payload, bounds, scope_bounds}.read();
}

MOQRTC_INLINE std::vector<std::byte> write_cat_claims(const cat_claims& all) {
    cbor_writer out;
    const auto count = std::uint64_t{all.issuer.has_value()} + all.subject.has_value() +
                       !all.audience.empty() + all.expires.has_value() +
                       all.not_before.has_value() + all.issued.has_value() + !all.token_id.empty() +
                       !all.thumbprint.empty() + !all.scopes.empty() + all.revalidate.has_value();
    out.head(cbor_type::map, count);
    const auto text = [&out](std::int64_t label, const std::optional<std::string>& value) {
        if (!value) return;
        out.integer(label);
        out.text(*value);
    };
    const auto time = [&out](std::int64_t label, const std::optional<unix_time>& value) {
        if (!value) return;
        out.integer(label);
        out.integer(value->seconds);
    };
    text(detail::label_iss, all.issuer);
    text(detail::label_sub, all.subject);
    if (!all.audience.empty()) {
        out.integer(detail::label_aud);
        out.head(cbor_type::array, all.audience.size());
        for (const auto& one : all.audience)
            out.text(one);
    }
    time(detail::label_exp, all.expires);
    time(detail::label_nbf, all.not_before);
    time(detail::label_iat, all.issued);
    if (!all.token_id.empty()) {
        out.integer(detail::label_cti);
        out.byte_string(all.token_id);
    }
    if (!all.thumbprint.empty()) {
        out.integer(detail::label_cnf);
        out.head(cbor_type::map, 1);
        out.integer(detail::cnf_jkt);
        out.byte_string(all.thumbprint);
    }
    if (!all.scopes.empty()) {
        out.integer(detail::label_moqt);
        out.head(cbor_type::array, all.scopes.size());
        for (const auto& one : all.scopes)
            detail::write_scope(out, one);
    }
    if (all.revalidate) {
        out.integer(detail::label_moqt_reval);
        out.integer(static_cast<std::int64_t>(*all.revalidate));
    }
    return out.take();
}

MOQRTC_INLINE verdict<grant> to_grant(const cat_claims& all, unix_time now,
                                      std::string_view speaks_for, std::int64_t leeway,
                                      std::int64_t least_revalidation) {
    if (!all.restrictions.empty())
        return refuse(refusal_reason::unsupported, "restriction", errc::unsupported);
    if (!all.thumbprint.empty())
        return refuse(refusal_reason::unsupported, "cnf", errc::unsupported);
    if (all.expires && now >= *all.expires + leeway) return refuse(refusal_reason::expired, "exp");
    if (all.not_before && *all.not_before > now + leeway)
        return refuse(refusal_reason::not_yet_valid, "nbf");
    if (all.issued && *all.issued > now + leeway)
        return refuse(refusal_reason::not_yet_valid, "iat");
    grant out;
    out.kind = profile::c4m;
    const auto interval = all.revalidate.value_or(0);
    if (interval > 0 && interval < static_cast<double>(least_revalidation))
        return refuse(refusal_reason::unsupported, "moqt-reval", errc::unsupported);
    constexpr double longest = 1e9; // tens of years: no interval is rounded to none
    out.revalidate = static_cast<std::int64_t>(interval < longest ? interval : longest);
    out.subject = all.subject.value_or(std::string{});
    out.issuer = all.issuer.value_or(std::string{});
    out.organisation = speaks_for;
    out.token_id = hex_encode(all.token_id);
    if (all.issued) out.issued = *all.issued;
    if (all.not_before) out.not_before = {all.not_before->seconds - leeway};
    if (all.expires) out.expires = *all.expires + leeway;
    for (const auto& one : all.scopes)
        if (speaks_for.empty() || detail::belongs_to(one, speaks_for)) out.scopes.push_back(one);
    if (!all.scopes.empty() && out.scopes.empty())
        return refuse(refusal_reason::wrong_scope, "moqt");
    for (const auto& one : out.scopes)
        if (one.actions.contains(action::publish)) out.who = role::publisher;
    return out;
}
#endif

} // namespace moqrtc::auth
