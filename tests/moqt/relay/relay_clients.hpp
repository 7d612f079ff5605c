#pragma once

#include <moqrtc/moqt/relay/relay.hpp>
#include <moqrtc/testing/endpoint.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Clients of a relay: a plain one that keeps what comes, and one that publishes.
namespace relay_test {

using namespace moqrtc;
using namespace moqrtc::moqt;

struct received {
    object item;
    data_stream stream = no_stream;
};

inline std::string text(const slice& bytes_) {
    return std::string{as_text(bytes_)};
}

/// A client of a relay: keeps what comes, by request.
class client : public moqrtc::testing::endpoint {
public:
    client(instant now, draft version, buffer_pool& pool) : pool_{&pool} {
        session_config config;
        config.self = role::client;
        config.version = version;
        config.authority = "relay.example";
        config.path = "/moq";
        session_ = std::make_unique<moqt::session>(now, config, pool);
    }
    moqt::session& session() noexcept override { return *session_; }
    void after_input(instant now) override {
        time = now;
        while (auto e = session_->poll_event()) {
            const auto of = e->fill ? e->update_id : e->id;
            if (e->what == event::kind::object)
                objects[of].push_back({e->item, e->stream});
            else if (e->what == event::kind::stream_finished)
                ++finished[of];
            else if (e->what == event::kind::stream_reset)
                ++resets[of];
            if (on_event) on_event(*e);
            if (e->what != event::kind::object && e->what != event::kind::subgroup_opened)
                events.push_back(std::move(*e));
        }
    }
    [[nodiscard]] const event* find(event::kind what, request_id id) const {
        for (const auto& e : events)
            if (e.what == what && e.id == id) return &e;
        return nullptr;
    }
    [[nodiscard]] bool accepted(request_id id) const {
        for (const auto& e : events)
            if (e.what == event::kind::update_accepted && e.update_id == id) return true;
        return find(event::kind::accepted, id) != nullptr;
    }
    /// Asks for the current group of a subscription and `back` before it, by a joining FETCH or a
    /// fill; what comes is kept under the identifier that is returned.
    result<request_id> join(instant now, request_id subscription, std::uint64_t back) {
        if (!session_->rules().fill)
            return session_->joining_fetch(now, msg::fetch_type::relative_joining, subscription,
                                           back);
        message_params inside;
        inside.subscription_filter = {filter_type::relative_start, {back + 1, 0}};
        message_params params;
        params.fill = fill_parameters{inside};
        return session_->update(now, subscription, params);
    }
    [[nodiscard]] std::optional<request_error_code> refused(request_id id) const {
        const auto* e = find(event::kind::rejected, id);
        return e == nullptr ? std::nullopt : std::optional{e->request_error};
    }
    [[nodiscard]] std::optional<publish_done_code> done(request_id id) const {
        const auto* e = find(event::kind::publish_done, id);
        return e == nullptr ? std::nullopt : std::optional{e->publish_done};
    }
    [[nodiscard]] std::size_t count(event::kind what) const {
        return static_cast<std::size_t>(
            std::count_if(events.begin(), events.end(), [&](auto& e) { return e.what == what; }));
    }
    /// `group:object=payload` of all that came for a request, in order of arrival.
    [[nodiscard]] std::string got(request_id id) const {
        std::string out;
        const auto at = objects.find(id);
        if (at == objects.end()) return out;
        for (const auto& r : at->second) {
            if (!out.empty()) out += ' ';
            out += std::to_string(r.item.location.group) + ':' +
                   std::to_string(r.item.location.object) + '=' + text(r.item.payload);
            if (r.item.status != object_status::normal) out += '!';
        }
        return out;
    }
    [[nodiscard]] slice bytes_of(std::string_view content) const {
        return slice::copy(*pool_, as_bytes(content));
    }

    instant time{};
    std::vector<event> events{};
    std::map<request_id, std::vector<received>> objects{};
    std::map<request_id, int> finished{};
    std::map<request_id, int> resets{};
    std::function<void(event&)> on_event{};

protected:
    buffer_pool* pool_;
    std::unique_ptr<moqt::session> session_;
};

/// A client that publishes tracks of one namespace: answers SUBSCRIBE and FETCH from what it has.
class publisher : public client {
public:
    struct track {
        track_alias alias = 0;
        std::vector<request_id> subscriptions{};
        std::map<std::pair<request_id, std::pair<std::uint64_t, std::uint64_t>>, data_stream>
            open{};
        std::vector<object> sent{};
        std::optional<location> largest{};
        std::vector<std::byte> properties{};
        int subscribed = 0;
        int fetched = 0;
        std::vector<location> fetch_starts{};
        bool forward = true;
    };

    publisher(instant now, draft version, buffer_pool& pool) : client{now, version, pool} {
        on_event = [this](event& e) { answer(e); };
    }
    /// Answers to come are given only while this is set.
    bool answers = true;
    bool serves_fetch = true;
    bool end_of_group = false;
    std::map<std::string, track> tracks{};
    std::vector<msg::request_update> updates{};
    std::vector<message_params> update_params{};
    std::optional<request_error_code> refuse_with{};

