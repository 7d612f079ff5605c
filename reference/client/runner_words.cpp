#include "runner.hpp"

#include <cstdio>

namespace moqrtc::reference {

void print_message(const moqt::event& e) {
    if (e.message.empty() || e.what == moqt::event::kind::closed) return;
    const auto show = [&]<class M>(const M*) {
        if (const auto m = e.as<M>())
            std::fprintf(stderr, "< %s\n", moqt::to_text(*e.rules, *m).c_str());
    };
    using kind = moqt::event::kind;
    using moqt::request_kind;
    switch (e.what) {
    case kind::requested:
        switch (e.request) {
        case request_kind::subscribe:
            return show(static_cast<moqt::msg::subscribe*>(nullptr));
        case request_kind::publish:
            return show(static_cast<moqt::msg::publish*>(nullptr));
        case request_kind::fetch:
            return show(static_cast<moqt::msg::fetch*>(nullptr));
        case request_kind::track_status:
            return show(static_cast<moqt::msg::track_status*>(nullptr));
        case request_kind::publish_namespace:
            return show(static_cast<moqt::msg::publish_namespace*>(nullptr));
        case request_kind::subscribe_namespace:
            return show(static_cast<moqt::msg::subscribe_namespace*>(nullptr));
        case request_kind::subscribe_tracks:
            return show(static_cast<moqt::msg::subscribe_tracks*>(nullptr));
        case request_kind::none:
            return;
        }
        return;
    case kind::accepted:
        if (e.request == request_kind::subscribe)
            return show(static_cast<moqt::msg::subscribe_ok*>(nullptr));
        if (e.request == request_kind::fetch)
            return show(static_cast<moqt::msg::fetch_ok*>(nullptr));
        if (e.request == request_kind::publish && !e.rules->publish_ok_is_request_ok)
            return show(static_cast<moqt::msg::publish_ok*>(nullptr));
        if (e.request == request_kind::track_status && !e.rules->unified_errors)
            return show(static_cast<moqt::msg::track_status_ok*>(nullptr));
        return show(static_cast<moqt::msg::request_ok*>(nullptr));
    case kind::update_accepted:
        return show(static_cast<moqt::msg::request_ok*>(nullptr));
    case kind::rejected:
    case kind::update_rejected:
        return show(static_cast<moqt::msg::request_error*>(nullptr));
    case kind::update_requested:
        return show(static_cast<moqt::msg::request_update*>(nullptr));
    case kind::publish_done:
        return show(static_cast<moqt::msg::publish_done*>(nullptr));
    case kind::namespace_added:
        return show(static_cast<moqt::msg::namespace_message*>(nullptr));
    case kind::namespace_removed:
        return show(static_cast<moqt::msg::namespace_done*>(nullptr));
    case kind::publish_blocked:
        return show(static_cast<moqt::msg::publish_blocked*>(nullptr));
    case kind::goaway:
    case kind::request_goaway:
        return show(static_cast<moqt::msg::goaway*>(nullptr));
    case kind::established:
        if (e.rules->setup == moqt::setup_form::symmetric)
            return show(static_cast<moqt::msg::setup*>(nullptr));
        return show(static_cast<moqt::msg::server_setup*>(nullptr));
    default:
        return;
    }
}

std::string to_text(const close_info& info, moqt::draft version) {
    std::string out{to_string(info.why)};
    if (info.why == close_info::cause::application) {
        const auto code = moqt::from_wire<moqt::close_code>(moqt::rules_for(version), info.code);
        out = "closed by " + std::string{info.by_peer ? "the server" : "us"} + " with " +
              std::string{moqt::to_string(code)};
    }
    if (!info.reason.empty()) out += " (" + info.reason + ")";
    return out;
}

} // namespace moqrtc::reference
