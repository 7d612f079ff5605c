#include "admission_gate.hpp"

#include <utility>

namespace moqrtc::reference {

admission_gate::~admission_gate() {
    for (const auto& one : seats_)
        if (one.holders != 0) ledger_->rise(one.what);
}

/// Which account a session belongs to: that of the first credential that it has shown.
void admission_gate::know(guest& one, moqt::session_key key, instant now) {
    if (one.account != nullptr) return;
    if (const auto name = doors_->account_of(key); !name.empty())
        one.account = ledger_->account(name, now);
}

admission_ledger::party* admission_gate::account_of(moqt::session_key key) const {
    const auto at = sessions_.find(key);
    return at == sessions_.end() ? nullptr : at->second.account.get();
}

moqt::admission admission_gate::admit(const moqt::session_request& asked) {
    auto out = doors_->admit(asked);
    if (out.refused) return out;
    auto& one = sessions_[asked.session];
    know(one, asked.session, asked.now);
    if (one.account != nullptr && !ledger_->may_enter(*one.account, asked.now)) {
        out.refused = moqt::close_code::too_many_requests;
        out.reason = to_string(server_limit::account_session_rate);
    } else if (out.credential == moqt::no_credential && doors_->current().required) {
        out.probation = true;
        out.until = asked.now + ledger_->limits().unauthorized_time;
    }
    return out;
}

moqt::decision admission_gate::decide(const moqt::access_request& asked) {
    if (asked.info.upstream || asked.info.sibling) return doors_->decide(asked);
    auto& one = sessions_[asked.session];
    if (!asked.offered) {
        const auto may = ledger_->may_ask(one.address.get(), one.account.get(), asked.now);
        if (!may) {
            auto out = moqt::decision::refuse(moqt::request_error_code::excessive_load,
                                              std::string{to_string(may.error())});
            out.retry_after = seconds(1);
            return out;
        }
    }
    auto out = doors_->decide(asked);
    if (out.allowed && one.account == nullptr && out.credential != moqt::no_credential)
        know(one, asked.session, asked.now);
    return out;
}

admission_ledger::bounds admission_gate::bounds_of(const guest& one) const {
    auto out = ledger_->standard_bounds();
    const auto& now = doors_->current();
    if (one.account == nullptr || now.limits.empty()) return out;
    const auto take = [&](std::string_view name, auto& to) {
        if (const auto own = now.limit(one.account->name, {}, name)) to = *own;
    };
    take("publishers", out.publishers);
    take("subscribers", out.subscribers);
    take("subscribers_per_room", out.subscribers_per_room);
    take("bitrate", out.bitrate);
    return out;
}

moqt::seat_answer admission_gate::seat(const moqt::seat_request& asked) {
    auto& one = sessions_[asked.session];
    const bool publishes = asked.kind == moqt::seat_kind::publisher;
    auto& places = publishes ? one.publishes : one.watches;
    const auto& door = doors_->broadcast_of(asked.session);
    // Behind a door of one broadcast everything belongs to that.
    const std::string_view room = door.count() != 0 ? door.key() : asked.space.key();
    auto known = places.find(room);
    // What is published under a namespace that is published already is no other publisher.
    if (publishes && door.count() == 0) {
        std::size_t size = 0;
        for (auto fields = asked.space.view().fields(); known == places.end();) {
            const auto field = fields.next();
            if (!field) break;
            size += 2 + field->size(); // as keys have it
            known = places.find(room.substr(0, size));
        }
    }
    if (known != places.end()) {
        ++seats_[known->second].holders;
        return {.seat = known->second};
    }
    auto got = ledger_->sit(asked.kind, room, one.account, bounds_of(one), asked.now);
    if (!got) return {.allowed = false, .reason = to_string(got.error())};
    if (free_seats_.empty()) {
        free_seats_.push_back(static_cast<moqt::seat_id>(seats_.size()));
        seats_.emplace_back();
    }
    const auto id = free_seats_.back();
    free_seats_.pop_back();
    places.emplace(got->room, id);
    seats_[id] = {std::move(*got), asked.session, 1};
    return {.seat = id};
}

void admission_gate::leave(moqt::seat_id seat) {
    auto& one = seats_[seat];
    if (--one.holders != 0) return;
    ledger_->rise(one.what);
    if (const auto at = sessions_.find(one.session); at != sessions_.end())
        (one.what.kind == moqt::seat_kind::publisher ? at->second.publishes : at->second.watches)
            .erase(one.what.room);
    one = {};
    free_seats_.push_back(seat);
}

void admission_gate::forget(moqt::session_key session) {
    doors_->forget(session);
    sessions_.erase(session);
}

} // namespace moqrtc::reference
