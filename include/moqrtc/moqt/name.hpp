#pragma once

#include <moqrtc/core/archive.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/varint.hpp>
#include <moqrtc/moqt/limits.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace moqrtc::moqt {

/// A track namespace, prefix or suffix as it stands in a buffer: validated, decoded on the way.
///
/// Spec    moq-transport, anchor `track-name`.
/// Borrows the fields' bytes, each behind its length.
class namespace_view {
public:
    /// How the length in front of each field is written.
    enum class lengths : std::uint8_t { quic, leading_ones, two_bytes };

    constexpr namespace_view() noexcept = default;
    /// `content` is what all fields hold together, without their lengths.
    constexpr namespace_view(bytes fields, std::size_t count, std::size_t content,
                             lengths form) noexcept
        : data_{fields},
          content_{static_cast<std::uint32_t>(content)},
          count_{static_cast<std::uint8_t>(count)},
          form_{form} {}

    [[nodiscard]] static constexpr lengths form_of(varint_form form) noexcept {
        return form == varint_form::quic ? lengths::quic : lengths::leading_ones;
    }
    [[nodiscard]] constexpr std::size_t count() const noexcept { return count_; }
    [[nodiscard]] constexpr bytes encoded() const noexcept { return data_; }
    [[nodiscard]] constexpr lengths form() const noexcept { return form_; }

    /// Walks the fields in order.
    class cursor {
    public:
        constexpr explicit cursor(const namespace_view& of) noexcept
            : left_{of.data_}, form_{of.form_} {}
        [[nodiscard]] constexpr std::optional<bytes> next() noexcept {
            if (left_.empty()) return std::nullopt;
            std::size_t size = 0;
            std::size_t head = 2;
            if (form_ == lengths::two_bytes) {
                size = static_cast<std::size_t>(load_be<2>(left_));
            } else {
                const auto form =
                    form_ == lengths::quic ? varint_form::quic : varint_form::leading_ones;
                const auto decoded = decode_varint(form, left_.data(), left_.size());
                size = static_cast<std::size_t>(decoded.value);
                head = decoded.size;
            }
            const auto field = left_.subspan(head, size);
            left_ = left_.subspan(head + size);
            return field;
        }

    private:
        bytes left_;
        lengths form_;
    };
    [[nodiscard]] constexpr cursor fields() const noexcept { return cursor{*this}; }

    /// Bytes of all fields together, without their lengths.
    [[nodiscard]] constexpr std::size_t content_size() const noexcept { return content_; }

private:
    bytes data_{};
    std::uint32_t content_ = 0;
    std::uint8_t count_ = 0;
    lengths form_ = lengths::two_bytes;
};

namespace detail {

// What the sampler draws from: {"live","a\xff"}, {"x"}, and 32 fields of one byte.
inline constexpr auto sample_fields = [] {
    std::array<std::byte, 10 + 32 * 3> out{};
    constexpr std::string_view first{"\0\4live\0\2a\xff", 10};
    for (std::size_t i = 0; i < 10; ++i)
        out[i] = static_cast<std::byte>(first[i]);
    for (std::size_t i = 0; i < 32; ++i) {
        out[10 + 3 * i + 1] = std::byte{1};
        out[10 + 3 * i + 2] = static_cast<std::byte>('a' + i);
    }
    return out;
}();

template <class Io>
constexpr void read_namespace(Io& io, const char* field, namespace_view& out,
                              std::size_t least) noexcept {
    std::uint64_t count = 0;
    io.varint(field, count);
    io.check(count <= limits::namespace_fields, field, errc::limit);
    io.check(count >= least, field);
    const auto start = io.position();
    std::size_t content = 0;
    for (std::uint64_t i = 0; i < count && io.ok(); ++i) {
        bytes one;
        io.blob(field, one, limits::full_track_name);
        io.check(!one.empty(), field);
        content += one.size();
    }
    io.check(content <= limits::full_track_name, field, errc::limit);
    if (io.ok())
        out = {io.since(start), static_cast<std::size_t>(count), content,
               out.form_of(io.rules().varint)};
}

template <class Io>
constexpr void write_namespace(Io& io, const char* field, const namespace_view& in,
                               std::size_t least) noexcept {
    io.check(in.count() >= least, field, errc::not_in_draft);
    io.check(in.count() <= limits::namespace_fields && in.content_size() <= limits::full_track_name,
             field, errc::limit);
    io.varint(field, in.count());
    if (in.form() == in.form_of(io.rules().varint)) return io.rest(field, in.encoded());
    auto at = in.fields();
    while (const auto one = at.next()) {
        io.check(!one->empty(), field);
        io.blob(field, *one, limits::full_track_name);
    }
}

} // namespace detail

