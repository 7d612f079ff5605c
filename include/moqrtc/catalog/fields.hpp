#pragma once

#include <moqrtc/catalog/json.hpp>
#include <moqrtc/core/error.hpp>
#include <moqrtc/core/inline.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#if MOQRTC_DEFINITIONS
namespace moqrtc::catalog::detail {

/// The largest number that every reader of JSON keeps exact (RFC 8259 section 6).
inline constexpr std::uint64_t max_exact = (std::uint64_t{1} << 53) - 1;

/// JSON object -> structure: the archive that a `describe` reads with.
///
/// Fields that are absent leave their member untouched; the first value of a wrong type is kept as
/// the error. Names that no field asked for are the custom ones.
class field_reader {
public:
    explicit field_reader(const json& from) : from_{&from} {}

    [[nodiscard]] const error& failure() const noexcept { return failure_; }
    [[nodiscard]] bool ok() const noexcept { return failure_.code == errc::ok; }

    void text(const char* name, std::string& value, const char* where) {
        const auto* found = find(name);
        if (found == nullptr) return;
        if (!found->is_string()) return reject(errc::malformed_value, name, where);
        value = found->get_ref<const std::string&>();
    }
    void text(const char* name, std::optional<std::string>& value, const char* where) {
        if (find(name) == nullptr) return;
        std::string read;
        text(name, read, where);
        value = std::move(read);
    }
    void texts(const char* name, std::vector<std::string>& value, const char* where) {
        const auto* found = find(name);
        if (found == nullptr) return;
        if (!found->is_array()) return reject(errc::malformed_value, name, where);
        value.clear();
        for (const auto& element : *found) {
            if (!element.is_string()) return reject(errc::malformed_value, name, where);
            value.push_back(element.get_ref<const std::string&>());
        }
    }
    void boolean(const char* name, std::optional<bool>& value, const char* where) {
        const auto* found = find(name);
        if (found == nullptr) return;
        if (!found->is_boolean()) return reject(errc::malformed_value, name, where);
        value = found->get<bool>();
    }
    template <class Number>
    void number(const char* name, std::optional<Number>& value, const char* where) {
        const auto* found = find(name);
        if (found == nullptr) return;
        if (!found->is_number()) return reject(errc::malformed_value, name, where);
        const auto real = found->get<double>();
        if constexpr (std::is_floating_point_v<Number>) {
            if (!(real >= 0)) return reject(errc::bad_value, name, where);
            value = real;
        } else {
            if (std::abs(real) > static_cast<double>(max_exact))
                return reject(errc::limit, name, where);
            if (real != std::trunc(real) || (std::is_unsigned_v<Number> && real < 0))
                return reject(errc::bad_value, name, where);
            value = static_cast<Number>(real);
        }
    }
    template <class Structure>
    void object(const char* name, std::optional<Structure>& value, const char* where) {
        const auto* found = find(name);
        if (found == nullptr) return;
        if (!found->is_object()) return reject(errc::malformed_value, name, where);
        field_reader inner{*found};
        Structure read{};
        Structure::describe(inner, read);
        if (!inner.ok()) return reject(inner.failure().code, name, where);
        value = std::move(read);
    }
    /// The member, which counts as known from now on; null when absent.
    [[nodiscard]] const json* find(const char* name) {
        known_.emplace_back(name);
        const auto found = from_->find(name);
        return found == from_->end() ? nullptr : &*found;
    }
    /// Members that nothing asked for.
    [[nodiscard]] json custom() const {
        auto rest = json::object();
        for (const auto& [name, value] : from_->items()) {
            bool known = false;
            for (const auto other : known_)
                known = known || other == name;
            if (!known) rest[name] = value;
        }
        return rest;
    }
    void reject(errc code, const char* name, const char* where) noexcept {
        if (ok()) failure_ = {code, 0, name, where};
    }

private:
    const json* from_;
    std::vector<std::string_view> known_{};
    error failure_{};
};

/// Structure -> JSON object: the archive that a `describe` writes with.
///
/// `Json` is `json` where the order does not matter, `nlohmann::ordered_json` where it does.
template <class Json>
class field_writer {
public:
    explicit field_writer(Json& to) : to_{&to} {}

    [[nodiscard]] const error& failure() const noexcept { return failure_; }

    void text(const char* name, const std::string& value, const char* where) {
        if (value.empty()) return;
        if (!is_utf8(value)) return reject(name, where);
        (*to_)[name] = value;
    }
    void text(const char* name, const std::optional<std::string>& value, const char* where) {
        if (!value) return;
        if (!is_utf8(*value)) return reject(name, where);
        (*to_)[name] = *value;
    }
    void texts(const char* name, const std::vector<std::string>& value, const char* where) {
        if (value.empty()) return;
        auto list = Json::array();
        for (const auto& element : value) {
            if (!is_utf8(element)) return reject(name, where);
            list.push_back(element);
        }
        (*to_)[name] = std::move(list);
    }
    void boolean(const char* name, const std::optional<bool>& value, const char*) {
        if (value) (*to_)[name] = *value;
    }
    template <class Number>
    void number(const char* name, const std::optional<Number>& value, const char* where) {
        if (!value) return;
        if constexpr (std::is_floating_point_v<Number>) {
            if (!(*value >= 0) || !std::isfinite(*value)) return reject(name, where);
            if (*value == std::trunc(*value) && *value < static_cast<double>(max_exact))
                (*to_)[name] = static_cast<std::uint64_t>(*value); // 30, not 30.0
            else
                (*to_)[name] = *value;
        } else {
            const auto real = static_cast<double>(*value);
            if (std::abs(real) > static_cast<double>(max_exact)) return reject(name, where);
            (*to_)[name] = *value;
        }
    }
    template <class Structure>
    void object(const char* name, const std::optional<Structure>& value, const char*) {
        if (!value) return;
        auto inner = Json::object();
        field_writer fields{inner};
        Structure::describe(fields, *value);
        if (fields.failure().code != errc::ok && failure_.code == errc::ok)
            failure_ = fields.failure();
        (*to_)[name] = std::move(inner);
    }
    /// Members that are not described; what is there already wins.
    void custom(const json& members) {
        for (const auto& [name, value] : members.items())
            if (!to_->contains(name)) (*to_)[name] = value;
    }

private:
    void reject(const char* name, const char* where) noexcept {
        if (failure_.code == errc::ok) failure_ = {errc::bad_value, 0, name, where};
    }

    Json* to_;
    error failure_{};
};

} // namespace moqrtc::catalog::detail
#endif
