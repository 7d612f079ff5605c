#pragma once

#include "traced_reader.hpp"

#include <moqrtc/moqt/draft.hpp>

namespace moqrtc::reference {

/// Each writes what `in` holds field by field, and stops at the first error: its offset counts from
/// the start of `in`, its `where` names structure and section.
[[nodiscard]] result<void> decode_messages(const moqt::wire_rules& rules, bytes in,
                                           field_lines& out);
[[nodiscard]] result<void> decode_stream(const moqt::wire_rules& rules, bytes in, field_lines& out);
[[nodiscard]] result<void> decode_datagram(const moqt::wire_rules& rules, bytes in,
                                           field_lines& out);
[[nodiscard]] result<void> decode_mp4(bytes in, field_lines& out);
[[nodiscard]] result<void> decode_catalog(bytes in, field_lines& out);
[[nodiscard]] result<void> decode_jwt(bytes in, field_lines& out);
/// A Common Access Token; all offsets are 0, for what is printed is put together from parts.
[[nodiscard]] result<void> decode_cat(bytes in, field_lines& out);

} // namespace moqrtc::reference
