// SPDX-License-Identifier: Apache-2.0
// A block of N fibers on one host thread, watched by ThreadSanitizer: any block size, any number of lanes, and a
// schedule that a seed decides. Each fiber is a thread of its own to the sanitizer, ordered with the others by barriers
// alone, so that a missing barrier is found in every schedule. Compile with -fsanitize=thread.
#pragma once
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fuse/kernel/block.hpp>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

namespace fibers {

/// What the scheduler and the fibers know of each other orders nothing: it is hidden from the sanitizer.
#define FIBER_UNTRACKED __attribute__((no_sanitize("thread"), noinline))

inline constexpr int most_fibers = 128;
inline constexpr std::size_t stack_bytes = std::size_t(256) << 10;

/// What a run of a block came to.
struct outcome {
  int races = 0;           // reports of the sanitizer
  std::string divergence;  // empty, or which threads wait where
  bool clean() const { return races == 0 && divergence.empty(); }
};

enum class place : unsigned char { running, barrier, exchange, finished };

class pool;

struct fiber {
  ucontext_t context{};
  void* sanitizer = nullptr;
  pool* owner = nullptr;
  int rank = 0;
  place at = place::finished;
  std::uint64_t value = 0;  // what the thread shows its warp
  int mask = 0;             // of its exchange
  int generation = 0;       // barriers passed
};

class pool {
 public:
  pool();
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  /// body(context, rank) in `size` threads of warps of `lanes`.
  /// @pre size <= most_fibers, and a multiple of lanes
  outcome run(int size, int lanes, unsigned seed, void (*body)(void* context, int rank), void* context);

  void barrier(int rank);
  std::uint64_t exchange(int rank, std::uint64_t value, int mask);

  int size = 0, lanes = 0;
  std::unique_ptr<char[]> storage;  // that the block shares

 private:
  static void entry(unsigned low, unsigned high);
  void make(int rank);
  void leave(fiber& f);
  void enter(fiber& f);
  int ready(int* ranks) const;
  bool release_warp(int first);
  bool release_block();
  bool all_finished() const;
  std::string describe() const;

  fiber* fibers_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  ucontext_t scheduler_{};
  void* scheduler_sanitizer_ = nullptr;
  void (*body_)(void*, int) = nullptr;
  void* context_ = nullptr;
  char start_ = 0, finish_ = 0, barriers_[2] = {};  // what the sanitizer orders threads by
};

/// While one is alive, reports are counted, not printed, and do not fail the process.
class expecting_races {
 public:
  expecting_races();
  ~expecting_races();
  expecting_races(const expecting_races&) = delete;
  expecting_races& operator=(const expecting_races&) = delete;
};

/// The Block of one fiber.
struct block {
  using values = fuse::host_values;
  pool* threads;
  int number;
  int rank() const { return number; }
  int size() const { return threads->size; }
  int lanes() const { return threads->lanes; }
  void sync() const { threads->barrier(number); }
  template <class T>
  T exchange(T x, int mask) const {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &x, sizeof x);
    bits = threads->exchange(number, bits, mask);
    std::memcpy(&x, &bits, sizeof x);
    return x;
  }
  char* storage() const { return threads->storage.get(); }
};
static_assert(fuse::block<block>);

/// body(block) in every thread of one block.
template <class F>
outcome run(int size, int lanes, unsigned seed, const F& body) {
  static pool threads;
  struct call {
    const F& body;
    pool& threads;
  } context{body, threads};
  return threads.run(
      size, lanes, seed,
      [](void* c, int rank) {
        static_cast<call*>(c)->body(block{&static_cast<call*>(c)->threads, rank});
      },
      &context);
}

}  // namespace fibers
