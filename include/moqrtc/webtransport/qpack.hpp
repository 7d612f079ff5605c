#pragma once

#include <moqrtc/core/error.hpp>
#include <moqrtc/core/slice.hpp>
#include <moqrtc/webtransport/field.hpp>
#include <moqrtc/webtransport/frame.hpp>

#include <nghttp3/nghttp3.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace moqrtc::webtransport {

/// Compresses and expands field sections: nghttp3's coder without a dynamic table, so that sections
/// don't depend on each other and neither side needs QPACK streams. The only header that includes
/// nghttp3.
///
/// Spec    RFC 9204; both settings of section 5 are 0.
class qpack_coder {
public:
    qpack_coder() noexcept {
        if (nghttp3_qpack_encoder_new(&encoder_, 0, nghttp3_mem_default()) != 0) encoder_ = nullptr;
        make_decoder();
    }
    qpack_coder(const qpack_coder&) = delete;
    qpack_coder& operator=(const qpack_coder&) = delete;
    ~qpack_coder() {
        if (encoder_ != nullptr) nghttp3_qpack_encoder_del(encoder_);
        if (decoder_ != nullptr) nghttp3_qpack_decoder_del(decoder_);
    }

    /// A HEADERS frame with `fields`.
    ///
    /// Errors  out_of_memory.
    [[nodiscard]] result<slice> encode(buffer_pool& pool, std::uint64_t stream,
                                       std::span<const field> fields) noexcept {
        std::vector<nghttp3_nv> list;
        list.reserve(fields.size());
        for (const auto& each : fields)
            list.push_back({as_octets(each.name), as_octets(each.value), each.name.size(),
                            each.value.size(), flags_of(each.name)});
        buffers out;
        if (encoder_ == nullptr ||
            nghttp3_qpack_encoder_encode(encoder_, &out.prefix, &out.section, &out.instructions,
                                         static_cast<std::int64_t>(stream), list.data(),
                                         list.size()) != 0)
            return fail(errc::out_of_memory, "field section", 0, where);
        const auto prefix = view(out.prefix);
        const auto section = view(out.section);
        const frame_head head{frame_type::headers, prefix.size() + section.size()};
        buffer frame;
        if (!frame.grow(pool, head.view().size() + prefix.size() + section.size()) ||
            !frame.append(pool, head.view()) || !frame.append(pool, prefix) ||
            !frame.append(pool, section))
            return fail(errc::out_of_memory, "field section", 0, where);
        return frame.freeze();
    }

    /// The fields of one section, whose bytes are all here.
    ///
    /// Errors  bad_value (QPACK_DECOMPRESSION_FAILED), limit (more than `most` bytes, counted with
    ///         32 for each field: RFC 9114 section 4.2.2), out_of_memory.
    [[nodiscard]] result<field_list> decode(buffer_pool& pool, std::uint64_t stream, bytes block,
                                            std::size_t most) noexcept {
        auto list = decode_section(pool, stream, block, most);
        // The coder takes no more after a failure; nothing is lost with it, as nothing is kept
        // between sections.
        if (!list) make_decoder();
        return list;
    }

    /// Bytes of the peer's encoder stream; false is QPACK_ENCODER_STREAM_ERROR.
    [[nodiscard]] bool handle_encoder_stream(bytes data) noexcept {
        if (decoder_ == nullptr) return false;
        return nghttp3_qpack_decoder_read_encoder(decoder_, octets(data), data.size()) ==
               static_cast<nghttp3_ssize>(data.size());
    }
    /// Bytes of the peer's decoder stream; false is QPACK_DECODER_STREAM_ERROR.
    [[nodiscard]] bool handle_decoder_stream(bytes data) noexcept {
        if (encoder_ == nullptr) return false;
        return nghttp3_qpack_encoder_read_decoder(encoder_, octets(data), data.size()) ==
               static_cast<nghttp3_ssize>(data.size());
    }

private:
    static constexpr const char* where = "field section, RFC 9204 4.5";

