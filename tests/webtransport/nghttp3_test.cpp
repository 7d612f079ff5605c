#include "raw.hpp"

#include <moqrtc/webtransport/connection.hpp>

#include <nghttp3/nghttp3.h>

#include <gtest/gtest.h>

/// Against somebody else's HTTP/3: nghttp3's own connection, either side, in memory.
namespace moqrtc::webtransport::test {
namespace {

using kind = event::kind;

class nghttp3_peer {
public:
    struct exchange {
        std::vector<std::pair<std::string, std::string>> fields{};
        std::vector<std::pair<std::string, std::string>> trailers{};
        std::string content{};
        bool ended = false;

        [[nodiscard]] std::string value(std::string_view name) const {
            for (const auto& [each, text] : fields)
                if (each == name) return text;
            return {};
        }
    };

    explicit nghttp3_peer(role self) : self_{self} {
        nghttp3_callbacks callbacks{};
        callbacks.recv_header = [](nghttp3_conn*, std::int64_t id, std::int32_t,
                                   nghttp3_rcbuf* name, nghttp3_rcbuf* value, std::uint8_t,
                                   void* me, void*) {
            of(me, id).fields.emplace_back(text(name), text(value));
            return 0;
        };
        callbacks.recv_trailer = [](nghttp3_conn*, std::int64_t id, std::int32_t,
                                    nghttp3_rcbuf* name, nghttp3_rcbuf* value, std::uint8_t,
                                    void* me, void*) {
            of(me, id).trailers.emplace_back(text(name), text(value));
            return 0;
        };
        callbacks.recv_data = [](nghttp3_conn*, std::int64_t id, const std::uint8_t* data,
                                 std::size_t size, void* me, void*) {
            of(me, id).content.append(reinterpret_cast<const char*>(data), size);
            return 0;
        };
        callbacks.end_stream = [](nghttp3_conn*, std::int64_t id, void* me, void*) {
            of(me, id).ended = true;
            return 0;
        };
        nghttp3_settings settings{};
        nghttp3_settings_default(&settings);
        // It would use a dynamic table and blocked streams, if we let it.
        settings.qpack_max_dtable_capacity = 4096;
        settings.qpack_blocked_streams = 100;
        settings.enable_connect_protocol = self == role::server ? 1 : 0;
        const auto* const memory = nghttp3_mem_default();
        const auto made =
            self == role::client
                ? nghttp3_conn_client_new(&conn_, &callbacks, &settings, memory, this)
                : nghttp3_conn_server_new(&conn_, &callbacks, &settings, memory, this);
        EXPECT_EQ(made, 0);
        const std::int64_t first = self == role::client ? 2 : 3;
        EXPECT_EQ(nghttp3_conn_bind_control_stream(conn_, first), 0);
        EXPECT_EQ(nghttp3_conn_bind_qpack_streams(conn_, first + 4, first + 8), 0);
        if (self == role::server) nghttp3_conn_set_max_client_streams_bidi(conn_, 100);
    }
    nghttp3_peer(const nghttp3_peer&) = delete;
    nghttp3_peer& operator=(const nghttp3_peer&) = delete;
    ~nghttp3_peer() { nghttp3_conn_del(conn_); }

    void send(std::int64_t id, std::initializer_list<field> fields, std::string content = {}) {
        std::vector<nghttp3_nv> list;
        for (const auto& each : fields)
            list.push_back({octets(each.name), octets(each.value), each.name.size(),
                            each.value.size(), NGHTTP3_NV_FLAG_NONE});
        out_[id] = std::move(content);
        nghttp3_data_reader reader{};
        reader.read_data = [](nghttp3_conn*, std::int64_t stream, nghttp3_vec* vec, std::size_t,
                              std::uint32_t* flags, void* me, void*) -> nghttp3_ssize {
            auto& content_out = static_cast<nghttp3_peer*>(me)->out_[stream];
            *flags |= NGHTTP3_DATA_FLAG_EOF;
            vec[0] = {reinterpret_cast<std::uint8_t*>(content_out.data()), content_out.size()};
            return content_out.empty() ? 0 : 1;
        };
        const auto* const content_reader = out_[id].empty() ? nullptr : &reader;
        EXPECT_EQ(
            self_ == role::client
                ? nghttp3_conn_submit_request(conn_, id, list.data(), list.size(), content_reader,
                                              nullptr)
                : nghttp3_conn_submit_response(conn_, id, list.data(), list.size(), content_reader),
            0);
    }
    /// Moves what both have to say, `most` bytes at a time.
    void talk(raw& ours, std::size_t most) {
        for (bool more = true; more;) {
            more = false;
            for (;;) {
                std::int64_t id = -1;
                int fin = 0;
                std::array<nghttp3_vec, 8> parts{};
                const auto count =
                    nghttp3_conn_writev_stream(conn_, &id, &fin, parts.data(), parts.size());
                ASSERT_GE(count, 0);
                if (id < 0) break;
                std::string data;
                for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
                    data.append(reinterpret_cast<const char*>(parts[i].base), parts[i].len);
                nghttp3_conn_add_write_offset(conn_, id, data.size());
                nghttp3_conn_add_ack_offset(conn_, id, data.size());
                for (std::size_t at = 0; at < data.size() || (fin != 0 && at == 0); at += most) {
                    const auto part = std::string_view{data}.substr(at, most);
                    ours.feed(static_cast<stream_id>(id), part,
                              fin != 0 && at + part.size() == data.size());
                    if (data.empty()) break;
                }
                more = true;
            }
            ours.drain();
            for (auto& [id, all] : ours.sent) {
                auto& done = given_[id];
                const bool fin = ours.has_fin(id) && !fins_[id];
                if (done == all.size() && !fin) continue;
                more = true;
                while (done < all.size() || fin) {
                    const auto part = std::string_view{all}.substr(done, most);
                    done += part.size();
                    const bool end = fin && done == all.size();
                    const auto read = nghttp3_conn_read_stream(conn_, static_cast<std::int64_t>(id),
                                                               octets(part), part.size(), end);
                    ASSERT_GE(read, 0) << nghttp3_strerror(static_cast<int>(read));
                    if (end) {
                        fins_[id] = true;
                        break;
                    }
                }
            }
        }
    }

