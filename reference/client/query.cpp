#include "query.hpp"

#include <cstdio>

namespace moqrtc::reference {

void query::established(instant now, moqt::session& session) {
    deadline_ = now + patience_;
    ask(now, session);
}

void query::handle(instant now, moqt::session& session, moqt::event& event) {
    using kind = moqt::event::kind;
    using code = moqt::request_error_code;
    switch (event.what) {
    case kind::requested:
        (void)session.reject(now, event.id, code::not_supported, "nothing is published here");
        return;
    case kind::update_requested:
        (void)session.accept_update(now, event.update_id);
        return;
    case kind::goaway:
        if (run_->options().reconnect) session.close(now, moqt::close_code::no_error, "going away");
        return;
    case kind::rejected:
        if (event.request_error == code::unauthorized ||
            event.request_error == code::expired_auth_token ||
            event.request_error == code::malformed_auth_token)
            return run_->finish(exit_status::refused,
                                "refused: " + std::string{to_string(event.request_error)});
        break;
    default:
        break;
    }
    answer(now, session, event);
}

void query::lost(instant, const close_info&) {
    deadline_ = never;
}

void query::handle_timeout(instant now) {
    if (now < deadline_) return;
    run_->finish(exit_status::failed,
                 "no answer within " + std::to_string(patience_.ms() / 1000) + " s");
}

void query::interrupted(instant) {
    run_->finish(exit_status::done);
}

void query::absent(std::string_view what, const moqt::event& event) {
    std::string text{what};
    text += ": ";
    text += moqt::to_string(event.request_error);
    if (const auto m = event.as<moqt::msg::request_error>(); m && !m->reason.empty())
        text += " (" + std::string{as_text(m->reason)} + ")";
    run_->finish(exit_status::failed, text);
}

void query_arguments::add_to(CLI::App& command, bool with_track) {
    connection.add_to(command);
    space.add_to(command, false);
    if (with_track) command.add_option("--track", track, "name of the track")->required();
}

int complain(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    return exit_status::bad_arguments;
}

} // namespace moqrtc::reference
