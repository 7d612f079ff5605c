#pragma once

#include "control/control_api.hpp"
#include "control/route.hpp"

#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace moqrtc::reference {

/// The API on a database in memory.
class control_test : public testing::Test {
protected:
    explicit control_test(bool open = true) { start(open); }
    void start(bool open, const std::filesystem::path& data = {}) {
        api_.reset();
        auto made = control_api::open({data, open, false, "1"}, {});
        EXPECT_TRUE(made) << made.error();
        api_ = std::move(*made);
        api_->start({});
    }

    http_response ask(std::string method, std::string path, const api_json& body = nullptr,
                      std::string key = {}) {
        http_request request;
        const auto mark = std::min(path.find('?'), path.size());
        request.path = (path.starts_with("/streams") || path.starts_with("/api") ? "" : "/api/v1") +
                       path.substr(0, mark);
        request.query = path.substr(std::min(mark + 1, path.size()));
        request.method = std::move(method);
        request.content_type = "application/json; charset=utf-8";
        request.host = "localhost:8080";
        request.origin = origin_;
        request.idempotency_key = once_;
        request.peer = peer_;
        if (!key.empty()) request.authorization = "Bearer " + key;
        if (!body.is_null())
            request.body = body.is_string() ? body.get<std::string>() : body.dump();
        std::promise<http_response> promise;
        auto answer = promise.get_future();
        api_->handle(request, [&](http_response it) { promise.set_value(std::move(it)); });
        return answer.get();
    }
    api_json make(std::string path, const api_json& body, unsigned status = 201) {
        const auto answer = ask("POST", std::move(path), body);
        EXPECT_EQ(answer.status, status) << answer.body;
        return api_json::parse(answer.body, nullptr, false);
    }
    api_json get(std::string path) {
        const auto answer = ask("GET", std::move(path));
        EXPECT_EQ(answer.status, 200u) << answer.body;
        return api_json::parse(answer.body, nullptr, false);
    }
    std::shared_ptr<const access_snapshot> doors() { return api_->directory().current(); }
    bool opens(const std::string& input, const std::string& key, wall_seconds at) {
        const auto now = doors();
        const auto& one = now->inputs.at(input);
        // What auth::verify_stream_key does, without its grant.
        const auto is = [&](const key_digest& stored) {
            return now->secrets->matches(key, stored);
        };
        return one.key.enabled &&
               (is(one.key.hash) || (is(one.key.previous) && at < one.key.previous_until.seconds));
    }

    std::unique_ptr<control_api> api_;
    std::string origin_;
    std::string once_;
    std::string peer_ = "127.0.0.1";
};

/// A directory of its own, which goes with the test.
class kept_test : public testing::Test {
protected:
    kept_test() : data_{std::filesystem::temp_directory_path() / random_id("moqrtc-control-")} {
        std::filesystem::create_directory(data_);
    }
    ~kept_test() override { std::filesystem::remove_all(data_); }

    std::unique_ptr<control_api> open() {
        auto made = control_api::open({data_, true, false, "1"}, {});
        EXPECT_TRUE(made) << made.error();
        return std::move(*made);
    }
    std::filesystem::path data_;
};

} // namespace moqrtc::reference
