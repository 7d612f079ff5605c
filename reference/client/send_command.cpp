#include "commands.hpp"
#include "common/clock.hpp"
#include "publication.hpp"
#include "query.hpp"

#include <moqrtc/core/hex.hpp>

#include <asio/buffer.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>
#include <utility>

namespace moqrtc::reference {

namespace {

constexpr std::size_t longest_line = std::size_t{1} << 20;
constexpr std::size_t window = std::size_t{4} << 20; ///< reading pauses while so much is unsent
constexpr duration pause = milliseconds(5);

/// Publishes standard input, a line an object; with --json a line says where its object belongs.
class line_sender final : public application {
public:
    line_sender(runner& run, const moqt::full_track_name& name, std::uint64_t per_group)
        : run_{&run},
          offer_{run, name.space},
          input_{run.context()},
          group_{wall_clock_milliseconds()},
          per_group_{per_group} {
        offer_.add_track(name.name, moqt::default_priority, false);
    }

    void established(instant now, moqt::session& session) override {
        offer_.start(now, session);
        if (!input_.is_open()) open_input();
        if (!ended_) read();
        if (ended_) next_ = now;
    }
    void handle(instant now, moqt::session& session, moqt::event& event) override {
        offer_.handle(now, session, event);
    }
    void lost(instant, const close_info&) override { offer_.lost(); }
    [[nodiscard]] instant next_timeout() override { return next_; }
    void handle_timeout(instant now) override {
        next_ = never;
        if (!ended_) return read();
        if (!offer_.sent()) {
            next_ = now + pause;
            return;
        }
        std::fprintf(stderr, "sent %llu objects, %llu bytes\n",
                     static_cast<unsigned long long>(offer_.objects()),
                     static_cast<unsigned long long>(offer_.bytes()));
        run_->finish(failed_ ? exit_status::failed : exit_status::done);
    }
    void interrupted(instant now) override { end(now); }

private:
    void open_input() {
        std::error_code failure;
        input_.assign(::dup(STDIN_FILENO), failure);
        polled_ = !failure;
        if (polled_) return;
        // A regular file cannot be waited for, and need not be.
        input_.release();
    }
    void read() {
        if (reading_ || ended_) return;
        if (!offer_.active() || backlog() > window) {
            next_ = steady_now() + pause;
            return;
        }
        if (!polled_) return read_file();
        reading_ = true;
        input_.async_read_some(asio::buffer(piece_), [this](std::error_code failed, std::size_t n) {
            reading_ = false;
            const auto now = steady_now();
            if (failed) {
                if (failed != asio::error::eof) {
                    std::fprintf(stderr, "standard input: %s\n", failed.message().c_str());
                    failed_ = true;
                }
                end(now);
            } else {
                take(now, {piece_.data(), n});
                read();
            }
            run_->settle();
        });
    }
    void read_file() {
        const auto n = ::read(STDIN_FILENO, piece_.data(), piece_.size());
        const auto now = steady_now();
        if (n <= 0) return end(now);
        take(now, {piece_.data(), static_cast<std::size_t>(n)});
        next_ = now;
    }
    [[nodiscard]] std::size_t backlog() const {
        const auto* session = run_->session();
        return session == nullptr ? 0 : session->unsent_bytes();
    }
    void take(instant now, std::string_view text) {
        while (!text.empty()) {
            const auto end = text.find('\n');
            line_ += text.substr(0, end);
            if (line_.size() > longest_line) {
                std::fprintf(stderr, "a line of more than %zu bytes\n", longest_line);
                failed_ = true;
                return this->end(now);
            }
            if (end == std::string_view::npos) return;
            send(now);
            text.remove_prefix(end + 1);
        }
    }
    void send(instant now) {
        if (run_->options().json) return send_json(now);
        if (per_group_ != 0 && object_ == per_group_) {
            offer_.end_group(now, 0);
            ++group_;
            object_ = 0;
        }
        offer_.add_object(now, 0, group_, object_++, slice::copy(run_->pool(), as_bytes(line_)));
        line_.clear();
    }
    /// A line as `recv --json` prints it; locations go upwards.
    void send_json(instant now) {
        const auto read = nlohmann::json::parse(std::exchange(line_, {}), nullptr, false);
        const auto number = [&](const char* name) -> std::optional<std::uint64_t> {
            if (!read.is_object() || !read.contains(name)) return std::nullopt;
            const auto& value = read[name];
            if (!value.is_number_unsigned()) return std::nullopt;
            return value.get<std::uint64_t>();
        };
        const auto text = [&](const char* name) -> std::optional<std::string> {
            if (!read.is_object() || !read.contains(name) || !read[name].is_string())
                return std::nullopt;
            return read[name].get<std::string>();
        };
        const auto group = number("group");
        const auto object = number("object");
        auto payload = text("text");
        if (const auto hex = text("hex"))
            if (const auto data = hex_decode(*hex)) payload = as_text(*data);
        const bool begins = offer_.objects() == 0 || group > group_;
        if (!group || !object || !payload || (!begins && (group < group_ || object < object_))) {
            std::fprintf(stderr, "a line that is no object as `recv --json` prints it, or not "
                                 "behind the one before\n");
            failed_ = true;
            return end(now);
        }
        if (begins && offer_.objects() != 0) offer_.end_group(now, 0);
        group_ = *group;
        object_ = *object + 1;
        offer_.add_object(now, 0, *group, *object, slice::copy(run_->pool(), as_bytes(*payload)));
    }
    void end(instant now) {
        if (ended_) return;
        ended_ = true;
        if (!line_.empty() && !failed_) send(now); // the last line has no end
        offer_.end(now, "end of input");
        next_ = now;
    }

    runner* run_;
    publication offer_;
    asio::posix::stream_descriptor input_;
    std::array<char, 1 << 16> piece_{};
    std::string line_;
    std::uint64_t group_;
    std::uint64_t per_group_;
    std::uint64_t object_ = 0;
    instant next_ = never;
    bool polled_ = false;
    bool reading_ = false;
    bool ended_ = false;
    bool failed_ = false;
};

} // namespace

void add_send_command(CLI::App& app, std::function<int()>& chosen) {
    struct arguments : query_arguments {
        std::uint64_t group_every = 0;
    };
    auto* command = app.add_subcommand("send", "publish lines of standard input as objects");
    auto all = std::make_shared<arguments>();
    all->add_to(*command, true);
    command->add_option("--group-every", all->group_every,
                        "begin a group every so many lines (0: one group)");
    command->callback([all, &chosen] {
        chosen = [all] {
            return run_query(*all, true, [&](runner& runs, const moqt::full_track_name& name) {
                return std::make_unique<line_sender>(runs, name, all->group_every);
            });
        };
    });
}

} // namespace moqrtc::reference
