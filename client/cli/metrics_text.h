// What `info` answers, as Prometheus reads it (text format 0.0.4).
#pragma once

#include <optional>
#include <string>

namespace pannier::cli {

/// `packed_info`: the answer to `info` with buckets, as MessagePack; nothing if the daemon cannot be reached,
/// which is a metric too. What it lacks, or has in another form, is left out or 0.
std::string metrics_text(const std::optional<std::string>& packed_info);

}  // namespace pannier::cli
