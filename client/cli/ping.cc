// pannier ping

#include "client/cli/command.h"

namespace pannier::cli {

void add_ping(Arguments& arguments, Session& session) {
  arguments.help(R"(Example:
  pannier ping && echo ready)");
  arguments.run([&session] {
    session.client().ping();
    if (session.json()) {
      session.print_json({{"result", JsonText::string("pong")}});
    } else {
      session.print_line("pong");
    }
  });
}

}  // namespace pannier::cli
