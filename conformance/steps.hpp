#pragma once

#include "stage.hpp"

#include <moqrtc/moqt/data/object.hpp>
#include <moqrtc/moqt/data/subgroup.hpp>

#include <optional>

/// What rows are made of. Steps throw `inconclusive` when the peer leaves them no way on.
namespace moqrtc::conformance {

/// Opens a connection and waits until it carries us; SETUP is the row's affair.
[[nodiscard]] task<side*> connects(stage& s, conditions wanted = {});
/// Opens a connection and exchanges SETUP with `options`, or with the usual ones.
[[nodiscard]] task<side*> meets(stage& s, const moqt::setup_options* options = nullptr,
                                conditions wanted = {});
/// Has the peer answer a harmless request: whatever comes afterwards is about what we do then.
[[nodiscard]] task<side*> answers(stage& s, side* at);
/// Both.
[[nodiscard]] task<side*> ready(stage& s, const moqt::setup_options* options = nullptr);
/// Whether the peer answers a harmless request; false also when the session ends instead.
[[nodiscard]] task<bool> is_alive(stage& s, side* at);

/// Which codes a close may have.
struct codes {
    moqt::close_code first = moqt::close_code::protocol_violation;
    std::optional<moqt::close_code> second{};
    bool any = false; ///< the draft names none: every one that is an error
    codes() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): a code is a set of one
    codes(moqt::close_code one) : first{one} {}
    codes(moqt::close_code one, moqt::close_code other) : first{one}, second{other} {}
    [[nodiscard]] static codes any_error() {
        codes out;
        out.any = true;
        return out;
    }
};
/// After the offence: passes when the peer closes the session with one of the codes, fails when it
/// closes with another or goes on answering.
[[nodiscard]] task<verdict> closes(stage& s, side* at, codes with = {});
/// The same for a rule that a peer should keep: it may also go on.
[[nodiscard]] task<verdict> should_close(stage& s, side* at, codes with = {});
/// The session has ended: what that says where `with` is wanted.
[[nodiscard]] verdict judge_ending(const side& at, codes with);
/// A code by its name in the draft, or by its number.
[[nodiscard]] std::string name_of_close(const side& at, std::uint64_t code);
/// What had to come does not: fails with `what` when the peer goes on answering nevertheless.
[[nodiscard]] task<verdict> alive_without(stage& s, side* at, const char* what);
/// After something harmless: passes when the peer goes on answering.
[[nodiscard]] task<verdict> goes_on(stage& s, side* at);

/// Waits for the answer to a request; null when the session ends or nothing comes.
[[nodiscard]] task<const inbound*> answer_to(stage& s, side* at, request r);
/// The same, but the answer must be the yes; `inconclusive` otherwise.
[[nodiscard]] task<const inbound*> granted(stage& s, side* at, request r, const char* what);
/// Passes when the request is refused with the code, and the session goes on.
[[nodiscard]] task<verdict> rejects(stage& s, side* at, request r,
                                    std::optional<moqt::request_error_code> with);
[[nodiscard]] bool is_error(const side& at, const inbound& m);
/// The draft's number in a REQUEST_ERROR.
[[nodiscard]] std::optional<std::uint64_t> error_number(const side& at, const inbound& m);
/// The first message of the peer that fits; null after the usual patience.
template <class M, class Fits>
[[nodiscard]] task<const inbound*> comes(stage& s, side* at, Fits fits) {
    const inbound* found = nullptr;
    co_await s.until([&] {
        found = at->find_if<M>(fits);
        return found != nullptr || at->closed;
    });
    co_return found;
}

/// What a `feed` asks for.
struct feed_options {
    moqt::message_params asked{};    ///< in our SUBSCRIBE
    moqt::message_params told{};     ///< in our SUBSCRIBE_OK
    octets properties{};             ///< of the track, in the draft's encoding
    bool answered = true;            ///< our publisher says SUBSCRIBE_OK
    bool by_publish = false;         ///< the publisher offers the track by PUBLISH first
    std::string_view name = "track"; ///< of the track
    conditions publisher{};          ///< of our connections
    conditions subscriber{};
};
/// A track that goes through the peer: we publish it, and subscribe to it where the peer is a
/// relay. A subscriber is given what it asks for first.
struct feed {
    side* p = nullptr;           ///< our publishing end
    side* s = nullptr;           ///< our subscribing end; null where the peer is the subscriber
    request asked{};             ///< our SUBSCRIBE
    moqt::track_alias heard = 0; ///< alias in the peer's SUBSCRIBE_OK
    moqt::stream_id stream = 0;  ///< of the peer's SUBSCRIBE, or of our PUBLISH
    moqt::request_id id = 0;     ///< of the same
    moqt::track_alias alias = 7; ///< that we gave
    moqt::full_track_name track{};
    moqt::message_params got{}; ///< nothing borrowed in it: numbers of the peer's SUBSCRIBE
};
[[nodiscard]] task<feed> feeds(stage& s, const feed_options& options);
/// Announces the stage's namespace on a new connection of ours.
[[nodiscard]] task<side*> publishes(stage& s, conditions wanted = {});

/// Bytes of a subgroup stream: header, and objects as they are appended.
class subgroup_bytes {
public:
    subgroup_bytes(const moqt::wire_rules& rules, moqt::track_alias alias, std::uint64_t group,
                   std::uint64_t subgroup = 0, bool properties = false,
                   std::optional<moqt::priority> priority = moqt::priority{128},
                   bool end_of_group = false);
    /// An object behind the last one; `skip` IDs are left out.
    subgroup_bytes& object(std::string_view payload, std::uint64_t skip = 0, bytes properties = {});
    subgroup_bytes& status(std::uint64_t number, std::uint64_t skip = 0, bytes properties = {});
    [[nodiscard]] octets take() { return bytes_.take(); }
    [[nodiscard]] raw& by_hand() noexcept { return bytes_; }

private:
    raw bytes_;
    bool properties_;
};
/// A whole subgroup stream with objects 0, 1, ...
void send_group(side& at, moqt::track_alias alias, std::uint64_t group, unsigned objects,
                bool fin = true);
/// Properties of one pair.
[[nodiscard]] octets property_of(const moqt::wire_rules& rules, std::uint64_t type,
                                 std::uint64_t number);
[[nodiscard]] octets property_of(const moqt::wire_rules& rules, std::uint64_t type, bytes data);
/// Waits until objects of the feed's track are here; false when they do not come.
[[nodiscard]] task<bool> arrives(stage& s, const feed* of, std::size_t objects);
/// The stream of the first object, when so many have come.
[[nodiscard]] task<moqt::stream_id> stream_of(stage& s, const feed* of, std::size_t objects);
/// After an object that makes the track malformed: passes when the peer ends the subscription on
/// both sides, fails when the track goes on.
[[nodiscard]] task<verdict> ends_track(stage& s, const feed* of);

} // namespace moqrtc::conformance
