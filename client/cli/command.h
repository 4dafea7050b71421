// Commands of `pannier`: one file a sub-command, one row a sub-command in kCommands (commands.cc).
#pragma once

#include <span>

#include "client/cli/arguments.h"
#include "client/cli/session.h"

namespace pannier::cli {

struct Command {
  const char* name;
  const char* summary;
  /// Adds arguments, examples (as the footer) and the callback that runs the command, which calls
  /// session.finish(). `session` outlives the app.
  void (*add)(Arguments& arguments, Session& session);
};

std::span<const Command> commands();

void add_ping(Arguments& arguments, Session& session);
void add_get(Arguments& arguments, Session& session);
void add_put(Arguments& arguments, Session& session);
void add_delete(Arguments& arguments, Session& session);
void add_touch(Arguments& arguments, Session& session);
void add_incr(Arguments& arguments, Session& session);
void add_keys(Arguments& arguments, Session& session);
void add_clear(Arguments& arguments, Session& session);
void add_info(Arguments& arguments, Session& session);
void add_top(Arguments& arguments, Session& session);
void add_sync(Arguments& arguments, Session& session);
void add_open(Arguments& arguments, Session& session);
void add_drop(Arguments& arguments, Session& session);
void add_lease(Arguments& arguments, Session& session);
void add_release(Arguments& arguments, Session& session);
void add_backup(Arguments& arguments, Session& session);
void add_restore(Arguments& arguments, Session& session);
void add_reload(Arguments& arguments, Session& session);
void add_repair(Arguments& arguments, Session& session);
void add_bench(Arguments& arguments, Session& session);
void add_hot(Arguments& arguments, Session& session);
void add_metrics(Arguments& arguments, Session& session);
void add_monitor(Arguments& arguments, Session& session);
void add_watch(Arguments& arguments, Session& session);

}  // namespace pannier::cli
