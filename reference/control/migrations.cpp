#include "migrations.hpp"

#include <array>

namespace moqrtc::reference {
namespace {

// Times are Unix seconds. Of secrets there are digests under the pepper alone; lists and free-form
// values are JSON.
constexpr const char* first_schema = R"sql(
CREATE TABLE orgs (id TEXT PRIMARY KEY, name TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE api_keys (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    name TEXT NOT NULL, scopes TEXT NOT NULL, prefix TEXT NOT NULL, digest TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL, revoked INTEGER);
CREATE TABLE live_inputs (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    name TEXT NOT NULL, kind TEXT NOT NULL, enabled INTEGER NOT NULL, digest TEXT NOT NULL,
    previous_digest TEXT NOT NULL DEFAULT '', previous_until INTEGER NOT NULL DEFAULT 0,
    rotated INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE INDEX live_inputs_org ON live_inputs(org, id);
CREATE TABLE signing_keys (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    algorithm TEXT NOT NULL, state TEXT NOT NULL, jwk TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE assets (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    name TEXT NOT NULL, playback_id TEXT NOT NULL UNIQUE, live_input TEXT, state TEXT NOT NULL,
    location TEXT NOT NULL, size INTEGER NOT NULL, duration INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE TABLE used_tokens (jti TEXT NOT NULL, transport TEXT NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (jti, transport)) WITHOUT ROWID;
CREATE INDEX used_tokens_expires ON used_tokens(expires);
CREATE TABLE revocations (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    kind TEXT NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, expires INTEGER,
    created INTEGER NOT NULL);
CREATE TABLE calls (id TEXT PRIMARY KEY, org TEXT NOT NULL, snapshot TEXT NOT NULL,
    epoch INTEGER NOT NULL, expires INTEGER NOT NULL, updated INTEGER NOT NULL,
    created INTEGER NOT NULL);
CREATE TABLE limits (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    account TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, created INTEGER NOT NULL,
    UNIQUE (org, account, name));
CREATE TABLE devices (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    account TEXT NOT NULL, name TEXT NOT NULL, enabled INTEGER NOT NULL, digest TEXT NOT NULL,
    created INTEGER NOT NULL);
CREATE TABLE pairs (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    account TEXT NOT NULL, name TEXT NOT NULL,
    device TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE, viewer TEXT NOT NULL,
    created INTEGER NOT NULL);
CREATE TABLE commands (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    device TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE, kind TEXT NOT NULL,
    payload TEXT NOT NULL, state TEXT NOT NULL, result TEXT NOT NULL, expires INTEGER NOT NULL,
    updated INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE INDEX commands_device ON commands(device, state, id);
CREATE INDEX commands_expires ON commands(state, expires);
CREATE TABLE webhooks (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    url TEXT NOT NULL, events TEXT NOT NULL, enabled INTEGER NOT NULL, secret_version INTEGER NOT NULL,
    created INTEGER NOT NULL);
CREATE TABLE deliveries (id INTEGER PRIMARY KEY, webhook TEXT NOT NULL REFERENCES webhooks(id)
    ON DELETE CASCADE, event TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, next INTEGER NOT NULL, status INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE INDEX deliveries_next ON deliveries(state, next);
CREATE INDEX deliveries_webhook ON deliveries(webhook, id);
CREATE TABLE analytics (id TEXT PRIMARY KEY, org TEXT NOT NULL, tag TEXT NOT NULL,
    broadcast TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, updated INTEGER NOT NULL,
    tracks INTEGER NOT NULL, viewers_peak INTEGER NOT NULL, viewer_seconds INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
    created INTEGER NOT NULL);
CREATE INDEX analytics_org ON analytics(org, id);
CREATE TABLE features (name TEXT PRIMARY KEY, enabled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE streams (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs(id) ON DELETE CASCADE,
    name TEXT NOT NULL, space TEXT NOT NULL, device TEXT NOT NULL, mode TEXT NOT NULL,
    state TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, created INTEGER NOT NULL);
CREATE INDEX streams_org ON streams(org, state, id);
CREATE TABLE repeats (name TEXT PRIMARY KEY, made TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
)sql";

/// Calls are known by a name inside their organisation, and keep their limits.
constexpr const char* named_calls = R"sql(
ALTER TABLE calls ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE calls ADD COLUMN state TEXT NOT NULL DEFAULT 'live';
ALTER TABLE calls ADD COLUMN participants INTEGER NOT NULL DEFAULT 16;
ALTER TABLE calls ADD COLUMN subscribers INTEGER NOT NULL DEFAULT 8;
ALTER TABLE calls ADD COLUMN members TEXT NOT NULL DEFAULT '{}';
UPDATE calls SET name = id;
CREATE UNIQUE INDEX calls_name ON calls(org, name);
)sql";

constexpr std::array<const char*, 2> steps{first_schema, named_calls};

} // namespace

std::span<const char* const> schema_migrations() {
    return steps;
}

} // namespace moqrtc::reference
