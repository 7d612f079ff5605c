#pragma once

#include <moqrtc/core/hex.hpp>
#include <moqrtc/moqt/msg/all.hpp>

#include <deque>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

/// Control messages as JSON, both ways: a second description of every message, so that vectors test
/// more than the codec against itself. Integers are decimal strings; byte strings are text where
/// they are printable ASCII and `{"hex": "…"}` where they are not.
namespace moqrtc::moqt::vectors {

using json = nlohmann::ordered_json;

[[nodiscard]] inline json json_of(bytes data) {
    for (const auto b : data)
        if (b < std::byte{0x20} || b > std::byte{0x7e}) return {{"hex", hex_encode(data)}};
    return std::string{as_text(data)};
}

/// Fills an object from a message; members that the draft lacks are left out.
class to_json {
public:
    static constexpr bool filling = true;
    to_json(const wire_rules& of, json& out) : rules{&of}, out_{&out} { out = json::object(); }

    template <class T>
    void number(const char* name, T value) {
        (*out_)[name] = std::to_string(static_cast<std::uint64_t>(value));
    }
    template <class T>
    void maybe(const char* name, const std::optional<T>& value) {
        if (value) number(name, static_cast<std::uint64_t>(*value));
    }
    template <class Array>
    void numbers(const char* name, const Array& values, std::size_t count) {
        auto list = json::array();
        for (std::size_t i = 0; i < count; ++i)
            list.push_back(std::to_string(values[i]));
        (*out_)[name] = list;
    }
    void data(const char* name, bytes value) { (*out_)[name] = json_of(value); }
    void maybe_data(const char* name, const std::optional<bytes>& value) {
        if (value) data(name, *value);
    }
    void hexadecimal(const char* name, bytes value) { (*out_)[name] = hex_encode(value); }
    void space(const char* name, const namespace_view& value) {
        auto list = json::array();
        auto at = value.fields();
        while (const auto field = at.next())
            list.push_back(json_of(*field));
        (*out_)[name] = list;
    }
    void maybe_space(const char* name, const std::optional<namespace_view>& value) {
        if (value) space(name, *value);
    }
    template <class Value, class Fill>
    void object(const char* name, const Value& value, Fill&& fill) {
        json inner;
        to_json io{*rules, inner};
        fill(io, value);
        (*out_)[name] = inner;
    }
    template <class Value, class Fill>
    void maybe_object(const char* name, const std::optional<Value>& value, Fill&& fill) {
        if (value) object(name, *value, fill);
    }
    void tokens(const char* name, const token_list& value) {
        if (value.empty()) return;
        auto list = json::array();
        auto at = value.tokens();
        while (const auto token = at.next()) {
            json one{{"alias_type", std::to_string(static_cast<unsigned>(token->kind))}};
            if (token->kind != alias_type::use_value) one["alias"] = std::to_string(token->alias);
            if (token->kind == alias_type::use_value || token->kind == alias_type::register_alias) {
                one["token_type"] = std::to_string(token->token_type);
                one["value"] = json_of(token->value);
            }
            list.push_back(one);
        }
        (*out_)[name] = list;
    }

    void ranges(const char* name, const range_filter_list& value) {
        if (value.empty()) return;
        auto list = json::array();
        for (auto at = value.filters(); const auto one = at.next();)
            list.push_back({{"type", std::to_string(static_cast<unsigned>(one->subject))},
                            {"value", hex_encode(one->value)}});
        (*out_)[name] = list;
    }
    template <class Fill>
    void inside(const char* name, const fill_parameters& value, Fill&& fill) {
        if (!value.has_value()) return;
        const auto parameters = value.inside();
        json inner;
        to_json io{*rules, inner};
        fill(io, parameters);
        (*out_)[name] = inner["parameters"];
    }

    const wire_rules* rules;

private:
    json* out_;
};

/// Fills a message from an object; owns the bytes that the message borrows.
class from_json {
public:
    static constexpr bool filling = false;
    struct storage {
        std::deque<std::vector<std::byte>> data;
        std::deque<track_namespace> spaces;
        std::deque<std::vector<authorization_token>> tokens;
        std::deque<std::vector<encoded_filter>> ranges;
        std::deque<message_params> parameters;
    };
    from_json(const wire_rules& of, const json& in, storage& kept)
        : rules{&of}, in_{&in}, kept_{&kept} {}

