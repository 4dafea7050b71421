// UvSignal turns a signal of the process into a callback on the loop.
#pragma once

#include <functional>

#include "daemon/uv_handle.h"
#include "daemon/uv_loop.h"

namespace pannier::daemon {

class UvSignal {
 public:
  /// From now on, until the end of this object, each `signal_number` that the process receives calls
  /// `received` on the loop; several in quick succession may be one call. Does not keep the loop running.
  /// `loop` must outlive this.
  UvSignal(UvLoop& loop, int signal_number, std::function<void()> received);
  UvSignal(const UvSignal&) = delete;
  UvSignal& operator=(const UvSignal&) = delete;

  /// For the end of the process: from now on `signal_number` does nothing where no UvSignal waits for it,
  /// instead of ending the process.
  static void ignore_for_good(int signal_number);

 private:
  std::function<void()> received_;
  UvHandle<uv_signal_t> handle_;
};

}  // namespace pannier::daemon
