#pragma once

/// How the large state machines and readers are defined.
///
/// By default they are inline and every translation unit can have them: nothing to build. A program
/// that includes the machines in many places compiles faster when it defines `MOQRTC_SEPARATE`
/// everywhere: the headers then only declare, and one source file of the program includes
/// `moqrtc/moqt/relay/source.hpp`, which defines (so do the `source.hpp` of `webtransport/`,
/// `catalog/` and `auth/` for those who use them). All translation units of a program must
/// agree.
#if defined(MOQRTC_SEPARATE)
#define MOQRTC_INLINE
#define MOQRTC_INLINE_SHARED [[gnu::weak]] // several parts bring it along; any of them will do
#else
#define MOQRTC_INLINE inline
#define MOQRTC_INLINE_SHARED inline
#endif

#if !defined(MOQRTC_SEPARATE) || defined(MOQRTC_SOURCE)
#define MOQRTC_DEFINITIONS 1
#else
#define MOQRTC_DEFINITIONS 0
#endif
