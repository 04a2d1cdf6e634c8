// SPDX-License-Identifier: Apache-2.0
// What the CUDA driver really does where fuse relies on it: one question a process, so that a crash or a hang costs
// one.
//
//   probe list
//   probe QUESTION     ends with status 0: all as expected, 1: not, 2: it could not be asked
#include <cstring>

#include "probe.hpp"
#include "questions.hpp"

int main(int argc, char** argv) {
  const char* wanted = argc == 2 ? argv[1] : "";
  for (const probe::question& q : probe::questions) {
    if (std::strcmp(wanted, "list") == 0) std::puts(q.name);
    if (std::strcmp(wanted, q.name) != 0) continue;
    probe::need(cudaFree(nullptr), "starting CUDA");
    q.ask();
    std::fflush(stdout);
    std::_Exit(probe::surprises > 0 ? 1 : 0);  // nothing was given back
  }
  if (std::strcmp(wanted, "list") == 0) return 0;
  std::fprintf(stderr, "usage: probe QUESTION, one of those that probe list names\n");
  return 2;
}