    void make_decoder() noexcept {
        if (decoder_ != nullptr) nghttp3_qpack_decoder_del(decoder_);
        if (nghttp3_qpack_decoder_new(&decoder_, 0, 0, nghttp3_mem_default()) != 0)
            decoder_ = nullptr;
    }
    [[nodiscard]] result<field_list> decode_section(buffer_pool& pool, std::uint64_t stream,
                                                    bytes block, std::size_t most) noexcept {
        if (decoder_ == nullptr) return fail(errc::out_of_memory, "decoder", 0, where);
        context now;
        if (nghttp3_qpack_stream_context_new(&now.value, static_cast<std::int64_t>(stream),
                                             nghttp3_mem_default()) != 0)
            return fail(errc::out_of_memory, "context", 0, where);
        field_list_builder list{pool};
        std::size_t total = 0;
        const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
        auto left = block.size();
        for (;;) {
            decoded one;
            std::uint8_t flags = 0;
            const auto used = nghttp3_qpack_decoder_read_request(decoder_, now.value, &one.value,
                                                                 &flags, at, left, 1);
            if (used == NGHTTP3_ERR_NOMEM) return fail(errc::out_of_memory, "field", 0, where);
            if (used == NGHTTP3_ERR_QPACK_HEADER_TOO_LARGE)
                return fail(errc::limit, "field", 0, where);
            if (used < 0 || (flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED) != 0)
                return fail(errc::bad_value, "field", offset(block, left), where);
            at += used;
            left -= static_cast<std::size_t>(used);
            if ((flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) != 0) {
                one.owned = true;
                total += one.name().size() + one.text().size() + 32;
                if (total > most) return fail(errc::limit, "field section", 0, where);
                if (!list.add(one.name(), one.text()))
                    return fail(errc::out_of_memory, "field section", 0, where);
            }
            if ((flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL) != 0) return list.finish();
            if (used == 0 && (flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) == 0)
                return fail(errc::bad_value, "field section", offset(block, left), where);
        }
    }

    struct buffers {
        buffers() noexcept {
            nghttp3_buf_init(&prefix);
            nghttp3_buf_init(&section);
            nghttp3_buf_init(&instructions);
        }
        buffers(const buffers&) = delete;
        buffers& operator=(const buffers&) = delete;
        ~buffers() {
            for (auto* each : {&prefix, &section, &instructions})
                nghttp3_buf_free(each, nghttp3_mem_default());
        }
        nghttp3_buf prefix{}, section{}, instructions{};
    };
    struct context {
        context() noexcept = default;
        context(const context&) = delete;
        context& operator=(const context&) = delete;
        ~context() {
            if (value != nullptr) nghttp3_qpack_stream_context_del(value);
        }
        nghttp3_qpack_stream_context* value = nullptr;
    };
    struct decoded {
        decoded() noexcept = default;
        decoded(const decoded&) = delete;
        decoded& operator=(const decoded&) = delete;
        ~decoded() {
            if (!owned) return;
            nghttp3_rcbuf_decref(value.name);
            nghttp3_rcbuf_decref(value.value);
        }
        [[nodiscard]] std::string_view name() const noexcept { return text_of(value.name); }
        [[nodiscard]] std::string_view text() const noexcept { return text_of(value.value); }
        [[nodiscard]] static std::string_view text_of(const nghttp3_rcbuf* from) noexcept {
            const auto data = nghttp3_rcbuf_get_buf(from);
            return {reinterpret_cast<const char*>(data.base), data.len};
        }
        nghttp3_qpack_nv value{};
        bool owned = false;
    };

    [[nodiscard]] static bytes view(const nghttp3_buf& from) noexcept {
        return {reinterpret_cast<const std::byte*>(from.pos),
                static_cast<std::size_t>(from.last - from.pos)};
    }
    [[nodiscard]] static const std::uint8_t* octets(bytes data) noexcept {
        return reinterpret_cast<const std::uint8_t*>(data.data());
    }
    /// The coder takes its input through pointers to non-const and does not write there.
    [[nodiscard]] static std::uint8_t* as_octets(std::string_view text) noexcept {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    }
    /// RFC 9204 section 7.1.3: nobody on the way may put these into a table either.
    [[nodiscard]] static std::uint8_t flags_of(std::string_view name) noexcept {
        return name == "authorization" || name == "cookie" || name == "set-cookie"
                   ? std::uint8_t{NGHTTP3_NV_FLAG_NEVER_INDEX}
                   : std::uint8_t{NGHTTP3_NV_FLAG_NONE};
    }
    [[nodiscard]] static std::uint32_t offset(bytes block, std::size_t left) noexcept {
        return static_cast<std::uint32_t>(block.size() - left);
    }

    nghttp3_qpack_encoder* encoder_ = nullptr;
    nghttp3_qpack_decoder* decoder_ = nullptr;
};

} // namespace moqrtc::webtransport
