#include "socket_address.hpp"
#include "tls.hpp"

#include <moqrtc/core/bytes.hpp>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

namespace moqrtc::reference {
namespace {

/// The fast hardware ciphers first; the last is for machines without AES instructions.
constexpr const char* cipher_suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

std::expected<std::string, std::string> protocol_list(const std::vector<std::string>& protocols) {
    std::string list;
    for (const auto& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255)
            return std::unexpected("application protocol \"" + protocol + "\": 1 to 255 bytes");
        list += static_cast<char>(protocol.size());
        list += protocol;
    }
    return list;
}

bool restrict(SSL_CTX* context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, cipher_suites) == 1;
}

bool use(SSL_CTX* context, const certificate& identity) {
    const bio_pointer chain{
        BIO_new_mem_buf(identity.chain_pem.data(), static_cast<int>(identity.chain_pem.size()))};
    const bio_pointer secret{
        BIO_new_mem_buf(identity.key_pem.data(), static_cast<int>(identity.key_pem.size()))};
    const x509_pointer leaf{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)};
    const pkey_pointer key{
        PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, const_cast<char*>(""))};
    if (leaf == nullptr || key == nullptr || SSL_CTX_use_certificate(context, leaf.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, key.get()) != 1)
        return false;
    while (x509_pointer next{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)})
        if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return false;
    ERR_clear_error(); // the end of the chain reads as an error
    return true;
}

} // namespace

std::expected<std::shared_ptr<const tls_server>, std::string>
tls_server::make(const certificate& identity, const std::vector<std::string>& protocols) {
    auto list = protocol_list(protocols);
    if (!list) return std::unexpected(list.error());
    std::shared_ptr<tls_server> server{new tls_server};
    server->protocols_ = std::move(*list);
    server->context_.reset(SSL_CTX_new(TLS_server_method()));
    auto* context = server->context_.get();
    if (context == nullptr || !restrict(context) || !use(context, identity))
        return std::unexpected("TLS: " + openssl_error());
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_num_tickets(context, 1);
    constexpr std::string_view name = "moqrtc";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(name.data()),
                                   static_cast<unsigned int>(name.size()));
    SSL_CTX_set_alpn_select_cb(context, &tls_server::choose, server.get());
    return server;
}

int tls_server::choose(SSL*, const unsigned char** out, unsigned char* out_size,
                       const unsigned char* offer, unsigned int offer_size, void* self) {
    const auto& list = static_cast<const tls_server*>(self)->protocols_;
    for (std::size_t at = 0; at < list.size(); at += 1 + static_cast<unsigned char>(list[at])) {
        const auto size = static_cast<unsigned char>(list[at]);
        for (unsigned int i = 0; i < offer_size; i += 1u + offer[i]) {
            if (offer[i] != size || offer_size - i - 1 < size) continue;
            if (std::memcmp(list.data() + at + 1, offer + i + 1, size) != 0) continue;
            *out = offer + i + 1;
            *out_size = size;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::expected<std::shared_ptr<const tls_client>, std::string> tls_client::make(tls_trust trust) {
    std::shared_ptr<tls_client> client{new tls_client};
    client->trust_ = std::move(trust);
    client->context_.reset(SSL_CTX_new(TLS_client_method()));
    auto* context = client->context_.get();
    if (context == nullptr || !restrict(context)) return std::unexpected("TLS: " + openssl_error());
    switch (client->trust_.how) {
    case tls_trust::mode::authorities:
        if (const auto& file = client->trust_.authorities_file; file.empty()) {
            SSL_CTX_set_default_verify_paths(context);
        } else if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
            return std::unexpected(file.string() + ": " + openssl_error());
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        break;
    case tls_trust::mode::pinned:
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(context, &tls_client::verify_pin, client.get());
        break;
    case tls_trust::mode::anyone:
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
        break;
    }
    return client;
}

int tls_client::verify_pin(X509_STORE_CTX* store, void* self) {
    const auto& pins = static_cast<const tls_client*>(self)->trust_.pins;
    std::array<std::byte, 32> digest{};
    unsigned int size = 0;
    auto* leaf = X509_STORE_CTX_get0_cert(store);
    const bool known = leaf != nullptr &&
                       X509_digest(leaf, EVP_sha256(),
                                   reinterpret_cast<unsigned char*>(digest.data()), &size) == 1 &&
                       std::ranges::find(pins, digest) != pins.end();
    X509_STORE_CTX_set_error(store, known ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return known ? 1 : 0;
}

bool tls_client::prepare(SSL* session, std::string_view host,
                         const std::vector<std::string>& protocols) const {
    const auto list = protocol_list(protocols);
    if (!list || list->empty()) return false;
    // This function alone in OpenSSL returns 0 for success.
    if (SSL_set_alpn_protos(session, reinterpret_cast<const unsigned char*>(list->data()),
                            static_cast<unsigned int>(list->size())) != 0)
        return false;
    const std::string name{host};
    const bool numeric = socket_address::parse(name, 0).has_value();
    // RFC 6066, 3: a server name is never a numeric address.
    if (!numeric && SSL_set_tlsext_host_name(session, name.c_str()) != 1) return false;
    if (trust_.how != tls_trust::mode::authorities) return true;
    return numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1
                   : SSL_set1_host(session, name.c_str()) == 1;
}

std::string_view negotiated_protocol(const SSL* session) noexcept {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(session, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

} // namespace moqrtc::reference
