#pragma once

#include "options.hpp"
#include "runner.hpp"

#include <functional>
#include <memory>
#include <string>

namespace moqrtc::reference {

/// What the subcommands that ask a server something have in common: no answer within `patience` is
/// a failure, a refusal for want of authorization has an exit status of its own, and requests of
/// the server are declined.
class query : public application {
public:
    explicit query(runner& run, duration patience = seconds(10))
        : run_{&run}, patience_{patience} {}

    void established(instant now, moqt::session& session) final;
    void handle(instant now, moqt::session& session, moqt::event& event) final;
    void lost(instant now, const close_info& info) override;
    [[nodiscard]] instant next_timeout() override { return deadline_; }
    void handle_timeout(instant now) override;
    void interrupted(instant now) override;

protected:
    /// A session is there: send the requests.
    virtual void ask(instant now, moqt::session& session) = 0;
    /// An event that is not dealt with already.
    virtual void answer(instant now, moqt::session& session, moqt::event& event) = 0;

    /// The answer is here, more may follow without a deadline.
    void answered() { deadline_ = never; }
    /// What was asked about is not there: ends the run.
    void absent(std::string_view what, const moqt::event& event);
    [[nodiscard]] runner& run() noexcept { return *run_; }
    [[nodiscard]] bool json() const noexcept { return run_->options().json; }

private:
    runner* run_;
    duration patience_;
    instant deadline_ = never;
};

/// The arguments that most of them take.
struct query_arguments {
    connection_arguments connection;
    namespace_arguments space;
    std::string track;

    void add_to(CLI::App& command, bool with_track);
};

/// Prints what is wrong with the command line; the exit status for that.
[[nodiscard]] int complain(const std::string& what);

/// Reads the arguments and runs what `make(runner, full track name)` returns.
template <class Make>
[[nodiscard]] int run_query(const query_arguments& all, bool needs_namespace, Make&& make) {
    auto options = all.connection.read();
    if (!options) return complain(options.error());
    auto space = all.space.read();
    if (!space) return complain(space.error());
    if (needs_namespace && space->empty()) return complain("a namespace is needed: -n a/b/c");
    runner runs{std::move(*options)};
    const auto what = make(runs, moqt::full_track_name{std::move(*space), all.track});
    return runs.run(*what);
}

} // namespace moqrtc::reference
