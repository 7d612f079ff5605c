// Requests of HTTP/1.1 one behind the other, as they come on a connection, to a control API of
// their own: routes, queries, bodies, device tokens. Every request is answered once, never with a
// failure of ours; what was made can be read back, and its secret is told by the answer that made
// it alone.
#include "control/control_api.hpp"
#include "control/route.hpp"
#include "server/http_fields.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace moqrtc::reference;
namespace http = boost::beast::http;

constexpr std::size_t most_requests = 16;
constexpr std::string_view secret_fields[] = {"stream_key", "key", "secret", "token"};

void require(bool condition, const http_response& answer,
             std::source_location here = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "fuzz_control_api: requirement of line %u does not hold: %u %s\n",
                 static_cast<unsigned>(here.line()), answer.status, answer.body.c_str());
    std::abort();
}

class stage {
public:
    stage() {
        auto made = control_api::open({{}, true, false, "fuzz"}, {});
        if (!made) std::abort();
        api_ = std::move(*made);
        api_->start({});
    }

    http_response ask(const http_request& request) {
        std::promise<http_response> promise;
        auto answer = promise.get_future();
        api_->handle(request, [&](http_response it) { promise.set_value(std::move(it)); });
        return answer.get();
    }

    void run(http_request request) {
        if (!control_api::is_ours(request.path)) return;
        request.peer = "192.0.2.1";
        // The newest token of a device, which no input could guess.
        if (request.authorization == "Bearer @device") request.authorization = "Bearer " + token_;
        const auto answer = ask(request);
        check(request, answer);
        if (answer.events) return;
        const auto body =
            answer.body.empty() ? api_json{} : api_json::parse(answer.body, nullptr, false);
        require(!body.is_discarded(), answer);
        if (answer.status < 300) remember(body, answer);
    }

private:
    /// A failure of ours is one that the log tells, not one that says what is missing here.
    static void check(const http_request& request, const http_response& answer) {
        require(answer.status >= 200 && answer.status < 600, answer);
        const bool no_data_plane = answer.body.find("there is no data plane") != std::string::npos;
        require(answer.status < 500 || no_data_plane, answer);
        if (answer.status >= 400) {
            const auto problem = api_json::parse(answer.body, nullptr, false);
            require(!problem.is_discarded() && problem["status"] == answer.status, answer);
            require(answer.content_type == "application/problem+json", answer);
        }
        require(answer.status != 401 || !answer.authenticate.empty(), answer);
        require(answer.status != 204 || answer.body.empty(), answer);
        static_cast<void>(request);
    }

    void remember(const api_json& body, const http_response& answer) {
        for (const auto& one : secrets_)
            require(answer.body.find(one) == std::string::npos, answer);
        if (!body.is_object()) return;
        for (const auto& name : secret_fields) {
            const auto found = body.find(name);
            if (found == body.end() || !found->is_string()) continue;
            const auto& text = found->get_ref<const std::string&>();
            require(text.size() >= 32, answer);
            if (name == "token" && body.contains("pair")) token_ = text;
            // A secret of a webhook is derived, so asking again for the same one may tell it.
            if (name != "secret" && name != "token") secrets_.push_back(text);
        }
        if (answer.status != 201 || answer.location.empty()) return;
        http_request again;
        again.path = answer.location;
        again.peer = "192.0.2.1";
        const auto shown = ask(again);
        require(shown.status == 200, shown);
        require(api_json::parse(shown.body)["id"] == body["id"], shown);
        for (const auto& one : secrets_)
            require(shown.body.find(one) == std::string::npos, shown);
    }

    std::unique_ptr<control_api> api_;
    std::string token_ = "none";
    std::vector<std::string> secrets_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view left{reinterpret_cast<const char*>(data), size};
    stage on;
    for (std::size_t i = 0; i < most_requests && !left.empty(); ++i) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(8 << 10);
        parser.body_limit(control_api::largest_body);
        parser.eager(true);
        boost::beast::error_code failure;
        const auto used = parser.put(boost::asio::buffer(left.data(), left.size()), failure);
        if (failure || !parser.is_done() || used == 0) return 0;
        auto request = read_fields_of(parser.get());
        request.body = parser.get().body();
        on.run(std::move(request));
        left.remove_prefix(used);
    }
    return 0;
}
