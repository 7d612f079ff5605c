// Asks a server for tracks that nobody publishes, with a token in each SUBSCRIBE: new ones or one
// that is known, at a rate or as fast as it answers. The server has to look at each token before it
// says that there is no such track.
#include <moqrtc/auth/profiles.hpp>
#include <moqrtc/crypto/openssl.hpp>

#include <algorithm>
#include <client/runner.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace moqrtc;
using namespace moqrtc::reference;

struct options {
    std::string url;
    std::string key; ///< file with the private key that the server trusts
    std::string org;
    std::string input;
    std::uint64_t rate = 0; ///< in a second; 0: as fast as answers come
    std::uint64_t window = 64;
    int span = 10; ///< seconds
    bool known = false;
};

std::vector<std::string> mint(const options& asked) {
    std::ifstream file{asked.key};
    std::ostringstream text;
    text << file.rdbuf();
    openssl_crypto crypto;
    const auto key = auth::read_jwk(text.str());
    if (!key) return {};
    const auto handle = crypto.import_key(key->numbers);
    if (!handle) return {};
    const auto rate = asked.rate == 0 ? 8'000 : asked.rate;
    const auto count =
        asked.known ? 1 : rate * static_cast<std::uint64_t>(asked.span) + asked.window;
    std::vector<std::string> out;
    const auth::unix_time now{std::time(nullptr)};
    for (std::uint64_t i = 0; i < count; ++i) {
        auto made = auth::mint(crypto, {handle->get(), signature_algorithm::eddsa, key->id, {}, {}},
                               auth::playback_token{.organisation = asked.org,
                                                    .resource = asked.input,
                                                    .subject = "load",
                                                    .token_id = "load-" + std::to_string(i)},
                               now, 3600);
        if (!made) return {};
        out.push_back(std::move(made->token));
    }
    return out;
}

class load final : public application {
public:
    load(runner& run, const options& asked, std::vector<std::string> tokens)
        : run_{&run},
          asked_{asked},
          space_{"stream", asked.org, asked.input},
          tokens_{std::move(tokens)} {}

    void established(instant now, moqt::session& session) override {
        began_ = now;
        next_ = now;
        send(now, session);
    }
    void handle(instant now, moqt::session& session, moqt::event& event) override {
        if (event.what != moqt::event::kind::rejected) return;
        --open_;
        ++(event.request_error == moqt::request_error_code::does_not_exist ? allowed_ : refused_);
        if (asked_.rate == 0) send(now, session);
    }
    void lost(instant, const close_info& info) override {
        std::fprintf(stderr, "token_load: lost: %s\n", info.reason.c_str());
    }
    instant next_timeout() override { return next_; }
    void handle_timeout(instant now) override {
        if (auto* session = run_->session()) send(now, *session);
    }
    void interrupted(instant) override { run_->finish(exit_status::done); }

    void report(double seconds) const {
        std::printf(
            R"({"sent":%llu,"allowed":%llu,"refused":%llu,"per_second":%.0f})"
            "\n",
            static_cast<unsigned long long>(sent_), static_cast<unsigned long long>(allowed_),
            static_cast<unsigned long long>(refused_), static_cast<double>(allowed_) / seconds);
    }
    [[nodiscard]] bool good() const { return allowed_ != 0 && refused_ == 0; }

private:
    void send(instant now, moqt::session& session) {
        const auto passed = now - began_;
        if (passed >= seconds(asked_.span) || (!asked_.known && sent_ >= tokens_.size())) {
            next_ = never;
            return run_->finish(exit_status::done);
        }
        const auto due = asked_.rate * static_cast<std::uint64_t>(passed.us) / 1'000'000 + 1;
        while (open_ < asked_.window && (asked_.rate == 0 || sent_ < due)) {
            if (!asked_.known && sent_ >= tokens_.size()) break;
            const moqt::authorization_token token{.value =
                                                      as_bytes(tokens_[asked_.known ? 0 : sent_])};
            moqt::message_params params;
            params.authorization_tokens = moqt::token_list{std::span{&token, 1}};
            if (!session.subscribe(now, {space_, std::to_string(sent_)}, params)) break;
            ++sent_;
            ++open_;
        }
        next_ = now + milliseconds(1);
    }

    runner* run_;
    options asked_;
    moqt::track_namespace space_;
    std::vector<std::string> tokens_;
    instant began_{};
    instant next_ = never;
    std::uint64_t sent_ = 0;
    std::uint64_t open_ = 0;
    std::uint64_t allowed_ = 0;
    std::uint64_t refused_ = 0;
};

} // namespace

int main(int count, char** arguments) {
    options asked;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        const auto value = [&]() -> const char* { return i + 1 < count ? arguments[++i] : ""; };
        if (name == "--key")
            asked.key = value();
        else if (name == "--org")
            asked.org = value();
        else if (name == "--input")
            asked.input = value();
        else if (name == "--rate")
            asked.rate = std::strtoull(value(), nullptr, 10);
        else if (name == "--window")
            asked.window = std::strtoull(value(), nullptr, 10);
        else if (name == "--seconds")
            asked.span = std::atoi(value());
        else if (name == "--known")
            asked.known = true;
        else
            asked.url = name;
    }
    auto where = parse_locator(asked.url);
    const auto draft = parse_offered_draft("18");
    auto tokens = mint(asked);
    if (!where || !draft || tokens.empty()) {
        std::fputs("usage: token_load moqt://HOST:PORT --key FILE --org ORG --input INPUT "
                   "[--rate N] [--window N] [--seconds S] [--known]\n",
                   stderr);
        return 2;
    }
    client_options options;
    options.where = *where;
    options.drafts = {*draft};
    options.transport = transport_choice::quic;
    options.trust = {tls_trust::mode::anyone, {}, {}};
    runner run{std::move(options)};
    load app{run, asked, std::move(tokens)};
    const auto began = std::chrono::steady_clock::now();
    const int status = run.run(app);
    app.report(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    return status != 0 ? status : app.good() ? 0 : 1;
}
