// SPDX-License-Identifier: Apache-2.0
// The device's work queue: operations with their dependencies, run on one worker thread in an order that the schedule
// chooses. Nothing in it knows what an operation does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ordering.hpp"

namespace sim::runtime {

struct operation {
  std::uint64_t order = 0;  // position in the order of submission
  std::uint64_t draw = 0;   // random schedule: the ready operation with the smallest draw runs first
  std::string what;         // for messages: "kernel add", "copy of 400 bytes"
  std::vector<std::shared_ptr<operation>> after;  // emptied once done, so chains stay short
  std::function<void()> body;                     // runs on the worker thread, without the runtime's lock
  std::shared_ptr<const vector_clock> clock;      // what comes before it, itself included
  bool done = false;
};
using ticket = std::shared_ptr<operation>;
using lock_type = std::unique_lock<std::mutex>;

// late: an operation runs only when the host waits for it, and the newest ready one goes first, so that a dependency
//   which the program forgot to state is violated. The default.
// eager: an operation runs as soon as it is submitted.
// random: some ready operations, drawn with the seed, run at every call of the runtime.
struct schedule {
  enum class kind { late, eager, random } how = kind::late;
  std::uint64_t seed = 0;
  // Reads "late", "eager" or "random:<seed>"; throws std::invalid_argument for anything else.
  static schedule parse(const std::string& text);
};

// Every member is called with the lock held; those that wait release it while they do.
class scheduler {
 public:
  scheduler(std::mutex& mutex, schedule how) : mutex_(mutex), schedule_(how) {}
  // Random draws begin anew, so that what follows depends on the seed alone.
  void set_schedule(schedule how) { schedule_ = how, drawn_ = 0, drawn_from_ = submitted_; }
  schedule current_schedule() const { return schedule_; }

  // @post the operation runs after every one of `after`. Under the eager schedule it has run.
  ticket submit(lock_type& lock, std::string what, std::vector<ticket> after, std::function<void()> body,
                std::shared_ptr<const vector_clock> clock);

  void finish(lock_type& lock, const ticket& wanted);  // runs `wanted` and what it depends on
  void finish_all(lock_type& lock);
  void step(lock_type& lock, const ticket& wanted);  // runs one operation that `wanted` needs, or `wanted`
  void drift(lock_type& lock);  // at every call of the runtime: what the random schedule lets happen meanwhile

  std::size_t pending() const { return pending_.size(); }
  std::uint64_t next_random();  // the schedule's own deterministic sequence

 private:
  struct request {
    ticket wanted;      // null: everything
    std::size_t limit;  // operations to run at most
    bool done = false;
  };
  void ask(lock_type& lock, ticket wanted, std::size_t limit);  // waits until the worker has done it
  void work();
  void drain(lock_type& lock, const ticket& wanted, std::size_t limit);
  void run(lock_type& lock, const ticket& chosen);

  std::mutex& mutex_;
  schedule schedule_;
  std::uint64_t submitted_ = 0, drawn_ = 0, drawn_from_ = 0;
  std::map<std::uint64_t, ticket> pending_;  // by order
  std::deque<request*> requests_;
  std::condition_variable asked_, answered_;
  bool started_ = false;
};

}  // namespace sim::runtime
