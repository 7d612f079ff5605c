#include "admission_ledger.hpp"

#include <algorithm>
#include <cstring>

namespace moqrtc::reference {
namespace {

/// So many at once after a pause, as a multiple of the rate.
constexpr std::uint64_t burst = 10;

bool pass(shared_rate& of, instant now, std::uint64_t rate) noexcept {
    return of.pass(now, rate, rate * burst);
}

} // namespace

std::string_view to_string(server_limit which) noexcept {
    switch (which) {
    case server_limit::sessions:
        return "too many sessions";
    case server_limit::sessions_per_address:
        return "too many sessions of the address";
    case server_limit::address_session_rate:
        return "too many new sessions of the address";
    case server_limit::account_session_rate:
        return "too many new sessions of the account";
    case server_limit::publishers:
        return "too many publishers";
    case server_limit::subscribers:
        return "too many subscribers";
    case server_limit::subscribers_per_room:
        return "too many subscribers of the namespace";
    case server_limit::streams:
        return "too many streams";
    case server_limit::account_publishers:
        return "too many publishers of the account";
    case server_limit::account_subscribers:
        return "too many subscribers of the account";
    case server_limit::account_bitrate:
        return "the account's bitrate is used up";
    case server_limit::address_request_rate:
        return "too many requests of the address";
    case server_limit::account_request_rate:
        return "too many requests of the account";
    case server_limit::unauthorized:
        return "too many connections without a credential";
    case server_limit::unauthorized_time:
        return "no credential in time";
    }
    return "over a limit";
}

std::string address_of_party(const socket_address& from) {
    if (from.family() == AF_INET6 && !from.is_v4_mapped())
        return {reinterpret_cast<const char*>(&from.v6().sin6_addr), 8};
    if (from.family() == AF_INET6)
        return {reinterpret_cast<const char*>(&from.v6().sin6_addr) + 12, 4};
    return {reinterpret_cast<const char*>(&from.v4().sin_addr), 4};
}

void admission_ledger::session_pass::release() {
    if (address_ != nullptr) of_->leave(*address_);
    address_.reset();
}

/// A party by its name; those that nobody holds and that have used up nothing are forgotten when
/// there are twice as many as the last time.
admission_ledger::party_ptr admission_ledger::find(parties& in, std::string name, instant now,
                                                   std::size_t& sweep_at) {
    if (in.size() >= sweep_at) {
        std::erase_if(in, [&](const auto& one) {
            return one.second.use_count() == 1 && one.second->new_sessions.is_idle(now) &&
                   one.second->requests.is_idle(now);
        });
        sweep_at = std::max<std::size_t>(1024, in.size() * 2);
    }
    auto& found = in[name];
    if (found == nullptr) {
        found = std::make_shared<party>();
        found->name = std::move(name);
    }
    return found;
}

std::expected<admission_ledger::session_pass, server_limit>
admission_ledger::enter(const socket_address& from, instant now) {
    const auto refuse = [&](server_limit which) {
        hit(which);
        return std::unexpected(which);
    };
    const std::lock_guard lock{guard_};
    auto address = find(addresses_, address_of_party(from), now, sweep_addresses_at_);
    if (!pass(address->new_sessions, now, limits_.address_session_rate))
        return refuse(server_limit::address_session_rate);
    if (address->sessions >= limits_.sessions_per_address)
        return refuse(server_limit::sessions_per_address);
    if (sessions_ >= limits_.sessions) return refuse(server_limit::sessions);
    ++sessions_;
    ++address->sessions;
    return session_pass{*this, std::move(address)};
}

void admission_ledger::leave(party& address) {
    const std::lock_guard lock{guard_};
    --sessions_;
    --address.sessions;
}

admission_ledger::party_ptr admission_ledger::account(std::string_view name, instant now) {
    const std::lock_guard lock{guard_};
    return find(accounts_, std::string{name}, now, sweep_accounts_at_);
}

bool admission_ledger::may_enter(party& account, instant now) {
    if (pass(account.new_sessions, now, limits_.account_session_rate)) return true;
    hit(server_limit::account_session_rate);
    return false;
}

std::expected<void, server_limit> admission_ledger::may_ask(party* address, party* account,
                                                            instant now) {
    const auto over = [&](party* who, std::uint64_t rate, server_limit which) {
        if (who == nullptr || pass(who->requests, now, rate)) return false;
        hit(which);
        return true;
    };
    if (over(address, limits_.address_request_rate, server_limit::address_request_rate))
        return std::unexpected(server_limit::address_request_rate);
    if (over(account, limits_.account_request_rate, server_limit::account_request_rate))
        return std::unexpected(server_limit::account_request_rate);
    return {};
}

std::expected<admission_ledger::seat, server_limit>
admission_ledger::sit(moqt::seat_kind kind, std::string_view space, const party_ptr& account,
                      const bounds& most, instant now) {
    const auto refuse = [&](server_limit which) {
        hit(which);
        return std::unexpected(which);
    };
    const bool publishes = kind == moqt::seat_kind::publisher;
    seat out{kind, std::string{space}, account};
    const std::lock_guard lock{guard_};
    if (publishes && publishers_ >= limits_.publishers) return refuse(server_limit::publishers);
    if (!publishes && subscribers_ >= limits_.subscribers) return refuse(server_limit::subscribers);
    if (account != nullptr) {
        if (publishes && account->publishers >= most.publishers)
            return refuse(server_limit::account_publishers);
        if (!publishes && account->subscribers >= most.subscribers)
            return refuse(server_limit::account_subscribers);
        // Nobody measures an account of which nobody is there.
        if (account->bitrate >= most.bitrate && now - account->metered < seconds(3))
            return refuse(server_limit::account_bitrate);
    }
    const auto known = rooms_.find(out.room);
    const bool fresh = known == rooms_.end();
    if (publishes && (fresh || known->second.publishers == 0) && streams_ >= limits_.streams)
        return refuse(server_limit::streams);
    if (!publishes && !fresh && known->second.subscribers >= most.subscribers_per_room)
        return refuse(server_limit::subscribers_per_room);
    if (!publishes && fresh && most.subscribers_per_room == 0)
        return refuse(server_limit::subscribers_per_room);
    auto& where = fresh ? rooms_[out.room] : known->second;
    if (publishes && where.publishers++ == 0) ++streams_;
    if (!publishes) ++where.subscribers;
    ++(publishes ? publishers_ : subscribers_);
    if (account != nullptr) ++(publishes ? account->publishers : account->subscribers);
    return out;
}

void admission_ledger::rise(const seat& what) {
    const bool publishes = what.kind == moqt::seat_kind::publisher;
    const std::lock_guard lock{guard_};
    --(publishes ? publishers_ : subscribers_);
    if (what.account != nullptr)
        --(publishes ? what.account->publishers : what.account->subscribers);
    const auto at = rooms_.find(what.room);
    if (at == rooms_.end()) return;
    auto& where = at->second;
    if (publishes && --where.publishers == 0) --streams_;
    if (!publishes) --where.subscribers;
    if (where.publishers == 0 && where.subscribers == 0) rooms_.erase(at);
}

void admission_ledger::meter(party& account, std::uint64_t bytes, instant now) {
    const std::lock_guard lock{guard_};
    account.bits += bytes * 8;
    const auto span = (now - account.metered).us;
    if (span < 1'000'000) return;
    // After a silence it starts anew: an average over it would say nothing about now.
    account.bitrate =
        span > 10'000'000 ? 0 : account.bits * 1'000'000 / static_cast<std::uint64_t>(span);
    account.bits = 0;
    account.metered = now;
}

admission_ledger::figures admission_ledger::count() const {
    figures out;
    for (std::size_t i = 0; i < server_limits; ++i)
        out.hits[i] = hits_[i].load(std::memory_order_relaxed);
    out.unauthorized = unauthorized.load(std::memory_order_relaxed);
    const std::lock_guard lock{guard_};
    out.sessions = sessions_;
    out.publishers = publishers_;
    out.subscribers = subscribers_;
    out.streams = streams_;
    out.addresses = addresses_.size();
    out.accounts = accounts_.size();
    for (const auto& [name, one] : rooms_)
        out.largest_room = std::max(out.largest_room, one.subscribers);
    for (const auto& [name, one] : addresses_)
        out.largest_address = std::max(out.largest_address, one->sessions);
    for (const auto& [name, one] : accounts_) {
        out.largest_account_publishers = std::max(out.largest_account_publishers, one->publishers);
        out.largest_account_subscribers =
            std::max(out.largest_account_subscribers, one->subscribers);
        out.largest_account_bitrate = std::max(out.largest_account_bitrate, one->bitrate);
    }
    return out;
}

} // namespace moqrtc::reference
