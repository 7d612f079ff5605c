#pragma once

#include "children.hpp"
#include "narrow_path.hpp"

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <common/locator.hpp>
#include <common/moqt_link.hpp>
#include <common/quic_endpoint.hpp>
#include <common/tls.hpp>
#include <common/webtransport_client.hpp>
#include <conformance/suite.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <server/http3_connection.hpp>
#include <set>
#include <string>
#include <vector>

namespace moqrtc::conformance {

class side_link;

/// Where the peer is, or where it comes.
struct network_options {
    reference::locator where{};   ///< of a server
    reference::tls_trust trust{}; ///< whom we believe
    std::string listen_host{};    ///< not empty: the peer is a client that `command` starts
    std::uint16_t listen_port = 0;
    std::vector<std::string> command{}; ///< `{url}` and `{port}` stand for where we listen
    bool listen_webtransport = false;   ///< the URL in it is https://, not moqt://
    std::string leave{};                ///< command of a shell that brings the peer to leave
    bool verbose = false;               ///< what the command says is shown
};

/// Runs a suite over QUIC or WebTransport, on one thread.
class network final : public connector {
public:
    explicit network(network_options options);
    ~network();
    network(const network&) = delete;
    network& operator=(const network&) = delete;

    /// Binds the socket; what went wrong, or nothing.
    [[nodiscard]] std::string prepare(const reference::offered_draft& speak);
    /// Runs to the end of the suite. Ends early when `interrupted` is set.
    void run(suite& what);

    void connect(stage& owner, side& fresh) override;
    void expect(stage& owner, side& fresh) override;
    void make_leave() override;

private:
    friend class side_link;
    struct waiting {
        stage* owner = nullptr;
        std::weak_ptr<side*> to{};
    };
    /// Where the peer comes in. Each row has one of its own, so that a client that is late, or of
    /// another row, is never taken for the one that was started; only a port that the operator
    /// chose is everybody's.
    struct door {
        std::unique_ptr<reference::quic_endpoint> endpoint{};
        std::deque<waiting> expected{}; ///< rows that wait for the peer to connect
        reference::http3_host web{};
        std::string authority{};
    };
    [[nodiscard]] std::unique_ptr<reference::carried> link_for(reference::moqt_carrier& carrier,
                                                               const waiting& who);
    /// Something came: rows go on, and what they want to send leaves.
    void stirred(stage* owner);
    void flush();
    void arm();
    void start_child(const waiting& who, const door& at);
    /// The client's endpoint for a connection on which the peer may open so many streams.
    [[nodiscard]] reference::quic_endpoint& endpoint_for(std::uint64_t streams);
    /// Null where nothing can be held up.
    [[nodiscard]] narrow_path* path_of(const side& of);
    /// Null when no socket can be had.
    [[nodiscard]] door* door_of(const stage& owner);
    [[nodiscard]] std::string open_door(door& fresh);
    void open_web(door& at);
    /// The one that waits longest for a connection.
    [[nodiscard]] static std::optional<waiting> next_expected(door& at);

    network_options options_;
    asio::io_context context_{};
    asio::steady_timer timer_;
    buffer_pool pool_{};
    std::shared_ptr<const reference::tls_client> tls_{};
    std::unique_ptr<reference::quic_endpoint> endpoint_{}; ///< of our clients
    std::map<std::uint64_t, std::unique_ptr<reference::quic_endpoint>> sparing_{}; ///< with limits
    struct held {
        std::weak_ptr<side*> of{};
        std::shared_ptr<narrow_path> path{};
    };
    std::deque<held> paths_{};
    std::set<side_link*> links_{};
    reference::quic_config config_{};
    std::shared_ptr<const reference::tls_server> listening_{};
    std::deque<door> doors_{};
    std::map<const stage*, door*> door_of_{};
    children children_{};
    suite* suite_ = nullptr;
    reference::offered_drafts_list offered_{}; ///< one: what the rows are about
    bool stirring_ = false;
};

} // namespace moqrtc::conformance
