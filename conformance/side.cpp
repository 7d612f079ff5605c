#include "side.hpp"
#include "stage.hpp"

#include <moqrtc/moqt/data/stream_type.hpp>

namespace moqrtc::conformance {

std::string describe_message(const moqt::wire_rules& rules, std::uint64_t type, bytes body) {
    std::string out;
    const bool known = moqt::msg::all::dispatch(rules, type, [&]<class M> {
        const auto parsed = moqt::parse<M>(rules, body);
        out = parsed ? moqt::to_text(rules, *parsed)
                     : std::string{M::name} +
                           " that does not parse: " + std::string{to_string(parsed.error().code)} +
                           " in " + parsed.error().field;
    });
    if (!known) out = "message of type " + std::to_string(type);
    return out;
}

namespace {

std::string stream_name(moqt::stream_id id) {
    return " on stream " + std::to_string(id);
}

std::string describe_start(const moqt::wire_rules& rules, bytes data) {
    const auto type = decode_varint(rules.varint, data.data(), data.size());
    if (type.size == 0) return "data";
    switch (moqt::classify_stream(rules, type.value)) {
    case moqt::stream_kind::subgroup: {
        if (const auto all = read_subgroup(rules, 0, data))
            return "SUBGROUP alias=" + std::to_string(all->alias) +
                   " group=" + std::to_string(all->group) + ", " +
                   std::to_string(all->objects.size()) + " objects";
        return "SUBGROUP";
    }
    case moqt::stream_kind::fetch:
        return "FETCH stream";
    case moqt::stream_kind::control:
        return "control stream";
    case moqt::stream_kind::padding:
        return "padding";
    case moqt::stream_kind::invalid:
        break;
    }
    return "stream of type " + std::to_string(type.value);
}

} // namespace

side::side(stage& owner, unsigned number, bool client)
    : stage_{&owner}, rules_{&owner.rules()}, number_{number}, client_{client} {
    const auto opener = client ? 0u : 1u;
    next_[0] = opener;
    next_[1] = opener | 2;
    their_control = rules_->control_pair ? (client ? 3 : 2) : 0;
    if (const auto& good = owner.target().tokens.good; !good.empty()) show(good);
}

void side::show(bytes value) {
    tokens_ = {{moqt::alias_type::use_value, 0, stage_->target().tokens.type, value}};
}

void side::log(trace_entry::kind what, std::string text, bytes data) {
    stage_->log(what, number_, std::move(text), data);
}

void side::on_open(bool over_webtransport) {
    open = true;
    webtransport = over_webtransport;
    log(trace_entry::kind::note,
        over_webtransport ? "WebTransport session opened" : "QUIC connection opened");
}

void side::on_stream(moqt::stream_id id, bytes data, bool fin) {
    if (!stage_->takes(data.size())) return;
    auto& to = streams[id];
    to.data.insert(to.data.end(), data.begin(), data.end());
    to.fin = to.fin || fin;
    // Which one it is only its first bytes say: WebTransport gives streams any numbers.
    const bool theirs = moqt::opened_by_server(id) == client_;
    if (!control_known_ && theirs && (rules().control_pair || !client_) &&
        moqt::is_unidirectional(id) == rules().control_pair) {
        const auto type = decode_varint(rules().varint, to.data.data(), to.data.size());
        if (!rules().control_pair || type.value == moqt::stream_type::control) {
            control_known_ = type.size != 0;
            their_control = id;
            if (!rules().control_pair) control = id;
        }
    }
    const bool control_like = !moqt::is_unidirectional(id) || id == their_control;
    if (control_like)
        take_messages(id, to);
    else
        log(trace_entry::kind::received,
            describe_start(rules(), to.data) + stream_name(id) + (fin ? ", FIN" : ""), data);
    if (fin && control_like) log(trace_entry::kind::received, "FIN" + stream_name(id));
}

void side::take_messages(moqt::stream_id id, received_stream& from) {
    for (;;) {
        const auto left = bytes{from.data}.subspan(from.parsed);
        const auto type = decode_varint(rules().varint, left.data(), left.size());
        if (type.size == 0 || left.size() < type.size + 2) return;
        const auto size = static_cast<std::size_t>(load_be<2>(left.subspan(type.size)));
        if (left.size() < type.size + 2 + size) return;
        const auto body = left.subspan(type.size + 2, size);
        from.parsed += type.size + 2 + size;
        log(trace_entry::kind::received,
            describe_message(rules(), type.value, body) + stream_name(id),
            left.first(type.size + 2 + size));
        inbox.push_back({id, type.value, {body.begin(), body.end()}});
        if (type.value == moqt::msg::setup::code(rules()) ||
            type.value == moqt::msg::client_setup::code(rules()) ||
            type.value == moqt::msg::server_setup::code(rules()))
            met = true;
    }
}

void side::on_reset(moqt::stream_id id, std::uint64_t code) {
    if (!stage_->takes(1)) return;
    streams[id].reset = code;
    log(trace_entry::kind::received,
        "RESET_STREAM " + std::string{to_string(moqt::from_wire<moqt::reset_code>(rules(), code))} +
            " (" + std::to_string(code) + ")" + stream_name(id));
}

void side::on_stop(moqt::stream_id id, std::uint64_t code) {
    if (!stage_->takes(1)) return;
    streams[id].stopped = code;
    log(trace_entry::kind::received,
        "STOP_SENDING " + std::string{to_string(moqt::from_wire<moqt::reset_code>(rules(), code))} +
            " (" + std::to_string(code) + ")" + stream_name(id));
}

void side::on_datagram(bytes data) {
    if (!stage_->takes(data.size())) return;
    datagrams.emplace_back(data.begin(), data.end());
    log(trace_entry::kind::received, "DATAGRAM", data);
}

void side::on_closed(ending how) {
    if (closed) return;
    std::string text =
        how.what == ending::how::application
            ? "session closed with " +
                  std::string{to_string(moqt::from_wire<moqt::close_code>(rules(), how.code))} +
                  " (" + std::to_string(how.code) + ")"
            : "connection over";
    if (!how.reason.empty()) text += ": " + how.reason;
    log(how.by_peer ? trace_entry::kind::received : trace_entry::kind::note, std::move(text));
    closed = std::move(how);
}

void side::send(moqt::stream_id id, bytes data, std::string note, bool fin) {
    log(trace_entry::kind::sent, std::move(note) + stream_name(id) + (fin ? ", FIN" : ""), data);
    outbox.push_back({output::kind::data, id, {data.begin(), data.end()}, fin, 0});
}
void side::reset(moqt::stream_id id, std::uint64_t code) {
    log(trace_entry::kind::sent, "RESET_STREAM " + std::to_string(code) + stream_name(id));
    outbox.push_back({output::kind::reset, id, {}, false, code});
}
void side::stop(moqt::stream_id id, std::uint64_t code) {
    abandoned.insert(id);
    log(trace_entry::kind::sent, "STOP_SENDING " + std::to_string(code) + stream_name(id));
    outbox.push_back({output::kind::stop, id, {}, false, code});
}
void side::datagram(bytes data, std::string note) {
    log(trace_entry::kind::sent, std::move(note) + " in a datagram", data);
    outbox.push_back({output::kind::datagram, 0, {data.begin(), data.end()}, false, 0});
}
void side::close(moqt::close_code code) {
    log(trace_entry::kind::sent, "close " + std::string{to_string(code)});
    outbox.push_back({output::kind::close, 0, {}, false, to_wire(rules(), code)});
}
void side::hold(std::size_t more) {
    note("the path loses what comes behind " + std::to_string(more) + " more bytes");
    outbox.push_back({output::kind::hold, 0, {}, false, more});
}
void side::release() {
    note("the path loses nothing any more");
    outbox.push_back({output::kind::release, 0, {}, false, 0});
}
void side::note(std::string text) {
    log(trace_entry::kind::note, std::move(text));
}

void side::send_body(moqt::stream_id id, std::uint64_t type, bytes body, std::string_view note,
                     bool fin) {
    if (type == moqt::msg::request_update::code(rules())) updated.push_back(id);
    const auto name = moqt::msg::name_of(rules(), type);
    if (name.ends_with("_OK") || name.ends_with("_ERROR"))
        answered.push_back({id, 0, inbox.size()});
    if (type == moqt::msg::goaway::code(rules()) && !sent_goaway) sent_goaway = inbox.size();
    auto text = describe_message(rules(), type, body);
    if (!note.empty()) text += " [" + std::string{note} + "]";
    send(id, framed(rules(), type, body), std::move(text), fin);
}

moqt::setup_options side::usual_options() const {
    moqt::setup_options out;
    if (rules().request_credit) out.max_request_id = 1000;
    out.max_auth_token_cache_size = 4096;
    if (wanted.updates != 0) out.max_request_updates = wanted.updates;
    if (client_ && !webtransport) {
        if (!stage_->target().path.empty()) out.path = as_bytes(stage_->target().path);
        out.authority = as_bytes(stage_->target().authority);
    }
    return out;
}

void side::grant(const inbound& to, moqt::request_id id) {
    using namespace moqt;
    const auto is = [&](std::uint64_t type) { return to.type == type; };
    const auto say = [&]<class M>(M m) {
        m.request_id = id;
        send_message(to.stream, m);
    };
    if (is(msg::publish::code(rules())) && !rules().publish_ok_is_request_ok)
        return say(msg::publish_ok{});
    if (rules().unified_errors) return say(msg::request_ok{});
    if (is(msg::publish_namespace::code(rules()))) return say(msg::publish_namespace_ok{});
    if (is(msg::subscribe_namespace::code(rules()))) return say(msg::subscribe_namespace_ok{});
    if (is(msg::track_status::code(rules()))) return say(msg::track_status_ok{});
}

void side::refuse(moqt::stream_id stream, std::uint64_t to, moqt::request_id id,
                  std::uint64_t code) {
    using namespace moqt;
    const auto is = [&](std::uint64_t type) { return to == type; };
    const auto say = [&]<class M>(M m) {
        m.request_id = id;
        m.error_code = code;
        send_message(stream, m);
    };
    if (rules().unified_errors) return say(msg::request_error{});
    if (is(msg::subscribe::code(rules()))) return say(msg::subscribe_error{});
    if (is(msg::publish::code(rules()))) return say(msg::publish_error{});
    if (is(msg::fetch::code(rules()))) return say(msg::fetch_error{});
    if (is(msg::track_status::code(rules()))) return say(msg::track_status_error{});
    if (is(msg::publish_namespace::code(rules()))) return say(msg::publish_namespace_error{});
    say(msg::subscribe_namespace_error{});
}

void side::set_up(const moqt::setup_options& options) {
    if (rules().setup == moqt::setup_form::symmetric)
        set_up_body(body_of(rules(), moqt::msg::setup{options}), {});
    else if (client_)
        set_up_body(body_of(rules(),
                            moqt::msg::client_setup{options, moqt::msg::version_list::of(rules())}),
                    {});
    else
        set_up_body(body_of(rules(), moqt::msg::server_setup{options, rules().version}), {});
}

void side::set_up_body(bytes body, std::string_view note) {
    if (rules().setup == moqt::setup_form::symmetric) {
        control = open_unidirectional();
        return send_body(control, moqt::msg::setup::code(rules()), body, note);
    }
    if (client_) control = open_bidirectional();
    send_body(control,
              client_ ? moqt::msg::client_setup::code(rules())
                      : moqt::msg::server_setup::code(rules()),
              body, note);
}

const inbound* side::answer(const request& to) const {
    for (auto i = to.since; i < inbox.size(); ++i) {
        const auto& m = inbox[i];
        if (m.stream != to.stream) continue;
        const auto name = moqt::msg::name_of(rules(), m.type);
        if (!name.ends_with("_OK") && !name.ends_with("_ERROR")) continue;
        if (!rules().request_streams) {
            const auto id = decode_varint(rules().varint, m.body.data(), m.body.size());
            if (id.size == 0 || id.value != to.id) continue;
        }
        return &m;
    }
    return nullptr;
}

const inbound* side::find(std::uint64_t type, std::size_t since) const {
    for (auto i = since; i < inbox.size(); ++i)
        if (inbox[i].type == type) return &inbox[i];
    return nullptr;
}

} // namespace moqrtc::conformance
