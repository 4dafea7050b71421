// UvOwned: one of libuv's handles, made by new and owned. libuv uses a handle's memory until the callback of
// uv_close() has run; so destroying this closes the handle, and its memory follows in a later pass of the
// loop. Polls, timers and prepares make no callback once they close.
#pragma once

#include <uv.h>

#include <memory>

namespace pannier::detail {

template <class Raw>
struct CloseUv {
  void operator()(Raw* raw) const {
    uv_close(reinterpret_cast<uv_handle_t*>(raw),
             [](uv_handle_t* closed) { delete reinterpret_cast<Raw*>(closed); });
  }
};

/// Only for initialized handles.
template <class Raw>
using UvOwned = std::unique_ptr<Raw, CloseUv<Raw>>;

}  // namespace pannier::detail
