#pragma once

#include <span>

namespace moqrtc::reference {

/// SQL that brings the schema from version n to n + 1, in order. Each is run once in the life of a
/// database, so what stands here is never changed: what is wrong is put right by another one.
[[nodiscard]] std::span<const char* const> schema_migrations();

} // namespace moqrtc::reference
