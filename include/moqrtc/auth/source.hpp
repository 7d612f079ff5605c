#pragma once

/// The definitions for a program that is compiled with `MOQRTC_SEPARATE`: see
/// `moqrtc/core/inline.hpp`. Belongs first into one source file; elsewhere it is an ordinary
/// header.
#if defined(MOQRTC_SEPARATE) && defined(MOQRTC_INLINE) && !defined(MOQRTC_SOURCE)
#error "moqrtc/auth/source.hpp must come before all other headers of moqrtc"
#endif
#if defined(MOQRTC_SEPARATE) && !defined(MOQRTC_SOURCE)
#define MOQRTC_SOURCE
#endif

#include <moqrtc/auth/replay.hpp>
#include <moqrtc/auth/secret_key.hpp>
#include <moqrtc/auth/verifier.hpp>