    std::map<std::int64_t, exchange> in{};

private:
    [[nodiscard]] static exchange& of(void* me, std::int64_t id) {
        return static_cast<nghttp3_peer*>(me)->in[id];
    }
    [[nodiscard]] static std::string text(const nghttp3_rcbuf* from) {
        const auto data = nghttp3_rcbuf_get_buf(from);
        return {reinterpret_cast<const char*>(data.base), data.len};
    }
    [[nodiscard]] static std::uint8_t* octets(std::string_view from) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(from.data()));
    }

    role self_;
    nghttp3_conn* conn_ = nullptr;
    std::map<std::int64_t, std::string> out_{};
    std::map<stream_id, std::size_t> given_{};
    std::map<stream_id, bool> fins_{};
};

std::string content_of(const raw& ours, stream_id id) {
    std::string all;
    for (const auto& e : ours.events)
        if (e.what == kind::content && e.stream == id) all += e.text();
    return all;
}

TEST(webtransport_nghttp3, its_client_and_our_server) {
    for (const std::size_t most : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
        nghttp3_peer client{role::client};
        raw server{role::server};
        client.send(0, {{":method", "GET"},
                        {":scheme", "https"},
                        {":authority", "localhost"},
                        {":path", "/file"},
                        {"accept", "*/*"}});
        client.send(4,
                    {{":method", "POST"},
                     {":scheme", "https"},
                     {":authority", "localhost"},
                     {":path", "/upload"},
                     {"content-length", "5000"}},
                    std::string(5000, 'u'));
        client.talk(server, most);
        ASSERT_EQ(server.count(kind::request), 2u);
        EXPECT_EQ(server.count(kind::finished), 2u);
        EXPECT_EQ(content_of(server, 4), std::string(5000, 'u'));
        const std::array fields{field{"content-type", "video/mp4"}, field{"x-custom", "v\"alue"}};
        ASSERT_TRUE(server.wt->respond(server.now, 0, 200, fields, false));
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(server.wt->write_content(
                server.now, 0,
                slice::copy(server.pool, as_bytes(std::string_view{std::string(700, 'f')})),
                i == 2));
        ASSERT_TRUE(server.wt->respond(server.now, 4, 201));
        client.talk(server, most);
        EXPECT_EQ(client.in[0].value(":status"), "200");
        EXPECT_EQ(client.in[0].value("content-type"), "video/mp4");
        EXPECT_EQ(client.in[0].value("x-custom"), "v\"alue");
        EXPECT_EQ(client.in[0].content, std::string(2100, 'f'));
        EXPECT_EQ(client.in[4].value(":status"), "201");
        EXPECT_TRUE(client.in[0].ended && client.in[4].ended);
        EXPECT_FALSE(server.closed_with);
    }
}

TEST(webtransport_nghttp3, its_server_and_our_client) {
    for (const std::size_t most : {std::size_t{1}, std::size_t{9}, std::size_t{100'000}}) {
        nghttp3_peer server{role::server};
        raw client{role::client};
        ASSERT_TRUE(client.wt->request(
            client.now, 0, {.method = "POST", .authority = "localhost", .path = "/x"}, false));
        ASSERT_TRUE(client.wt->write_content(
            client.now, 0,
            slice::copy(client.pool, as_bytes(std::string_view{std::string(3000, 'p')})), true));
        server.talk(client, most);
        EXPECT_EQ(server.in[0].value(":method"), "POST");
        EXPECT_EQ(server.in[0].value(":path"), "/x");
        EXPECT_EQ(server.in[0].content, std::string(3000, 'p'));
        EXPECT_TRUE(server.in[0].ended);
        server.send(0, {{":status", "200"}, {"content-length", "4000"}}, std::string(4000, 'r'));
        server.talk(client, most);
        EXPECT_EQ(client.last_event(kind::response).status, 200);
        EXPECT_EQ(content_of(client, 0), std::string(4000, 'r'));
        EXPECT_EQ(client.count(kind::finished), 1u);
        EXPECT_FALSE(client.closed_with);
        ASSERT_NE(client.wt->peer_settings(), nullptr);
        EXPECT_TRUE(client.wt->peer_settings()->enable_connect_protocol);
        EXPECT_EQ(client.wt->peer_settings()->qpack_max_table_capacity, 4096u);
    }
}

} // namespace
} // namespace moqrtc::webtransport::test
