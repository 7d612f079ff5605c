#include "quic_callbacks.hpp"
#include "quic_endpoint.hpp"

#include <openssl/rand.h>

namespace moqrtc::reference {

/// Each function turns what the stack passes into a member call; none lets an exception through.
struct quic_callbacks {
    [[nodiscard]] static quic_connection& self(void* user_data) noexcept {
        return *static_cast<quic_connection*>(user_data);
    }

    static int handshake_completed(ngtcp2_conn*, void* user) noexcept {
        self(user).on_handshake_completed();
        return 0;
    }
    static int recv_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream,
                                std::uint64_t, const std::uint8_t* data, std::size_t size,
                                void* user, void*) noexcept {
        self(user).on_stream_data(stream, std::as_bytes(std::span{data, size}),
                                  (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
        return 0;
    }
    static int acked_stream_data(ngtcp2_conn*, std::int64_t stream, std::uint64_t,
                                 std::uint64_t size, void* user, void*) noexcept {
        auto& c = self(user);
        if (c.handler_ != nullptr && size != 0)
            c.handler_->on_acked(c.now_, stream, static_cast<std::size_t>(size));
        return 0;
    }
    static int stream_close(ngtcp2_conn* conn, std::uint32_t, std::int64_t stream, std::uint64_t,
                            void* user, void*) noexcept {
        auto& c = self(user);
        if (ngtcp2_conn_is_local_stream2(conn, stream) == 0) {
            if (ngtcp2_is_bidi_stream(stream) != 0)
                ngtcp2_conn_extend_max_streams_bidi(conn, 1);
            else
                ngtcp2_conn_extend_max_streams_uni(conn, 1);
        }
        c.on_stream_closed(stream);
        return 0;
    }
    static int stream_reset(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t code,
                            void* user, void*) noexcept {
        auto& c = self(user);
        c.drop_held(stream);
        if (c.handler_ != nullptr) c.handler_->on_stream_reset(c.now_, stream, code);
        return 0;
    }
    static int recv_stop_sending(ngtcp2_conn*, std::int64_t stream, std::uint64_t code, void* user,
                                 void*) noexcept {
        auto& c = self(user);
        c.stopped_.emplace_back(stream, code);
        return 0;
    }
    static int stream_credit(ngtcp2_conn*, std::uint64_t, void* user) noexcept {
        auto& c = self(user);
        if (c.handler_ != nullptr && c.handshake_complete_)
            c.handler_->on_stream_credit(c.now_, c.bidirectional_left(), c.unidirectional_left());
        return 0;
    }
    static int stream_writable(ngtcp2_conn*, std::int64_t stream, std::uint64_t, void* user,
                               void*) noexcept {
        auto& c = self(user);
        if (c.handler_ != nullptr) c.handler_->on_stream_writable(c.now_, stream);
        return 0;
    }
    static int recv_datagram(ngtcp2_conn*, std::uint32_t, const std::uint8_t* data,
                             std::size_t size, void* user) noexcept {
        auto& c = self(user);
        ++c.endpoint_.counters_.datagram_frames_received;
        // They have no flow control, and nothing that counts comes in them before trust.
        if (c.handler_ != nullptr && c.trusted_)
            c.handler_->on_datagram(c.now_, std::as_bytes(std::span{data, size}));
        return 0;
    }
    static int new_connection_id(ngtcp2_conn*, ngtcp2_cid* id, ngtcp2_stateless_reset_token* token,
                                 std::size_t, void* user) noexcept {
        auto& c = self(user);
        if (!c.endpoint_.new_connection_id(*id, token->data)) return NGTCP2_ERR_CALLBACK_FAILURE;
        c.endpoint_.associate(c, connection_id{*id});
        return 0;
    }
    static int remove_connection_id(ngtcp2_conn*, const ngtcp2_cid* id, void* user) noexcept {
        auto& c = self(user);
        const connection_id gone{*id};
        std::erase(c.ids_, gone);
        c.endpoint_.dissociate(gone);
        return 0;
    }
    static int update_key(ngtcp2_conn* conn, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                          ngtcp2_crypto_aead_ctx* rx, std::uint8_t* rx_iv,
                          ngtcp2_crypto_aead_ctx* tx, std::uint8_t* tx_iv,
                          const std::uint8_t* current_rx, const std::uint8_t* current_tx,
                          std::size_t size, void* user) noexcept {
        ++self(user).endpoint_.counters_.key_updates;
        return ngtcp2_crypto_update_key_cb(conn, rx_secret, tx_secret, rx, rx_iv, tx, tx_iv,
                                           current_rx, current_tx, size, user);
    }
    static int path_validation(ngtcp2_conn*, std::uint32_t flags, const ngtcp2_path* path,
                               const ngtcp2_path*, ngtcp2_path_validation_result result,
                               void* user) noexcept {
        auto& c = self(user);
        if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) return 0;
        ++c.endpoint_.counters_.migrations;
        if ((flags & NGTCP2_PATH_VALIDATION_FLAG_NEW_TOKEN) != 0) c.submit_new_token(*path);
        if (c.handler_ != nullptr)
            c.handler_->on_path_changed(c.now_, {path->remote.addr, path->remote.addrlen});
        return 0;
    }
    static int recv_stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset2*,
                                    void* user) noexcept {
        self(user).reset_received_ = true;
        return 0;
    }
    static int recv_new_token(ngtcp2_conn*, const std::uint8_t* token, std::size_t size,
                              void* user) noexcept {
        constexpr std::size_t most = 256;
        auto& c = self(user);
        auto& tokens = c.endpoint_.new_tokens_;
        if (tokens.size() >= most && !tokens.contains(c.token_place_)) tokens.clear();
        tokens[c.token_place_].assign(token, token + size);
        return 0;
    }
    static void random(std::uint8_t* into, std::size_t size, const ngtcp2_rand_ctx*) noexcept {
        // Used where unpredictability is welcome and not needed: a failure leaves what was there.
        if (RAND_bytes(into, static_cast<int>(size)) != 1) return;
    }
    static void qlog(void* user, std::uint32_t, const void* data, std::size_t size) noexcept {
        if (auto* file = self(user).qlog_; file != nullptr) std::fwrite(data, 1, size, file);
    }
};

