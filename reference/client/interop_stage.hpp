#pragma once

#include "common/locator.hpp"
#include "common/moqt_link.hpp"
#include "common/quic_endpoint.hpp"
#include "common/tls.hpp"
#include "common/webtransport_client.hpp"
#include "interop_track.hpp"

#include <moqrtc/core/buffer_pool.hpp>
#include <moqrtc/moqt/session/session.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the cases of `interop` are played on: connections that run while a case waits for
/// something, so that a case is written from top to bottom.
namespace moqrtc::reference {

struct interop_options {
    locator where;
    transport_choice transport = transport_choice::automatic;
    offered_drafts_list drafts; ///< best first
    tls_trust trust;
    std::filesystem::path qlog_directory;
    bool verbose = false;
};

/// Ends a case: what it had waited for and what came in its place. Thrown.
struct interop_failure {
    std::string expected;
    std::string received;
    std::string message{};
    bool unreachable = false; ///< not even a connection came about
};

/// Ends a case that the negotiated draft has no means for. Thrown.
struct interop_skip {
    std::string reason;
};

class interop_stage;

/// One connection of a case and its session, in a role that the case names.
class interop_party {
public:
    interop_party(interop_stage& stage, std::string role)
        : stage_{&stage}, role_{std::move(role)} {}
    ~interop_party();
    interop_party(const interop_party&) = delete;
    interop_party& operator=(const interop_party&) = delete;

    [[nodiscard]] const std::string& role() const noexcept { return role_; }
    /// The connection's name in both sides' traces; empty until there is one.
    [[nodiscard]] const std::string& connection_id() const noexcept { return name_; }
    [[nodiscard]] const moqt::wire_rules& rules() const noexcept {
        return moqt::rules_for(version_);
    }
    [[nodiscard]] std::string_view transport() const noexcept { return transport_; }

    // Each waits for the relay's answer and fails the case when it is not the one wanted.
    void publish_namespace(const moqt::track_namespace& space);
    moqt::request_id subscribe(const moqt::full_track_name& track);
    /// The objects of a range, in the order in which they came.
    std::vector<interop_object> fetch(const moqt::full_track_name& track, moqt::location start,
                                      moqt::location end);
    /// Asks for namespaces (or tracks, where `tracks`) below a prefix.
    moqt::request_id discover(const moqt::track_namespace& prefix, bool tracks);

    /// Ends a request of ours.
    void cancel(moqt::request_id id);
    /// A track that this party publishes: SUBSCRIBE and FETCH for it are answered by themselves.
    interop_track& offer(const moqt::full_track_name& track);
    /// Offers a track to the relay by PUBLISH, and waits for its answer.
    void push(interop_track& track);
    /// From now on PUBLISH is accepted.
    void take_tracks() { takes_tracks_ = true; }
    /// What came for a subscription so far.
    [[nodiscard]] const std::vector<interop_object>& objects(moqt::request_id id) {
        return objects_[id];
    }
    /// Subscriptions that the relay has made here by PUBLISH.
    [[nodiscard]] const std::map<moqt::request_id, moqt::full_track_name>& taken() const noexcept {
        return taken_;
    }

    /// The first event that is still there and fits, taken out.
    [[nodiscard]] std::optional<moqt::event>
    take(const std::function<bool(const moqt::event&)>& fits);
    /// The answer to a request of ours, if it is there.
    [[nodiscard]] std::optional<moqt::event> answer_to(moqt::request_id id);
    /// The session; fails the case when it is gone.
    [[nodiscard]] moqt::session& session();
    [[nodiscard]] bool established() const noexcept { return established_; }
    [[nodiscard]] bool ended() const noexcept { return end_.has_value(); }
    /// Hands over what commands have queued.
    void settle();
    void close();

private:
    friend class interop_stage;
    class link;

    void handle(instant now, moqt::session& session, moqt::event& event);
    void on_request(instant now, moqt::session& session, moqt::event& event);
    [[nodiscard]] interop_track* find(const moqt::full_track_name& track) noexcept;
    moqt::request_id sent(const result<moqt::request_id>& id, std::string_view what);
    [[nodiscard]] moqt::event accepted(moqt::request_id id, std::string_view what);
    [[nodiscard]] interop_failure lost() const;
    /// Not even a connection came about, and none will.
    [[nodiscard]] bool never_there() const noexcept;

    interop_stage* stage_;
    std::string role_;
    std::string name_;
    std::string_view transport_;
    moqt::draft version_ = moqt::draft::d18;
    link* link_ = nullptr;
    bool established_ = false;
    bool closing_ = false;
    bool takes_tracks_ = false;
    std::optional<close_info> end_;
    std::deque<moqt::event> events_;
    std::map<moqt::request_id, std::vector<interop_object>> objects_;
    std::map<moqt::request_id, moqt::full_track_name> taken_;
    std::vector<moqt::track_namespace> spaces_; ///< that we publish
    std::vector<std::unique_ptr<interop_track>> tracks_;
};

/// The connections of one case and its clock.
class interop_stage {
public:
    interop_stage(const interop_options& options, duration limit);
    ~interop_stage();

    /// Connects and waits for the peer's SETUP.
    interop_party& connect(std::string role);
    /// Runs until `done` says so; fails the case at its end, or when a connection is lost.
    void wait(std::string_view what, const std::function<bool()>& done);
    /// Runs for a while; fails the case when a connection is lost.
    void pass(duration span);
    /// Ends every session and waits a moment until the peers know.
    void leave();

    [[nodiscard]] const interop_options& options() const noexcept { return options_; }
    [[nodiscard]] const std::vector<std::unique_ptr<interop_party>>& parties() const noexcept {
        return parties_;
    }
    /// Bytes that say where they belong: they depend on the location alone.
    [[nodiscard]] static std::string payload(moqt::location at, std::size_t size);
    /// A namespace that nobody has used before.
    [[nodiscard]] const moqt::track_namespace& fresh_namespace() const noexcept { return space_; }

private:
    friend class interop_party;

    /// Runs until `done`, at most until `until`; whether it is done.
    bool run(instant until, const std::function<bool()>& done);
    [[nodiscard]] bool someone_left() const noexcept;
    void fail_of_whoever_left(std::string_view expected) const;

    const interop_options& options_;
    duration limit_;
    instant deadline_;
    moqt::track_namespace space_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    buffer_pool pool_{std::size_t{256} << 20};
    std::shared_ptr<const tls_client> tls_;
    std::unique_ptr<quic_endpoint> endpoint_;
    std::vector<std::unique_ptr<interop_party>> parties_;
};

} // namespace moqrtc::reference
