// SPDX-License-Identifier: Apache-2.0
#include "fibers.hpp"

#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <stdexcept>

#if !defined(__has_feature)
#error "tests/block: compile with clang++ -fsanitize=thread"
#elif !__has_feature(thread_sanitizer)
#error "tests/block: compile with -fsanitize=thread"
#endif

namespace {

int reports = 0;  // the sanitizer calls back with its own locks held: no atomics are needed, one thread runs
int expected = 0;

constexpr unsigned without_ordering = __tsan_switch_to_fiber_no_sync;

}  // namespace

// Every race counts, also one that was reported before: each run of a block is judged by itself.
extern "C" const char* __tsan_default_options() { return "suppress_equal_stacks=0:suppress_equal_addresses=0"; }

namespace __tsan {
class ReportDesc;
// Called for each report before it is printed; true: it is neither printed nor does it fail the process.
FIBER_UNTRACKED bool OnReport(const ReportDesc*, bool suppressed) {
  if (suppressed) return true;
  ++reports;
  return expected > 0;
}
}  // namespace __tsan

namespace fibers {

FIBER_UNTRACKED expecting_races::expecting_races() { ++expected; }
FIBER_UNTRACKED expecting_races::~expecting_races() { --expected; }

pool::pool() : fibers_(new fiber[most_fibers]), scheduler_sanitizer_(__tsan_get_current_fiber()) {
  for (int i = 0; i < most_fibers; ++i) {
    stacks_.emplace_back(new char[stack_bytes]);
    make(i);
  }
}
pool::~pool() {
  for (int i = 0; i < most_fibers; ++i) __tsan_destroy_fiber(fibers_[i].sanitizer);
  delete[] fibers_;
}

void pool::make(int rank) {
  fiber& f = fibers_[rank];
  f.owner = this;
  f.rank = rank;
  f.sanitizer = __tsan_create_fiber(0);
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = stacks_[std::size_t(rank)].get();
  f.context.uc_stack.ss_size = stack_bytes;
  const auto address = reinterpret_cast<std::uintptr_t>(&f);
  makecontext(&f.context, reinterpret_cast<void (*)()>(entry), 2, unsigned(address), unsigned(address >> 32));
}

/// A fiber goes from run to run: what it leaves behind is the start of the next.
FIBER_UNTRACKED void pool::entry(unsigned low, unsigned high) {
  fiber& f = *reinterpret_cast<fiber*>(std::uintptr_t(low) | std::uintptr_t(high) << 32);
  pool& p = *f.owner;
  for (;;) {
    __tsan_acquire(&p.start_);
    p.body_(p.context_, f.rank);
    f.at = place::finished;
    p.leave(f);
  }
}

/// The end of a run comes after all that its threads did, also those that wait for ever.
FIBER_UNTRACKED void pool::leave(fiber& f) {
  __tsan_release(&finish_);
  __tsan_switch_to_fiber(scheduler_sanitizer_, without_ordering);
  swapcontext(&f.context, &scheduler_);
}
FIBER_UNTRACKED void pool::enter(fiber& f) {
  f.at = place::running;
  __tsan_switch_to_fiber(f.sanitizer, without_ordering);
  swapcontext(&scheduler_, &f.context);
}

/// Two objects in turn: a thread that has passed a barrier and gone on to the next one must not seem to come before
/// what others do between the two.
FIBER_UNTRACKED void pool::barrier(int rank) {
  fiber& f = fibers_[rank];
  char* order = &barriers_[f.generation++ % 2];
  __tsan_release(order);
  f.at = place::barrier;
  leave(f);
  __tsan_acquire(order);
}

/// Orders nothing: on a device a shuffle does not make writes to memory visible.
FIBER_UNTRACKED std::uint64_t pool::exchange(int rank, std::uint64_t value, int mask) {
  fiber& f = fibers_[rank];
  f.value = value;
  f.mask = mask;
  f.at = place::exchange;
  leave(f);
  return f.value;
}

FIBER_UNTRACKED int pool::ready(int* ranks) const {
  int n = 0;
  for (int i = 0; i < size; ++i)
    if (fibers_[i].at == place::running) ranks[n++] = i;
  return n;
}
/// Exchanges the values of a warp all of whose lanes have come to the same exchange.
FIBER_UNTRACKED bool pool::release_warp(int first) {
  std::uint64_t shown[most_fibers];
  const int mask = fibers_[first].mask;
  for (int i = 0; i < lanes; ++i) {
    const fiber& f = fibers_[first + i];
    if (f.at != place::exchange || f.mask != mask || (i ^ mask) >= lanes) return false;
    shown[i] = f.value;
  }
  for (int i = 0; i < lanes; ++i) {
    fibers_[first + i].value = shown[i ^ mask];
    fibers_[first + i].at = place::running;
  }
  return true;
}
FIBER_UNTRACKED bool pool::release_block() {
  for (int i = 0; i < size; ++i)
    if (fibers_[i].at != place::barrier) return false;
  for (int i = 0; i < size; ++i) fibers_[i].at = place::running;
  return true;
}
FIBER_UNTRACKED bool pool::all_finished() const {
  for (int i = 0; i < size; ++i)
    if (fibers_[i].at != place::finished) return false;
  return true;
}
FIBER_UNTRACKED std::string pool::describe() const {
  std::string s;
  for (int i = 0; i < size; ++i) {
    const fiber& f = fibers_[i];
    const char* where = f.at == place::barrier ? "barrier" : f.at == place::exchange ? "exchange" : "end";
    s += (i ? ", " : "") + std::to_string(i) + " at the " + where;
    if (f.at == place::exchange) s += " with " + std::to_string(f.mask);
  }
  return s;
}

outcome pool::run(int threads, int warp, unsigned seed, void (*body)(void*, int), void* context) {
  if (threads < 1 || threads > most_fibers || warp < 1 || threads % warp != 0)
    throw std::invalid_argument("fibers: expected a multiple of " + std::to_string(warp) + " threads, at most " +
                                std::to_string(most_fibers) + ", got " + std::to_string(threads));
  size = threads, lanes = warp, body_ = body, context_ = context;
  storage = std::make_unique<char[]>(std::size_t(threads / warp) * 8);
  std::mt19937 choose(seed);
  const int before = reports;
  for (int i = 0; i < size; ++i) {
    fibers_[i].at = place::running;
    fibers_[i].generation = 0;
  }
  __tsan_release(&start_);
  outcome result;
  int ranks[most_fibers];
  for (;;) {
    if (const int n = ready(ranks); n > 0) {
      enter(fibers_[ranks[choose() % unsigned(n)]]);
    } else {
      if (all_finished()) break;
      bool moved = release_block();
      for (int first = 0; first < size; first += lanes) moved = release_warp(first) || moved;
      if (!moved) {
        result.divergence = describe();
        break;
      }
    }
  }
  if (!result.divergence.empty())
    for (int i = 0; i < size; ++i)
      if (fibers_[i].at != place::finished) {  // it never ends: another takes its place
        __tsan_destroy_fiber(fibers_[i].sanitizer);
        make(i);
      }
  __tsan_acquire(&finish_);
  result.races = reports - before;
  return result;
}

}  // namespace fibers
