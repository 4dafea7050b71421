// Large pieces of ordinary memory that are about to be filled: in pages of 4 KiB each of them would cost a
// stop in the kernel, and on a virtual machine often one in its host, which is many times as long.
#pragma once

#include <span>

namespace pannier::daemon {

/// `memory` is about to be written, from its beginning on: asks the system for huge pages where that is worth
/// it. It takes memory in advance, up to one huge page (2 MiB); less than two are left as they are.
void expect_filling(std::span<char> memory);

}  // namespace pannier::daemon
