#include "client/cli/signals_noted.h"

#include <array>
#include <csignal>

namespace pannier::cli {

namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};

// What a handler may write to.
volatile std::sig_atomic_t noted = 0;

}  // namespace

SignalsNoted::SignalsNoted() {
  for (const int signal : kSignals) std::signal(signal, [](int number) { noted = number; });
}

SignalsNoted::~SignalsNoted() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
  if (noted != 0) std::raise(noted);
}

int SignalsNoted::caught() { return noted; }

void SignalsNoted::forget() { noted = 0; }

}  // namespace pannier::cli
