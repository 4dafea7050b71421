// Ownership of libuv's handles. libuv keeps using a handle's memory until the callback of uv_close has run,
// which is later than whoever holds the handle wants to be gone. A UvHandle closes the handle when it is
// destroyed, and the memory follows by itself in a later pass of the loop. Callbacks of the handle must not
// reach a destroyed owner: a wrapper clears the handle's `data` before, or its handle makes no callbacks once
// it closes (timers, signals, prepare, check, idle).
//
// Each kind of handle is wrapped once (uv_pipe.h, uv_signal.h...); nothing else speaks to libuv.
#pragma once

#include <uv.h>

#include <memory>

namespace pannier::daemon {

/// `Raw`: a libuv handle, or a structure that starts with one, made by new.
template <typename Raw>
struct CloseUvHandle {
  void operator()(Raw* raw) const {
    uv_close(reinterpret_cast<uv_handle_t*>(raw),
             [](uv_handle_t* closed) { delete reinterpret_cast<Raw*>(closed); });
  }
};

/// Only for initialized handles: one whose uv_*_init failed must be deleted, not closed.
template <typename Raw>
using UvHandle = std::unique_ptr<Raw, CloseUvHandle<Raw>>;

/// Ends the process if `code` is an error: for calls of libuv that fail only when the machine is out of
/// memory or file descriptors at the start, or by a mistake in this program. `what` says which call.
void require_uv(int code, const char* what);

}  // namespace pannier::daemon
