// Which of the process' threads the system lets run first where several want one processor.
#pragma once

namespace pannier::storage {

/// The calling thread goes behind the others (SCHED_BATCH and a higher nice value): its work takes long, and
/// nobody waits for the beginning of it. Where the system does not allow it, it stays as it is.
void give_way();

/// The calling thread takes the processor from others when it wakes, because it asks for it for less time at
/// a time. Where the system does not know of that, or another way of scheduling was chosen for the process,
/// it stays as it is.
void go_before_others();

}  // namespace pannier::storage
