// What JavaScript asks of a session: requests, answers, objects.
#include "web_session.hpp"

#include <moqrtc/loc/header.hpp>

#include <algorithm>

namespace moqrtc::web {

namespace {

template <class T>
void set(std::optional<T>& to, double from) {
    if (from >= 0) to = static_cast<T>(integer(from));
}

/// Properties of an object in the session's draft, in ascending order of their types.
result<slice> object_properties(web_session& s, const object_record& of) {
    loc::header media;
    set(media.timestamp, of.timestamp);
    set(media.timescale, of.timescale);
    if (of.audio_level >= 0) media.level = loc::audio_level::of(integer(of.audio_level));
    media.video_config = view(of.video_config);
    media.audio_config = view(of.audio_config);
    std::size_t room = 0;
    media.for_each([&](std::uint64_t, std::uint64_t, bytes data) { room += 32 + data.size(); });
    if (room == 0) return slice{};
    auto out = buffer::allocate(s.pool, room);
    if (!out.valid()) return fail(errc::out_of_memory, "properties");
    moqt::key_value_writer pairs{s.self.rules(), out.room()};
    media.for_each([&](std::uint64_t type, std::uint64_t number, bytes data) {
        pairs.put({type, number, data});
    });
    const auto size = pairs.size();
    if (!size) return std::unexpected(size.error());
    out.commit(*size);
    return out.freeze();
}

} // namespace

moqt::track_namespace namespace_of(bytes fields) {
    moqt::track_namespace out;
    while (fields.size() >= 2) {
        const auto size =
            std::min<std::size_t>(static_cast<std::size_t>(load_be<2>(fields)), fields.size() - 2);
        out.append(fields.subspan(2, size));
        fields = fields.subspan(2 + size);
    }
    return out;
}

moqt::message_params params_of(const web_session& s, const params_record* from) {
    moqt::message_params out;
    if (from == nullptr) return out;
    if (from->filter >= 0)
        out.subscription_filter = {
            .type = static_cast<moqt::filter_type>(integer(from->filter)),
            .start = {integer(from->start_group), integer(from->start_object)},
            .end_group = integer(from->end_group)};
    set(out.subscriber_priority, from->priority);
    if (from->order >= 0) out.group_order = static_cast<moqt::group_order>(integer(from->order));
    if (from->forward >= 0) out.forward = from->forward != 0;
    set(out.new_group_request, from->new_group);
    if (s.self.rules().joining_by_forward) // the drafts that have RENDEZVOUS_TIMEOUT
        set(out.rendezvous_timeout, from->rendezvous_timeout);
    set(out.object_delivery_timeout, from->delivery_timeout);
    if (from->largest_group >= 0)
        out.largest_object = {integer(from->largest_group), integer(from->largest_object)};
    return out;
}

bytes properties_of(web_session& s, const params_record* from) {
    if (from == nullptr || from->dynamic_groups < 0 || !s.self.rules().track_properties) return {};
    moqt::key_value_writer pairs{s.self.rules(), s.track_properties};
    pairs.put(moqt::property::dynamic_groups, integer(from->dynamic_groups));
    const auto size = pairs.size();
    return size ? bytes{s.track_properties}.first(*size) : bytes{};
}

MOQRTC_WEB_EXPORT(subscribe)
double subscribe(web_session* s, double now, const std::byte* space, std::uint32_t space_size,
                 const std::byte* name, std::uint32_t name_size, const params_record* params) {
    return number_of(s->self.subscribe(
        at(now),
        {namespace_of(view(space, space_size)), std::string{as_text(view(name, name_size))}},
        params_of(*s, params)));
}

MOQRTC_WEB_EXPORT(publish)
double publish(web_session* s, double now, const std::byte* space, std::uint32_t space_size,
               const std::byte* name, std::uint32_t name_size, double alias,
               const params_record* params) {
    return number_of(s->self.publish(
        at(now),
        {namespace_of(view(space, space_size)), std::string{as_text(view(name, name_size))}},
        integer(alias), params_of(*s, params), properties_of(*s, params)));
}

/// `end_object` is one more than the last wanted object, 0 for the whole group.
MOQRTC_WEB_EXPORT(fetch)
double fetch(web_session* s, double now, const std::byte* space, std::uint32_t space_size,
             const std::byte* name, std::uint32_t name_size, double start_group,
             double start_object, double end_group, double end_object,
             const params_record* params) {
    return number_of(s->self.fetch(
        at(now),
        {namespace_of(view(space, space_size)), std::string{as_text(view(name, name_size))}},
        {integer(start_group), integer(start_object)}, {integer(end_group), integer(end_object)},
        params_of(*s, params)));
}

/// A relative joining FETCH: `back` groups before the one that `subscription` begins in.
MOQRTC_WEB_EXPORT(joining_fetch)
double joining_fetch(web_session* s, double now, double subscription, double back,
                     const params_record* params) {
    return number_of(s->self.joining_fetch(at(now), moqt::msg::fetch_type::relative_joining,
                                           integer(subscription), integer(back),
                                           params_of(*s, params)));
}

MOQRTC_WEB_EXPORT(publish_namespace)
double publish_namespace(web_session* s, double now, const std::byte* space, std::uint32_t size) {
    return number_of(s->self.publish_namespace(at(now), namespace_of(view(space, size))));
}

MOQRTC_WEB_EXPORT(subscribe_namespace)
double subscribe_namespace(web_session* s, double now, const std::byte* prefix,
                           std::uint32_t size) {
    return number_of(s->self.subscribe_namespace(at(now), namespace_of(view(prefix, size))));
}

MOQRTC_WEB_EXPORT(update)
double update(web_session* s, double now, double id, const params_record* params) {
    return number_of(s->self.update(at(now), integer(id), params_of(*s, params)));
}

/// REQUEST_UPDATE with a token, which renews what the request and the session stand on.
MOQRTC_WEB_EXPORT(renew)
double renew(web_session* s, double now, double id, const std::byte* token, std::uint32_t size) {
    const moqt::authorization_token one{.value = view(token, size)};
    moqt::message_params params;
    params.authorization_tokens = moqt::token_list{std::span{&one, 1}};
    return number_of(s->self.update(at(now), integer(id), params));
}

MOQRTC_WEB_EXPORT(cancel) double cancel(web_session* s, double now, double id) {
    return number_of(s->self.cancel(at(now), integer(id)));
}

// Answers ----------------------------------------------------------------------------------------

MOQRTC_WEB_EXPORT(accept_subscribe)
double accept_subscribe(web_session* s, double now, double id, double alias,
                        const params_record* params) {
    return number_of(s->self.accept_subscribe(at(now), integer(id), integer(alias),
                                              params_of(*s, params), properties_of(*s, params)));
}

MOQRTC_WEB_EXPORT(accept_publish)
double accept_publish(web_session* s, double now, double id, const params_record* params) {
    return number_of(s->self.accept_publish(at(now), integer(id), params_of(*s, params)));
}

MOQRTC_WEB_EXPORT(accept_fetch)
double accept_fetch(web_session* s, double now, double id, double end_group, double end_object,
                    std::uint32_t end_of_track) {
    return number_of(s->self.accept_fetch(
        at(now), integer(id), {integer(end_group), integer(end_object)}, end_of_track != 0));
}

MOQRTC_WEB_EXPORT(accept)
double accept(web_session* s, double now, double id, const params_record* params) {
    return number_of(s->self.accept(at(now), integer(id), params_of(*s, params)));
}

/// `code` is a `request_error_code`; a negative `retry_after` (milliseconds) asks not to try again.
MOQRTC_WEB_EXPORT(reject)
double reject(web_session* s, double now, double id, std::uint32_t code, const std::byte* reason,
              std::uint32_t size, double retry_after) {
    std::optional<duration> retry;
    if (retry_after >= 0) retry = milliseconds(static_cast<std::int64_t>(retry_after));
    return number_of(s->self.reject(at(now), integer(id),
                                    static_cast<moqt::request_error_code>(code),
                                    as_text(view(reason, size)), retry));
}

MOQRTC_WEB_EXPORT(accept_update) double accept_update(web_session* s, double now, double id) {
    return number_of(s->self.accept_update(at(now), integer(id)));
}

MOQRTC_WEB_EXPORT(announce_namespace)
double announce_namespace(web_session* s, double now, double id, const std::byte* suffix,
                          std::uint32_t size) {
    return number_of(
        s->self.announce_namespace(at(now), integer(id), namespace_of(view(suffix, size))));
}

MOQRTC_WEB_EXPORT(publish_done)
double publish_done(web_session* s, double now, double id, std::uint32_t code,
                    const std::byte* reason, std::uint32_t size) {
    return number_of(s->self.publish_done(at(now), integer(id),
                                          static_cast<moqt::publish_done_code>(code),
                                          as_text(view(reason, size))));
}

// Objects ----------------------------------------------------------------------------------------

MOQRTC_WEB_EXPORT(open_subgroup)
double open_subgroup(web_session* s, double now, double id, double group, double subgroup,
                     double priority, std::uint32_t has_properties, std::uint32_t first_object) {
    moqt::subgroup_start start{.group = integer(group),
                               .subgroup = integer(subgroup),
                               .has_properties = has_properties != 0,
                               .end_of_group = true,
                               .first_object = first_object != 0};
    if (priority >= 0) start.publisher_priority = static_cast<moqt::priority>(integer(priority));
    return number_of(s->self.open_subgroup(at(now), integer(id), start));
}

MOQRTC_WEB_EXPORT(write_object)
double write_object(web_session* s, double now, const object_record* of) {
    const auto properties = object_properties(*s, *of);
    if (!properties) return failed(properties.error());
    const auto payload = slice::copy(s->pool, view(of->payload));
    if (payload.empty() && of->payload.size != 0) return failed({errc::out_of_memory, 0, "pool"});
    return number_of(s->self.write_object(at(now), integer(of->stream), integer(of->object),
                                          *properties, payload,
                                          static_cast<moqt::object_status>(integer(of->status))));
}

MOQRTC_WEB_EXPORT(open_fetch_stream)
double open_fetch_stream(web_session* s, double now, double id) {
    return number_of(s->self.open_fetch_stream(at(now), integer(id)));
}

MOQRTC_WEB_EXPORT(write_fetch_object)
double write_fetch_object(web_session* s, double now, const object_record* of) {
    const auto properties = object_properties(*s, *of);
    if (!properties) return failed(properties.error());
    moqt::object item;
    item.location = {integer(of->group), integer(of->object)};
    item.subgroup_id = integer(of->subgroup);
    item.publisher_priority = static_cast<moqt::priority>(integer(of->priority));
    item.properties = *properties;
    item.payload = slice::copy(s->pool, view(of->payload));
    return number_of(s->self.write_fetch_object(at(now), integer(of->stream), item));
}

MOQRTC_WEB_EXPORT(finish_stream) double finish_stream(web_session* s, double now, double stream) {
    return number_of(s->self.finish_stream(at(now), integer(stream)));
}

/// `code` is a `reset_code`.
MOQRTC_WEB_EXPORT(reset_stream)
double reset_stream(web_session* s, double now, double stream, std::uint32_t code) {
    return number_of(
        s->self.reset_stream(at(now), integer(stream), static_cast<moqt::reset_code>(code)));
}

} // namespace moqrtc::web