/// Describes a namespace of at least `least` fields.
template <class Io, class Namespace>
constexpr void describe_namespace(Io& io, const char* field, Namespace& value,
                                  std::size_t least) noexcept(!prints<Io>) {
    if constexpr (reads<Io>) {
        detail::read_namespace(io, field, value, least);
    } else if constexpr (samples<Io>) {
        constexpr auto two_bytes = namespace_view::lengths::two_bytes;
        const bytes all{detail::sample_fields};
        const auto pick = io.below(4);
        if (pick == 0 && least == 0)
            value = {};
        else if (pick == 1)
            value = {all.first(10), 2, 6, two_bytes};
        else if (pick == 2)
            value = {all.subspan(10, 96), 32, 32, two_bytes};
        else
            value = {all.subspan(10, 3), 1, 1, two_bytes};
    } else if constexpr (prints<Io>) {
        auto at = value.fields();
        io.list(field);
        while (const auto one = at.next())
            io.item(*one);
        io.end_list();
    } else {
        detail::write_namespace(io, field, value, least);
    }
}

/// A track namespace or prefix that owns its bytes; ordered and compared field by field.
class track_namespace {
public:
    track_namespace() = default;
    explicit track_namespace(const namespace_view& view) {
        auto at = view.fields();
        while (const auto field = at.next())
            append(*field);
    }
    /// From text fields, for the caller's convenience.
    track_namespace(std::initializer_list<std::string_view> fields) {
        for (const auto field : fields)
            append(as_bytes(field));
    }

    /// Adds a field; the caller keeps to the limits, the codec refuses what breaks them.
    void append(bytes field) {
        // Cut where the two bytes of length end: still far more than the codec lets through.
        const auto kept = field.first(std::min<std::size_t>(field.size(), 0xffff));
        fields_ += static_cast<char>(kept.size() >> 8);
        fields_ += static_cast<char>(kept.size() & 0xff);
        fields_ += as_text(kept);
        if (count_ != UINT8_MAX) ++count_;
    }
    [[nodiscard]] namespace_view view() const noexcept {
        return {as_bytes(fields_), count_, fields_.size() - 2u * count_,
                namespace_view::lengths::two_bytes};
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    /// Whether this is `whole` or an ancestor of it. The empty prefix is a prefix of everything.
    [[nodiscard]] bool is_prefix_of(const track_namespace& whole) const noexcept {
        return whole.fields_.starts_with(fields_);
    }
    /// The fields after the first `skip`: what NAMESPACE carries.
    [[nodiscard]] track_namespace suffix(std::size_t skip) const {
        track_namespace out;
        auto at = view().fields();
        for (std::size_t i = 0; const auto field = at.next(); ++i)
            if (i >= skip) out.append(*field);
        return out;
    }
    /// This followed by the fields of `tail`.
    [[nodiscard]] track_namespace joined(const namespace_view& tail) const {
        track_namespace out{*this};
        auto at = tail.fields();
        while (const auto field = at.next())
            out.append(*field);
        return out;
    }
    /// The namespace of a `key`; keys behind each other are namespaces joined.
    [[nodiscard]] static track_namespace from_key(std::string key) {
        track_namespace out;
        for (std::size_t at = 0; at + 2 <= key.size(); ++out.count_)
            at += 2 + (static_cast<std::size_t>(static_cast<unsigned char>(key[at])) << 8 |
                       static_cast<unsigned char>(key[at + 1]));
        out.fields_ = std::move(key);
        return out;
    }
    /// Canonical bytes: equal exactly when the namespaces are equal.
    [[nodiscard]] const std::string& key() const noexcept { return fields_; }

    [[nodiscard]] friend auto operator<=>(const track_namespace& a,
                                          const track_namespace& b) noexcept {
        return a.fields_ <=> b.fields_;
    }
    [[nodiscard]] friend bool operator==(const track_namespace& a,
                                         const track_namespace& b) noexcept {
        return a.fields_ == b.fields_;
    }

private:
    std::string fields_; ///< each field behind its length in two bytes
    std::uint8_t count_ = 0;
};

/// A track's namespace and name, owned. Spec: moq-transport, anchor `track-name`.
struct full_track_name {
    track_namespace space;
    std::string name;

    [[nodiscard]] friend auto operator<=>(const full_track_name&,
                                          const full_track_name&) noexcept = default;
};

} // namespace moqrtc::moqt
