// What the meter holds, as `info` tells it.
#pragma once

#include "daemon/meter.h"
#include "protocol/writer.h"

namespace pannier::daemon {

/// Writes a map with an entry for each method that was ever asked for, and one for what names no method.
/// `has_buckets`: the histograms too.
void write_methods(protocol::Writer& writer, const Meter& meter, bool has_buckets);

}  // namespace pannier::daemon
