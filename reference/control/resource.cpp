#include "resource.hpp"

#include <algorithm>
#include <array>

namespace moqrtc::reference {
namespace {

using kind = field_kind;
using use = field_use;

constexpr field name_field{"name", kind::text, use::optional, "what people call it"};
constexpr field account_field{"account",
                              kind::text,
                              use::optional_once,
                              "whose it is inside the organisation",
                              "",
                              "",
                              0,
                              200,
                              false,
                              "",
                              true};

constexpr std::array org_fields{
    field{"name", kind::text, use::required, "what people call it", "", "", 1},
};
constexpr std::array api_key_fields{
    field{"name", kind::text, use::required_once, "what it is for", "", "", 1},
    field{"scopes", kind::list, use::required_once, "what it opens", scope_words, "", 1, 32},
    field{"prefix", kind::text, use::made, "its beginning, to know it by"},
    field{"digest", kind::text, use::hidden},
    field{.name = "revoked",
          .kind = kind::time,
          .use = use::made,
          .help = "since when it opens nothing",
          .nullable = true},
};
constexpr std::array input_fields{
    name_field,
    field{"kind", kind::word, use::optional_once, "how the encoder sends; others are refused",
          "rtmp|srt|whip|fmp4|moq", "moq", 0, 200, false, "", true},
    field{"enabled", kind::boolean, use::optional, "whether anybody may publish", "", "true"},
    field{"digest", kind::text, use::hidden},
    field{"previous_digest", kind::text, use::hidden},
    field{"previous_until", kind::time, use::hidden},
    field{"rotated", kind::time, use::made, "when its stream key was made"},
};
constexpr std::array signing_key_fields{
    field{"algorithm", kind::word, use::optional_once, "of the signature", "EdDSA|RS256", "EdDSA"},
    field{"state", kind::word, use::made,
          "active: signs; retired: verifies; revoked: its tokens are refused",
          "active|retired|revoked"},
    field{"jwk", kind::object, use::made, "the public key"},
};
constexpr std::array asset_fields{
    name_field,
    field{"live_input", kind::text, use::optional_once, "what it was recorded from", "", "", 0, 64,
          false, "", true},
    field{"location", kind::text, use::optional, "where its file is", "", "", 0, 1024},
    field{"state", kind::word, use::optional, "whether it can be played", "waiting|ready|failed",
          "waiting"},
    field{"size", kind::integer, use::optional, "bytes", "", "0", 0, INT64_MAX},
    field{"duration", kind::integer, use::optional, "milliseconds", "", "0", 0, INT64_MAX},
    field{"playback_id", kind::text, use::made, "by which viewers name it"},
};
constexpr std::array stream_fields{
    name_field,
    field{"namespace", kind::text, use::optional_once, "what it publishes; none: one is chosen", "",
          "", 0, 1024, false, "space"},
    field{"device", kind::text, use::optional_once, "the device that may publish it", "", "", 0, 64,
          false, "", true},
    field{"mode", kind::word, use::optional_once, "by which way its media goes",
          "auto|moq|p2p|single_server_sfu", "auto"},
    field{"state", kind::word, use::made, "whether it goes on", "live|ended", "", 0, 200, false, "",
          true},
    field{"started", kind::time, use::made, "when it was registered"},
    field{.name = "ended",
          .kind = kind::time,
          .use = use::made,
          .help = "when it was ended",
          .nullable = true},
};
constexpr std::array device_fields{
    name_field,
    account_field,
    field{"enabled", kind::boolean, use::optional, "whether it gets tokens", "", "true"},
    field{"digest", kind::text, use::hidden},
};
constexpr std::array pair_fields{
    name_field,
    account_field,
    field{"device", kind::text, use::required_once, "one side", "", "", 1, 64, false, "", true},
    field{"viewer", kind::text, use::required_once, "the other side: a device or a user", "", "", 1,
          200},
};
constexpr std::array command_fields{
    field{"device", kind::text, use::required_once, "who is to do it", "", "", 1, 64, false, "",
          true},
    field{"kind", kind::text, use::required_once, "what is to be done", "", "", 1, 100},
    field{"payload", kind::object, use::optional_once, "with what", "", "{}", 0, 16384},
    field{"ttl", kind::integer, use::optional_once, "seconds until it expires", "", "60", 1, 86400,
          false, "-"},
    field{"state", kind::word, use::made, "how far it is", "queued|sent|acked|done|failed|expired",
          "", 0, 200, false, "", true},
    field{"result", kind::object, use::made, "what came of it"},
    field{"expires", kind::time, use::made, "when it is given up"},
    field{"updated", kind::time, use::made, "when it last went on"},
};
constexpr std::array webhook_fields{
    field{"url", kind::text, use::required, "where events are posted: http:// or https://", "", "",
          8, 2048},
    field{"events", kind::list, use::optional, "which", event_words,
          R"(["stream:started","stream:ended"])", 1, 16},
    field{"enabled", kind::boolean, use::optional, "whether it gets any", "", "true"},
    field{"secret_version", kind::integer, use::hidden},
};
constexpr std::array analytics_fields{
    field{"tag", kind::word, use::made, "what it tells of", "media.broadcast"},
    field{"broadcast", kind::text, use::made, "its namespace", "", "", 0, 200, false, "", true},
    field{"started", kind::time, use::made, "when its first track came"},
    field{.name = "ended",
          .kind = kind::time,
          .use = use::made,
          .help = "when its last track went",
          .nullable = true},
    field{"updated", kind::time, use::made, "how old the figures are"},
    field{"tracks", kind::integer, use::made, "most at one time"},
    field{"viewers_peak", kind::integer, use::made, "most subscribers of one track at one time"},
    field{"viewer_seconds", kind::integer, use::made, "time watched, summed over viewers"},
    field{"bytes_in", kind::integer, use::made, "received from publishers"},
    field{"bytes_out", kind::integer, use::made, "given to subscribers"},
};
constexpr std::array revocation_fields{
    field{"kind", kind::word, use::required_once,
          "what `value` names: a token by its jti, whoever tokens are about, what they are for",
          "token|subject|resource"},
    field{"value", kind::text, use::required_once, "which", "", "", 1, 200},
    field{"reason", kind::text, use::optional_once, "why"},
    field{.name = "expires",
          .kind = kind::time,
          .use = use::optional_once,
          .help = "when nobody could use it anyway; none: never",
          .standard = "null",
          .most = INT64_MAX,
          .nullable = true},
};
constexpr std::array call_fields{
    field{"name", kind::text, use::optional_once, "`call_id` of its tokens; none: the id"},
    field{"participants", kind::integer, use::optional_once, "most of them at one time", "", "16",
          1, 1000},
    field{"subscribers", kind::integer, use::optional_once,
          "most of those that publish nothing; none: the organisation's limit, or 8", "", "null", 0,
          1000, true},
    field{"longest", kind::integer, use::optional_once, "seconds that it may last", "", "43200", 1,
          86400, false, "-"},
    field{"snapshot", kind::object, use::hidden},
    field{"state", kind::word, use::made, "whether it goes on", "live|ended", "", 0, 200, false, "",
          true},
    field{"members", kind::object, use::made, "who is in: role, transport, since when"},
    field{"epoch", kind::integer, use::made, "grows with every change"},
    field{"expires", kind::time, use::made, "when it ends at the latest"},
    field{"updated", kind::time, use::made, "when it last changed"},
};
constexpr std::array limit_fields{
    account_field,
    field{"name", kind::word, use::required_once, "of what",
          "publishers|subscribers|subscribers_per_room|subscribers_per_call|streams|sessions|"
          "bitrate"},
    field{"value", kind::integer, use::required, "how many; bit/s of bitrate", "", "", 0,
          INT64_MAX},
};

constexpr std::uint8_t everything = can_list | can_make | can_change | can_remove;

// `streams` and `analytics` list in ways of their own.
constexpr std::array all{
    resource{"orgs", "orgs", "org_", "organisation", "orgs", everything, org_fields, false},
    resource{"api_keys", "api_keys", "ak_", "API key", "api_keys", can_list | can_make,
             api_key_fields},
    resource{"live_inputs", "live_inputs", "lv_", "live input", "inputs", everything, input_fields},
    resource{"keys", "signing_keys", "kid_", "signing key", "keys", can_list, signing_key_fields},
    resource{"assets", "assets", "as_", "asset", "assets", everything, asset_fields},
    resource{"streams", "streams", "st_", "stream", "streams", can_make | can_remove,
             stream_fields},
    resource{"devices", "devices", "dv_", "device", "devices", everything, device_fields},
    resource{"pairs", "pairs", "pr_", "pair", "pairs", everything, pair_fields},
    resource{"commands", "commands", "cm_", "command", "commands", can_list | can_make | can_remove,
             command_fields},
    resource{"webhooks", "webhooks", "wh_", "webhook", "webhooks", everything, webhook_fields},
    resource{"analytics", "analytics", "an_", "broadcast", "analytics", can_list, analytics_fields},
    resource{"revocations", "revocations", "rv_", "revocation", "revocations",
             can_list | can_make | can_remove, revocation_fields},
    resource{"limits", "limits", "lm_", "limit", "limits", everything, limit_fields},
    resource{"calls", "calls", "ca_", "call", "calls", can_list, call_fields},
};

} // namespace

std::span<const resource> resources() {
    return all;
}

const resource& resource_at(std::string_view path) {
    return *std::ranges::find(all, path, &resource::path);
}

} // namespace moqrtc::reference
