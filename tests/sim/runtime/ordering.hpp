// SPDX-License-Identifier: Apache-2.0
// Which pieces of work are ordered, and which touch the same bytes although they are not.
//
// Streams are chains of numbered operations. A clock says, for each chain, up to which number everything came before.
// An operation starts with what its stream, the events it waits for and the host (at the time of the call) have seen.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../ptx/report.hpp"

namespace sim::runtime {

class vector_clock {
 public:
  void join(const vector_clock& other);
  void forget(std::uint64_t chain) { seen_.erase(chain); }
  void set(std::uint64_t chain, std::uint64_t number) { seen_[chain] = number; }
  bool covers(std::uint64_t chain, std::uint64_t number) const;

 private:
  std::map<std::uint64_t, std::uint64_t> seen_;
};

// The bytes that a piece of work touched, of device memory and pinned host memory alike.
struct touched {
  std::vector<range> written, read;
};
void merge(touched& into, const touched& more);
void simplify(touched& bytes);  // sorted, neighbours joined

// What may still run when a programmatic launch begins, by the bytes that it touches. Kernels before a kernel that
// never executed griddepcontrol.wait outlast it: its end, which is what the next kernel's wait waits for, says nothing
// of them.
struct flight {
  touched until_wait, outlasting;
};
void merge(flight& into, const flight& more);

// Who touched bytes: an operation of a stream, or a node of a graph.
struct toucher {
  std::uint64_t chain = 0, number = 0;
  std::shared_ptr<const std::string> what;  // "kernel add in stream 3"
};

struct access_conflict {
  toucher earlier;
  bool earlier_writes = false, later_writes = false;
  range where;
};

// The last write of every byte, and the reads since.
class access_history {
 public:
  // Enters what `now` touched. The result is a conflict with an access for which ordered(earlier) is false, if any.
  std::optional<access_conflict> enter(const touched& what, const toucher& now,
                                       const std::function<bool(const toucher&)>& ordered);
  void forget(range where);
  void clear() { segments_.clear(); }

 private:
  struct segment {
    std::uint64_t end = 0;
    std::optional<toucher> writer;
    std::vector<toucher> readers;
  };
  std::map<std::uint64_t, segment>::iterator split(std::uint64_t at);
  std::map<std::uint64_t, segment> segments_;  // by first byte, disjoint
};

}  // namespace sim::runtime
