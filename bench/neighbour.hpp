// SPDX-License-Identifier: Apache-2.0
// A process that computes all the time, as others do on a machine that is not one's own.
#pragma once
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// Stands still until run(). To be made before the program has threads.
class neighbour {
 public:
  neighbour() : process_(fork()) {
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    raise(SIGSTOP);
    for (volatile unsigned turns = 0;;) turns = turns + 1;
  }
  neighbour(const neighbour&) = delete;
  neighbour& operator=(const neighbour&) = delete;
  ~neighbour() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  bool is_there() const { return process_ > 0; }
  void run() const { kill(process_, SIGCONT); }
  void stop() const {
    kill(process_, SIGSTOP);
    waitpid(process_, nullptr, WUNTRACED);
  }

 private:
  pid_t process_;
};

}  // namespace bench
