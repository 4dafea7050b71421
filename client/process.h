// This process' id without asking the kernel, which takes longer than all else that a request does before it
// is sent.
#pragma once

#include <sys/types.h>

#include <atomic>

namespace pannier::detail {

/// Memory that the kernel gives to a child as zeros, however it is forked. Nullptr where it cannot (before
/// Linux 4.14), and for what runs before it is initialized.
extern std::atomic<pid_t>* const kRememberedProcessId;
/// Asks the kernel, and remembers.
pid_t process_id_asked();

/// As getpid(). Right in a child from its first instruction, by whatever call it was forked. Thread-safe.
inline pid_t process_id() {
  if (kRememberedProcessId == nullptr) return process_id_asked();
  const pid_t id = kRememberedProcessId->load(std::memory_order_relaxed);
  return id != 0 ? id : process_id_asked();
}

}  // namespace pannier::detail