ngtcp2_callbacks make_quic_callbacks(bool server) noexcept {
    using on = quic_callbacks;
    ngtcp2_callbacks c{};
    if (server) {
        c.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    } else {
        c.client_initial = ngtcp2_crypto_client_initial_cb;
        c.recv_retry = ngtcp2_crypto_recv_retry_cb;
        c.recv_new_token = on::recv_new_token;
        c.recv_stateless_reset2 = on::recv_stateless_reset;
    }
    c.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    c.handshake_completed = on::handshake_completed;
    c.encrypt = ngtcp2_crypto_encrypt_cb;
    c.decrypt = ngtcp2_crypto_decrypt_cb;
    c.hp_mask = ngtcp2_crypto_hp_mask_cb;
    c.recv_stream_data = on::recv_stream_data;
    c.acked_stream_data_offset = on::acked_stream_data;
    c.stream_close = on::stream_close;
    c.stream_reset = on::stream_reset;
    c.recv_stop_sending = on::recv_stop_sending;
    c.extend_max_local_streams_bidi = on::stream_credit;
    c.extend_max_local_streams_uni = on::stream_credit;
    c.extend_max_stream_data = on::stream_writable;
    c.recv_datagram = on::recv_datagram;
    c.rand = on::random;
    c.get_new_connection_id2 = on::new_connection_id;
    c.remove_connection_id = on::remove_connection_id;
    c.update_key = on::update_key;
    c.path_validation = on::path_validation;
    c.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    c.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    c.get_path_challenge_data2 = ngtcp2_crypto_get_path_challenge_data2_cb;
    c.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    return c;
}

ngtcp2_qlog_write quic_qlog_writer() noexcept {
    return quic_callbacks::qlog;
}

} // namespace moqrtc::reference
