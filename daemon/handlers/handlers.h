// The handlers, one a method, each in the file of its name. methods.cc lists them.
#pragma once

#include "daemon/call.h"

namespace pannier::daemon {

Outcome handle_attach(Service& service, const Call& call);
Outcome handle_backup(Service& service, const Call& call);
Outcome handle_backup_next(Service& service, const Call& call);
Outcome handle_clear(Service& service, const Call& call);
Outcome handle_delete(Service& service, const Call& call);
Outcome handle_delete_many(Service& service, const Call& call);
Outcome handle_drop(Service& service, const Call& call);
Outcome handle_get(Service& service, const Call& call);
Outcome handle_get_many(Service& service, const Call& call);
Outcome handle_hello(Service& service, const Call& call);
Outcome handle_hot(Service& service, const Call& call);
Outcome handle_increment(Service& service, const Call& call);
Outcome handle_info(Service& service, const Call& call);
Outcome handle_keys(Service& service, const Call& call);
Outcome handle_lease(Service& service, const Call& call);
Outcome handle_monitor(Service& service, const Call& call);
Outcome handle_open(Service& service, const Call& call);
Outcome handle_ping(Service& service, const Call& call);
Outcome handle_put(Service& service, const Call& call);
Outcome handle_put_many(Service& service, const Call& call);
Outcome handle_release(Service& service, const Call& call);
Outcome handle_reload(Service& service, const Call& call);
Outcome handle_subscribe(Service& service, const Call& call);
Outcome handle_sync(Service& service, const Call& call);
Outcome handle_touch(Service& service, const Call& call);
Outcome handle_unsubscribe(Service& service, const Call& call);

}  // namespace pannier::daemon
