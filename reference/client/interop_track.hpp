#pragma once

#include <moqrtc/moqt/session/session.hpp>

#include <map>
#include <string>
#include <vector>

namespace moqrtc::reference {

/// An object as a case compares it.
struct interop_object {
    moqt::location at;
    std::string payload;
    moqt::object_status status = moqt::object_status::normal;

    [[nodiscard]] friend bool operator==(const interop_object&, const interop_object&) = default;
};

/// A track that a case publishes: remembers every object, sends each to whoever is subscribed, and
/// answers FETCH from what it remembers. One subgroup a group.
class interop_track {
public:
    interop_track(moqt::full_track_name name, moqt::track_alias alias)
        : name_{std::move(name)}, alias_{alias} {}

    [[nodiscard]] const moqt::full_track_name& name() const noexcept { return name_; }
    [[nodiscard]] moqt::track_alias alias() const noexcept { return alias_; }
    [[nodiscard]] const std::vector<interop_object>& objects() const noexcept { return sent_; }
    /// How many subscriptions want objects now.
    [[nodiscard]] std::size_t ready(moqt::session& session) const;

    void send(instant now, moqt::session& session, moqt::location at, std::string payload);
    /// One object in a datagram.
    void send_datagram(instant now, moqt::session& session, moqt::location at, std::string payload);
    /// No more objects in the group that is open.
    void end_group(instant now, moqt::session& session);
    /// PUBLISH_DONE to everybody.
    void end(instant now, moqt::session& session);

    void subscribed(moqt::request_id id) { subscribers_[id] = {}; }
    void unsubscribed(moqt::request_id id) { subscribers_.erase(id); }
    void stopped(moqt::data_stream stream);
    void on_subscribe(instant now, moqt::session& session, moqt::request_id id);
    void on_fetch(instant now, moqt::session& session, const moqt::event& event);

private:
    struct subscriber {
        moqt::data_stream stream = moqt::no_stream;
        std::uint64_t group = 0;
    };
    [[nodiscard]] moqt::message_params state() const;

    moqt::full_track_name name_;
    moqt::track_alias alias_;
    std::vector<interop_object> sent_;
    std::map<moqt::request_id, subscriber> subscribers_;
};

} // namespace moqrtc::reference