    void answer(event& e) {
        if (!answers) return;
        if (e.what == event::kind::requested && e.request == request_kind::subscribe) {
            const auto m = e.as<msg::subscribe>();
            auto& t = tracks[std::string{as_text(m->track_name)}];
            ++t.subscribed;
            last_subscribe = m->params;
            if (refuse_with) {
                (void)session_->reject(time, e.id, *refuse_with, "no");
                return;
            }
            if (t.alias == 0) t.alias = tracks.size() + 100;
            message_params params;
            params.largest_object = t.largest;
            (void)session_->accept_subscribe(time, e.id, t.alias, params, t.properties);
            t.subscriptions.push_back(e.id);
        } else if (e.what == event::kind::requested && e.request == request_kind::fetch) {
            const auto m = e.as<msg::fetch>();
            auto& t = tracks[std::string{as_text(m->track_name)}];
            ++t.fetched;
            t.fetch_starts.push_back(m->wanted(session_->rules()).first(t.largest));
            if (!serves_fetch) {
                (void)session_->reject(time, e.id, request_error_code::not_supported, "no");
                return;
            }
            serve(e.id, t, *m);
        } else if (e.what == event::kind::cancelled) {
            for (auto& [name, t] : tracks)
                std::erase(t.subscriptions, e.id);
        } else if (e.what == event::kind::update_requested) {
            const auto m = e.as<msg::request_update>();
            update_params.push_back(m->params);
            (void)session_->accept_update(time, e.update_id);
        } else if (e.what == event::kind::accepted && e.request == request_kind::publish) {
            publish_ok = e.ok_params();
        }
    }
    void serve(request_id id, const track& t, const msg::fetch& m) {
        const auto wanted = m.wanted(session_->rules());
        const auto found = wanted.past(t.largest);
        if (!found) {
            (void)session_->reject(time, id, request_error_code::invalid_range, "none");
            return;
        }
        const auto order = m.params.group_order.value_or(group_order::ascending);
        const location_range range{found->first, wanted.last(), order};
        const auto end = range.highest > *t.largest ? behind(*t.largest) : range.end();
        const auto wants = [&](const object& o) { return range.contains(o.location); };
        if (session_->rules().no_objects && std::none_of(t.sent.begin(), t.sent.end(), wants)) {
            (void)session_->reject(time, id, request_error_code::no_objects, "none");
            return;
        }
        (void)session_->accept_fetch(time, id, end, false, {}, t.properties);
        const auto stream = session_->open_fetch_stream(time, id);
        auto all = t.sent;
        std::sort(all.begin(), all.end(), [&](const object& a, const object& b) {
            return range.precedes(a.location, b.location);
        });
        for (const auto& o : all)
            if (range.contains(o.location)) (void)session_->write_fetch_object(time, *stream, o);
        (void)session_->finish_stream(time, *stream);
    }
    /// Sends an object to all subscriptions, each subgroup on a stream of its own.
    void send(const std::string& name, location where, std::string_view payload,
              std::uint64_t subgroup = 0, slice properties = {},
              object_status status = object_status::normal) {
        auto& t = tracks[name];
        object o;
        o.location = where;
        o.subgroup_id = subgroup;
        o.payload = bytes_of(payload);
        o.properties = properties;
        o.status = status;
        t.sent.push_back(o);
        if (!t.largest || where > *t.largest) t.largest = where;
        for (const auto id : t.subscriptions) {
            const std::pair key{id, std::pair{where.group, subgroup}};
            auto at = t.open.find(key);
            if (at == t.open.end()) {
                const auto stream = session_->open_subgroup(time, id,
                                                            {.group = where.group,
                                                             .subgroup = subgroup,
                                                             .has_properties = !properties.empty(),
                                                             .end_of_group = end_of_group,
                                                             .first_object = where.object == 0});
                if (!stream) continue;
                at = t.open.emplace(key, *stream).first;
            }
            (void)session_->write_object(time, at->second, where.object, properties, o.payload,
                                         status);
        }
    }
    /// Ends the streams of a group.
    void finish(const std::string& name, std::uint64_t group) {
        auto& t = tracks[name];
        for (auto at = t.open.begin(); at != t.open.end();) {
            if (at->first.second.first != group) {
                ++at;
                continue;
            }
            (void)session_->finish_stream(time, at->second);
            at = t.open.erase(at);
        }
    }
    request_id push(const track_namespace& space, const std::string& name,
                    message_params params = {}) {
        auto& t = tracks[name];
        t.alias = 500 + tracks.size();
        params.largest_object = t.largest;
        const auto id = session_->publish(time, {space, name}, t.alias, params, t.properties);
        t.subscriptions.push_back(*id);
        return *id;
    }

    message_params last_subscribe{};
    message_params publish_ok{};
};

} // namespace relay_test
