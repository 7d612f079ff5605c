#pragma once

#include <moqrtc/moqt/relay/relay.hpp>

/// Answers to FETCH.
///
/// Spec    moq-transport, anchor `fetch-handling`, in older drafts `message-fetch`.
namespace moqrtc::moqt {

/// What the cache knows of a range that is asked for: whether all, and then whether any object.
MOQRTC_INLINE relay::outlook relay::look_ahead(instant now, const served_fetch& f) {
    auto& cache = *tracks_[f.track].cache;
    auto found = outlook::nothing;
    for (auto at = f.at; at;) {
        const auto step = cache.step(now, f.walk, *at);
        if (step.what == cache_step::kind::unknown) return outlook::open;
        if (step.what == cache_step::kind::object &&
            step.entry->item.status == object_status::normal)
            found = outlook::something;
        at = f.walk.after(step.until);
    }
    return found;
}

/// The range stands. Where a stream cannot say of a range that nobody knows it, an error does, and
/// for a range without objects too in one draft: FETCH_OK then waits until all is known.
MOQRTC_INLINE void relay::answer_fetch(instant now, std::uint32_t index, location end,
                                       bool end_of_track) {
    auto& f = fetches_[index];
    f.end = end;
    f.end_of_track = end_of_track;
    f.ask_end = false;
    const auto& rules = f.to->session.rules();
    if (!is_range_end(rules, fetch_bits::end_of_unknown_range)) {
        const auto ahead = look_ahead(now, f);
        if (ahead == outlook::nothing && rules.no_objects)
            return refuse_fetch(now, index, request_error_code::no_objects, "no objects");
        f.owes = ahead == outlook::open;
    }
    f.answered = true;
    if (!f.owes) (void)accept_fetch(now, index);
}

/// Sends FETCH_OK; false when that ended the fetch.
MOQRTC_INLINE bool relay::accept_fetch(instant now, std::uint32_t index) {
    auto& f = fetches_[index];
    const auto refused = [&](request_error_code code, std::string_view why) {
        refuse_fetch(now, index, code, why);
        return false;
    };
    const auto properties = f.plain ? std::optional<slice>{slice{}}
                                    : properties_for(tracks_[f.track], f.to->session.rules());
    if (!properties)
        return refused(request_error_code::not_supported, "this draft cannot express the track");
    if (!f.to->session.accept_fetch(now, f.id, f.end, f.end_of_track, {}, *properties))
        return refused(request_error_code::internal_error, "could not be accepted");
    f.owes = false;
    touch(*f.to);
    return true;
}

/// Ends a fetch in the middle: its stream is reset, and it is refused if it has no answer yet.
MOQRTC_INLINE void relay::abandon_fetch(instant now, std::uint32_t index, reset_code code) {
    auto& f = fetches_[index];
    if (f.stream != no_stream)
        (void)f.to->session.reset_stream(now, f.stream, code_for(*f.to, code));
    touch(*f.to);
    if (f.owes)
        refuse(now, *f.to, f.id,
               code == reset_code::malformed_track ? request_error_code::malformed_track
                                                   : request_error_code::internal_error,
               "not to its end");
    drop_fetch(now, index);
}

MOQRTC_INLINE void relay::refuse_fetch(instant now, std::uint32_t index, request_error_code code,
                                       std::string_view reason) {
    auto& f = fetches_[index];
    if (f.stream != no_stream)
        (void)f.to->session.reset_stream(now, f.stream, reset_code::cancelled);
    refuse(now, *f.to, f.id, code, reason);
    drop_fetch(now, index);
}

} // namespace moqrtc::moqt