    template <class T>
    void number(const char* name, T& value) {
        value = static_cast<T>(std::stoull(in_->at(name).get<std::string>()));
    }
    template <class T>
    void maybe(const char* name, std::optional<T>& value) {
        if (in_->contains(name)) number(name, value.emplace());
    }
    template <class Array>
    void numbers(const char* name, Array& values, std::size_t& count) {
        for (const auto& one : in_->at(name))
            values.at(count++) = std::stoull(one.get<std::string>());
    }
    void data(const char* name, bytes& value) { value = keep(in_->at(name)); }
    void maybe_data(const char* name, std::optional<bytes>& value) {
        if (in_->contains(name)) data(name, value.emplace());
    }
    void hexadecimal(const char* name, bytes& value) { value = keep(json{{"hex", in_->at(name)}}); }
    void space(const char* name, namespace_view& value) {
        auto& kept = kept_->spaces.emplace_back();
        for (const auto& field : in_->at(name))
            kept.append(keep(field));
        value = kept.view();
    }
    void maybe_space(const char* name, std::optional<namespace_view>& value) {
        if (in_->contains(name)) space(name, value.emplace());
    }
    template <class Value, class Fill>
    void object(const char* name, Value& value, Fill&& fill) {
        from_json io{*rules, in_->at(name), *kept_};
        fill(io, value);
    }
    template <class Value, class Fill>
    void maybe_object(const char* name, std::optional<Value>& value, Fill&& fill) {
        if (in_->contains(name)) object(name, value.emplace(), fill);
    }
    void tokens(const char* name, token_list& value) {
        if (!in_->contains(name)) return;
        auto& kept = kept_->tokens.emplace_back();
        for (const auto& one : in_->at(name)) {
            from_json io{*rules, one, *kept_};
            auto& token = kept.emplace_back();
            io.number("alias_type", token.kind);
            if (one.contains("alias")) io.number("alias", token.alias);
            if (one.contains("token_type")) io.number("token_type", token.token_type);
            if (one.contains("value")) io.data("value", token.value);
        }
        value = token_list{kept};
    }

    void ranges(const char* name, range_filter_list& value) {
        if (!in_->contains(name)) return;
        auto& kept = kept_->ranges.emplace_back();
        for (const auto& one : in_->at(name)) {
            from_json io{*rules, one, *kept_};
            auto& filter = kept.emplace_back();
            io.number("type", filter.subject);
            io.hexadecimal("value", filter.value);
        }
        value = range_filter_list{kept};
    }
    template <class Fill>
    void inside(const char* name, fill_parameters& value, Fill&& fill) {
        if (!in_->contains(name)) return;
        auto& kept = kept_->parameters.emplace_back();
        const json whole{{"parameters", in_->at(name)}};
        from_json io{*rules, whole, *kept_};
        fill(io, kept);
        value = fill_parameters{kept};
    }

    const wire_rules* rules;

private:
    bytes keep(const json& value) {
        auto& kept = kept_->data.emplace_back();
        if (value.is_string()) {
            const auto text = as_bytes(value.get_ref<const std::string&>());
            kept.assign(text.begin(), text.end());
        } else {
            auto decoded = hex_decode(value.at("hex").get<std::string>());
            if (!decoded) throw std::runtime_error{"not hexadecimal"};
            kept = std::move(*decoded);
        }
        return kept;
    }

    const json* in_;
    storage* kept_;
};

inline void fields_of_location(auto& io, auto& m) {
    io.number("group", m.group);
    io.number("object", m.object);
}
/// Up to draft 19 under the type on the wire; later under the type that draft 22 writes, whose
/// fields are those of 20 and 21.
inline void fields_of_filter(auto& io, auto& m) {
    if (io.rules->location_filter < location_filter_form::counted) {
        io.number("filter_type", m.type);
        if (m.type >= filter_type::absolute_start)
            io.object("start", m.start, [](auto& i, auto& v) { fields_of_location(i, v); });
        if (m.type == filter_type::absolute_range) io.number("end_group", m.end_group);
        return;
    }
    constexpr std::array types{filter_type::everything,     filter_type::relative_start,
                               filter_type::absolute_start, filter_type::absolute_range,
                               filter_type::object_range,   filter_type::largest_object};
    std::size_t at = 0;
    while (types[at] != m.type && at + 1 < types.size())
        ++at;
    if (m.type == filter_type::next_group_start) at = 1;
    io.number("location_filter_type", at);
    if constexpr (!std::remove_cvref_t<decltype(io)>::filling) m.type = types[at];
    if (at >= 1 && at <= 4) {
        auto start = m.start.group;
        if (m.type == filter_type::next_group_start) start = 0;
        io.number("start_group", start);
        if constexpr (!std::remove_cvref_t<decltype(io)>::filling) m.start.group = start;
    }
    if (at >= 2 && at <= 4) io.number("start_object", m.start.object);
    if (at == 3 || at == 4) io.number("end_group", m.end_group);
    if (at == 4) io.number("end_object", m.end_object);
}

} // namespace moqrtc::moqt::vectors
