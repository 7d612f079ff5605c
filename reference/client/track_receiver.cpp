#include "track_receiver.hpp"

namespace moqrtc::reference {

namespace {

/// A publisher that comes back repeats its last groups; a track that is further behind than this
/// is numbered anew.
constexpr std::uint64_t most_repeated_groups = 8;

} // namespace

moqt::message_params track_receiver::filter() const {
    auto out = run_->params();
    moqt::subscription_filter wanted;
    if (!order_.position() && start_.from == starting_point::kind::next)
        wanted.type = moqt::filter_type::next_group_start;
    if (!order_.position() && start_.from == starting_point::kind::group) {
        wanted.type = moqt::filter_type::absolute_start;
        wanted.start.group = start_.group;
    }
    out.subscription_filter = wanted;
    return out;
}

result<void> track_receiver::subscribe(instant now, moqt::session& session, duration wait) {
    auto params = filter();
    if (session.rules().joining_by_forward) // the drafts that have RENDEZVOUS_TIMEOUT
        params.rendezvous_timeout = static_cast<std::uint64_t>(wait.ms());
    // With a fill the past needs no request of its own.
    const bool from_position = order_.position().has_value();
    const auto inside = past(from_position);
    filling_ =
        session.rules().fill && (from_position || start_.from == starting_point::kind::latest);
    filled_.reset();
    if (filling_) params.fill = moqt::fill_parameters{inside};
    const auto id = session.subscribe(now, name_, params);
    if (!id) return std::unexpected(id.error());
    rules_ = &session.rules();
    fetch_id_ = *id;
    from_position_ = filling_ && from_position;
    order_.restart();
    guard_.emplace(session.rules());
    streams_.clear();
    done_.reset();
    drain_ = fetching_ = false;
    id_ = *id;
    subscribed_ = true;
    return {};
}

void track_receiver::lost() {
    subscribed_ = fetching_ = false;
    streams_.clear();
    order_.restart();
}

track_receiver::progress track_receiver::handle(instant now, moqt::session& session,
                                                moqt::event& event) {
    using kind = moqt::event::kind;
    const bool is_fetch = event.fill ? event.update_id == fetch_id_ && event.id == id_
                                     : fetching_ && !filling_ && event.id == fetch_id_;
    if (!is_fetch && !(subscribed_ && event.id == id_)) return progress::foreign;
    switch (event.what) {
    case kind::accepted:
        if (!is_fetch && event.request == moqt::request_kind::subscribe)
            accepted(now, session, event);
        return progress::taken;
    case kind::rejected:
        if (is_fetch) return fetch_over(now, session, false);
        subscribed_ = false;
        return progress::rejected;
    case kind::object:
        return on_object(now, session, event, is_fetch);
    case kind::subgroup_opened:
        streams_[event.stream] = {event.item.location.group, event.item.subgroup_id};
        order_.stream_opened(event.item.location.group);
        return progress::taken;
    case kind::stream_finished:
    case kind::stream_reset:
        if (is_fetch && !fetching_) {
            filled_ = event.what == kind::stream_finished;
            return progress::taken;
        }
        if (is_fetch) return fetch_over(now, session, event.what == kind::stream_finished);
        return on_stream_end(event) ? progress::taken : malformed(now, session);
    case kind::publish_done:
        done_ = event.publish_done;
        return fetching_ ? progress::taken : finish();
    case kind::malformed_track:
        if (is_fetch) return fetch_over(now, session, false);
        done_ = moqt::publish_done_code::malformed_track;
        return finish();
    case kind::cancelled:
        if (is_fetch) return fetch_over(now, session, false);
        done_ = moqt::publish_done_code::internal_error;
        return finish();
    default:
        return progress::taken;
    }
}

track_receiver::progress track_receiver::on_object(instant now, moqt::session& session,
                                                   moqt::event& event, bool is_fetch) {
    const auto& item = event.item;
    const auto good = guard_->admits(item, is_fetch);
    if (!good) {
        session.close(now, moqt::close_code_for(good.error().code), "object properties");
        return progress::taken;
    }
    if (!*good) return malformed(now, session);
    if (const auto found = streams_.find(event.stream); found != streams_.end())
        found->second = {item.location.group, item.subgroup_id, item.location.object + 1,
                         item.end_of_group};
    if (item.status == moqt::object_status::end_of_group)
        order_.group_ends(item.location.group, item.location.object);
    if (item.status == moqt::object_status::normal)
        order_.add(item.location, std::move(event.item.payload), std::move(event.item.properties));
    return progress::taken;
}

/// What comes of such a track is worth nothing: what was asked of it ends.
track_receiver::progress track_receiver::malformed(instant now, moqt::session& session) {
    if (fetching_ && !filling_) (void)session.cancel(now, fetch_id_);
    (void)session.cancel(now, id_);
    fetching_ = filling_ = false;
    order_.set_fetching(false);
    done_ = moqt::publish_done_code::malformed_track;
    return finish();
}

bool track_receiver::on_stream_end(const moqt::event& event) {
    const auto found = streams_.find(event.stream);
    if (found == streams_.end()) return true;
    const auto of = found->second;
    streams_.erase(found);
    const bool complete = event.what == moqt::event::kind::stream_finished;
    order_.stream_closed(of.group, complete);
    if (complete && of.end_of_group) order_.group_ends(of.group, of.next_object);
    return !complete || of.next_object == 0 ||
           guard_->admits_end({of.group, of.next_object - 1}, of.id, of.end_of_group);
}

void track_receiver::accepted(instant now, moqt::session& session, const moqt::event& event) {
    properties_ = event.track_properties();
    const auto largest = event.ok_params().largest_object;
    if (!largest) return;
    largest_ = *largest;
    auto position = order_.position();
    if (position && largest->group + most_repeated_groups < position->group) {
        order_.renumber();
        position.reset();
    }
    if (filling_) {
        // There is no fill where all of its range lies ahead.
        if (from_position_ && (!position || position->group > largest->group)) {
            filling_ = false;
            if (position || start_.from != starting_point::kind::latest) return;
            return fetch(now, session, false);
        }
        await_past(from_position_);
        if (filled_) (void)fetch_over(now, session, *filled_);
        return;
    }
    if (position) {
        if (*position <= *largest) fetch(now, session, position->group < largest->group);
    } else if (start_.from == starting_point::kind::latest) {
        // The current group from its start: FETCH up to the largest object, SUBSCRIBE behind it.
        fetch(now, session, false);
    }
}

/// What a fill asks for: the current group, or all from where the last session ended.
moqt::message_params track_receiver::past(bool from_position) const {
    moqt::message_params inside;
    inside.subscription_filter = {moqt::filter_type::relative_start, {1, 0}};
    if (from_position)
        inside.subscription_filter = {moqt::filter_type::absolute_start,
                                      {order_.position()->group, 0}};
    inside.group_order = moqt::group_order::ascending;
    return inside;
}

void track_receiver::await_past(bool from_position) {
    fetching_ = true;
    guard_->begin_fetch();
    from_position_ = from_position;
    order_.set_fetching(true);
    order_.begin_at({largest_.group, 0});
}

void track_receiver::fetch(instant now, moqt::session& session, bool from_position) {
    const auto position = order_.position();
    if (session.rules().fill) {
        const auto inside = past(from_position && position);
        auto params = run_->params();
        params.fill = moqt::fill_parameters{inside};
        const auto asked = session.update(now, id_, params);
        if (!asked) return;
        fetch_id_ = *asked;
        filling_ = true;
        return await_past(from_position);
    }
    const auto asked = from_position && position
                           ? session.joining_fetch(now, moqt::msg::fetch_type::absolute_joining,
                                                   id_, position->group, run_->params())
                           : session.joining_fetch(now, moqt::msg::fetch_type::relative_joining,
                                                   id_, 0, run_->params());
    if (!asked) return;
    fetch_id_ = *asked;
    await_past(from_position);
}

track_receiver::progress track_receiver::fetch_over(instant now, moqt::session& session,
                                                    bool complete) {
    fetching_ = filling_ = false;
    order_.set_fetching(false);
    if (complete) {
        order_.complete_before(largest_.group);
    } else if (from_position_ && !done_) {
        fetch(now, session, false); // so much is not there any more: the current group at least
        if (fetching_) return progress::taken;
    }
    return done_ ? finish() : progress::taken;
}

track_receiver::progress track_receiver::finish() {
    subscribed_ = false;
    drain_ = true;
    return *done_ == moqt::publish_done_code::track_ended ||
                   *done_ == moqt::publish_done_code::subscription_ended
               ? progress::ended
               : progress::cut_off;
}

} // namespace moqrtc::reference
