#pragma once

/// What the members of `session` do.
#include <moqrtc/moqt/session/detail/answers.hpp>
#include <moqrtc/moqt/session/detail/answers_in.hpp>
#include <moqrtc/moqt/session/detail/data_in.hpp>
#include <moqrtc/moqt/session/detail/data_out.hpp>
#include <moqrtc/moqt/session/detail/dispatch.hpp>
#include <moqrtc/moqt/session/detail/fills.hpp>
#include <moqrtc/moqt/session/detail/implied.hpp>
#include <moqrtc/moqt/session/detail/receive.hpp>
#include <moqrtc/moqt/session/detail/requests_in.hpp>
#include <moqrtc/moqt/session/detail/requests_out.hpp>
#include <moqrtc/moqt/session/detail/send.hpp>
#include <moqrtc/moqt/session/detail/setup.hpp>
#include <moqrtc/moqt/session/detail/updates.hpp>
