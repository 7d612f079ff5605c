#pragma once

/// Stops the program in debug builds when an invariant of the library is broken. Never used on
/// input: what a peer or a caller can cause is a `result`.
#if defined(MOQRTC_ASSERTIONS) || !defined(NDEBUG)
#define MOQRTC_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define MOQRTC_ASSERT(condition) ((void)0)
#endif
