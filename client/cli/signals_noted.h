// SignalsNoted: while it lives, a signal to end (SIGINT, SIGTERM, SIGHUP) is only noted, so that a command
// can put back what it has changed. When it goes the signal takes effect. One at a time.
#pragma once

namespace pannier::cli {

class SignalsNoted {
 public:
  SignalsNoted();
  ~SignalsNoted();
  SignalsNoted(const SignalsNoted&) = delete;
  SignalsNoted& operator=(const SignalsNoted&) = delete;

  /// The last one; 0: none.
  static int caught();
  /// It takes no effect after all.
  static void forget();
};

}  // namespace pannier::cli
