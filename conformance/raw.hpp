#pragma once

#include <moqrtc/core/varint.hpp>
#include <moqrtc/core/writer.hpp>
#include <moqrtc/moqt/message.hpp>
#include <moqrtc/moqt/params_codec.hpp>
#include <moqrtc/moqt/token.hpp>

#include <string_view>
#include <vector>

namespace moqrtc::conformance {

using octets = std::vector<std::byte>;

/// Bytes put together by hand, right or wrong, in the integers of a draft.
class raw {
public:
    explicit raw(const moqt::wire_rules& rules) noexcept : rules_{&rules} {}
    /// Goes on from bytes that are there.
    raw(const moqt::wire_rules& rules, octets start) noexcept
        : rules_{&rules}, data_{std::move(start)} {}

    raw& v(std::uint64_t value) {
        std::byte out[16];
        append({out, encode_varint(rules_->varint, value, out)});
        return *this;
    }
    raw& u8(unsigned value) {
        data_.push_back(static_cast<std::byte>(value));
        return *this;
    }
    raw& u16(unsigned value) { return u8(value >> 8 & 0xff).u8(value & 0xff); }
    raw& append(bytes more) {
        data_.insert(data_.end(), more.begin(), more.end());
        return *this;
    }
    raw& text(std::string_view more) { return append(as_bytes(more)); }
    /// Length and bytes.
    raw& blob(bytes more) { return v(more.size()).append(more); }
    raw& blob(std::string_view more) { return blob(as_bytes(more)); }
    raw& zeros(std::size_t count) {
        data_.insert(data_.end(), count, std::byte{0});
        return *this;
    }
    /// The largest integer that the draft can write.
    raw& most() { return v(varint_max(rules_->varint)); }

    /// The number of parameters that follow; each starts with `key`.
    raw& count(std::uint64_t n) {
        type_ = 0;
        return v(n);
    }
    /// The type of a parameter or option, as a difference where the draft wants that.
    raw& key(std::uint64_t type) {
        const bool deltas = rules_->keys == moqt::key_form::delta ||
                            rules_->parameters == moqt::parameter_form::typed;
        v(deltas ? type - type_ : type);
        type_ = type;
        return *this;
    }
    /// A parameter that is an integer, or one byte where the draft says so.
    raw& number(std::uint64_t type, std::uint64_t value, bool one_byte = false) {
        key(type);
        return one_byte && rules_->parameters == moqt::parameter_form::typed
                   ? u8(static_cast<unsigned>(value))
                   : v(value);
    }
    /// A parameter that is bytes behind a length.
    raw& data(std::uint64_t type, bytes value) { return key(type).blob(value); }

    [[nodiscard]] const moqt::wire_rules& rules() const noexcept { return *rules_; }
    [[nodiscard]] const octets& get() const noexcept { return data_; }
    [[nodiscard]] octets take() noexcept { return std::move(data_); }

private:
    const moqt::wire_rules* rules_;
    octets data_;
    std::uint64_t type_ = 0;
};

/// The body of a message.
template <class M>
[[nodiscard]] octets body_of(const moqt::wire_rules& rules, const M& m) {
    octets out(moqt::wire_size(rules, m));
    const auto size = moqt::serialize(rules, m, out);
    out.resize(size.value_or(0));
    return out;
}
/// The body up to the number of its parameters, which are none: the caller writes others behind.
template <class M>
[[nodiscard]] octets body_before_parameters(const moqt::wire_rules& rules, const M& m) {
    auto out = body_of(rules, m);
    if (!out.empty()) out.pop_back();
    return out;
}
/// Type and length in front of a body.
[[nodiscard]] inline octets framed(const moqt::wire_rules& rules, std::uint64_t type, bytes body) {
    raw out{rules};
    out.v(type).u16(static_cast<unsigned>(body.size())).append(body);
    return out.take();
}
/// An authorization token, as it stands behind its length.
[[nodiscard]] inline octets token_bytes(const moqt::wire_rules& rules,
                                        const moqt::authorization_token& token) {
    octets out(token.value.size() + 32);
    writer io{rules, out};
    moqt::authorization_token::describe(io, token);
    out.resize(io.position());
    return out;
}

/// A track name in a namespace of these fields.
[[nodiscard]] inline moqt::track_namespace space_of(std::string_view a, std::string_view b = {},
                                                    std::string_view c = {}) {
    moqt::track_namespace out;
    for (const auto field : {a, b, c})
        if (!field.empty()) out.append(as_bytes(field));
    return out;
}

} // namespace moqrtc::conformance
