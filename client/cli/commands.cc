#include "client/cli/command.h"

namespace pannier::cli {

namespace {

constexpr Command kCommands[] = {
    {"ping", "Check that the daemon answers", add_ping},
    {"get", "Print the value of a key", add_get},
    {"put", "Store a value under a key", add_put},
    {"delete", "Delete keys", add_delete},
    {"touch", "Use a key and set its deadline anew", add_touch},
    {"incr", "Add to an integer", add_incr},
    {"keys", "List the keys of a cache", add_keys},
    {"clear", "Delete all entries of a cache", add_clear},
    {"info", "Show the daemon and its caches", add_info},
    {"top", "Watch the daemon and its caches", add_top},
    {"sync", "Write durable caches to disk now", add_sync},
    {"open", "Create a cache, or change its bounds", add_open},
    {"drop", "Remove a cache with all its entries", add_drop},
    {"lease", "Get a value, or compute it once for everybody", add_lease},
    {"release", "End a lease without a value", add_release},
    {"backup", "Write the durable caches to a file", add_backup},
    {"restore", "Put the durable caches of a backup back", add_restore},
    {"repair", "Save what can be read of a damaged data directory", add_repair},
    {"reload", "Have the daemon read its configuration again", add_reload},
    {"bench", "Measure gets and puts of a running daemon", add_bench},
    {"hot", "Show the most used keys and the largest values", add_hot},
    {"metrics", "Print metrics for Prometheus, or serve them", add_metrics},
    {"monitor", "Print requests of all clients as they come", add_monitor},
    {"watch", "Print which keys change, as they change", add_watch},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace pannier::cli
