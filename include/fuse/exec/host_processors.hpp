// SPDX-License-Identifier: Apache-2.0
// How many threads the host executor may use, and on which processors: what OMP_NUM_THREADS says, else the processors
// that this process may run on, at most as many as its control group's quota of processor time pays for.
#pragma once
#include <cstdlib>
#include <cstring>
#if defined(__linux__)
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#endif

namespace fuse::host_threads {

inline constexpr int most_threads = 1023;

/// The first number of a list such as "4" or "4,2", as OMP_NUM_THREADS has it; 0 where it does not begin with a
/// positive number.
inline int threads_named(const char* list) {
  if (!list) return 0;
  char* end = nullptr;
  const long n = std::strtol(list, &end, 10);
  while (*end == ' ' || *end == '\t') ++end;
  if (end == list || (*end && *end != ',') || n <= 0) return 0;
  return n < most_threads ? static_cast<int>(n) : most_threads;
}

/// Processors as the kernel's calls take them: a bit each.
struct processor_set {
  unsigned long bits[128] = {};
  int count() const {
    int n = 0;
    for (const unsigned long word : bits) n += __builtin_popcountl(word);
    return n;
  }
};

#if defined(__linux__)
/// Those of the process, which are those of its first thread: threads that were pinned to one processor each do not
/// make the pool smaller.
inline processor_set processors_of_process() {
  processor_set all;
  if (sched_getaffinity(getpid(), sizeof all.bits, reinterpret_cast<cpu_set_t*>(all.bits)) != 0) all.bits[0] = 1;
  return all;
}
/// Lets this thread run on all of them but one (-1: on all); false, and nothing, if there is no other.
inline bool run_elsewhere(int than) {
  processor_set some = processors_of_process();
  constexpr int in_word = 8 * sizeof some.bits[0];
  if (than >= 0 && than < in_word * 128) some.bits[than / in_word] &= ~(1ul << than % in_word);
  return some.count() > 0 && sched_setaffinity(0, sizeof some.bits, reinterpret_cast<cpu_set_t*>(some.bits)) == 0;
}

/// Reads the beginning of a file; "" if there is none.
template <int Size>
void read_text(const char* path, char (&text)[Size]) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t bytes = file < 0 ? 0 : read(file, text, Size - 1);
  if (file >= 0) close(file);
  text[bytes > 0 ? bytes : 0] = 0;
}

/// Processors that a line of cpu.max pays for, such as "150000 100000" for two; 0 for "max 100000", and for no line.
inline int processors_paid_by(const char* line) {
  char* end = nullptr;
  const long quota = std::strtol(line, &end, 10);
  const long period = end == line ? 0 : std::strtol(end, nullptr, 10);
  if (quota <= 0 || period <= 0) return 0;
  const long paid = (quota + period - 1) / period;
  return paid < most_threads ? static_cast<int>(paid) : most_threads;
}

/// The least that this process' control group and those around it pay for; 0 without a quota. `root` is where version 2
/// of the groups is mounted, `membership` the file that names the group of the process.
inline int processors_paid_for(const char* root, const char* membership) {
  char groups[4096], path[4352], line[64];
  read_text(membership, groups);
  const char* group = std::strstr(groups, "0::");
  const std::size_t length = group ? std::strcspn(group += 3, "\n") : 0, before = std::strlen(root);
  if (!group || before + length + sizeof "/cpu.max" > sizeof path) return 0;
  for (std::size_t i = 0; i < before + length; ++i) path[i] = i < before ? root[i] : group[i - before];
  int least = 0;
  for (std::size_t end = before + length;; --end) {
    if (end > before && path[end - 1] == '/') continue;
    std::memcpy(path + end, "/cpu.max", sizeof "/cpu.max");
    read_text(path, line);
    const int paid = processors_paid_by(line);
    if (paid > 0 && (least == 0 || paid < least)) least = paid;
    while (end > before && path[end - 1] != '/') --end;
    if (end <= before) return least;
  }
}
#else
inline bool run_elsewhere(int) { return false; }
#endif

/// What the environment and the machine allow now, at least 1.
inline int threads_allowed() {
#if defined(__linux__)
  if (const int named = threads_named(std::getenv("OMP_NUM_THREADS"))) return named;
  const int here = processors_of_process().count(), paid = processors_paid_for("/sys/fs/cgroup", "/proc/self/cgroup");
  const int allowed = paid > 0 && paid < here ? paid : here;
  return allowed < most_threads ? allowed : most_threads;
#else
  return 1;  // the pool sleeps as Linux lets it
#endif
}

}  // namespace fuse::host_threads
