// SPDX-License-Identifier: Apache-2.0
// What one launch did: its counters, and the faults that the checks found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

/// The checks that a launch makes. Bounds and alignment are always checked: the machine needs them for its own safety.
enum class checks : unsigned {
  none = 0,
  initialised = 1,       ///< loads of global or shared bytes that nothing wrote
  shared_races = 2,      ///< unordered accesses of two threads of a block
  global_races = 4,      ///< unordered accesses of two blocks of the launch
  barriers = 8,          ///< barriers that only some threads reach
  shuffles = 16,         ///< values taken from inactive lanes
  async_copies = 32,     ///< reads of cp.async data before its wait
  dependent_reads = 64,  ///< accesses above griddepcontrol.wait that race with the kernel before
  traffic = 128,         ///< counts sectors, distinct bytes and bank conflicts
  all = 255
};
constexpr checks operator|(checks a, checks b) { return checks(unsigned(a) | unsigned(b)); }
constexpr checks operator&(checks a, checks b) { return checks(unsigned(a) & unsigned(b)); }
constexpr checks without(checks a, checks b) { return checks(unsigned(a) & ~unsigned(b)); }
constexpr bool has(checks set, checks one) { return (unsigned(set) & unsigned(one)) != 0; }

enum class fault_kind : unsigned char {
  out_of_bounds,  ///< no live allocation holds all of the access
  misaligned,     ///< the address is no multiple of the access's width
  unwritten,      ///< load of bytes that nothing wrote
  read_only,      ///< store to constant or parameter space
  shared_race,
  global_race,
  barrier_divergence,  ///< some threads of the block left, or wait elsewhere
  deadlock,
  inactive_lane,  ///< a shuffle, vote or warp barrier names a lane that is not there
  async_read,     ///< shared bytes that a cp.async still writes
  early_dependent_access,
  trap,
  assertion,
  driver_crash,  ///< a sequence of calls that is known to end the process inside the driver
};
std::string_view name(fault_kind kind);

struct fault {
  fault_kind kind{};
  std::string kernel;       ///< mangled
  int line = 0;             ///< in the PTX module, from 1
  std::string instruction;  ///< the text of that line
  std::array<unsigned, 3> block{}, thread{};
  std::uint64_t address = 0;  ///< generic address, 0 where it does not apply
  std::string message;        ///< one sentence more: the other thread, the allocation, what was expected
};
/// "sim: out_of_bounds: kernel, ptx line 12 `ld.global.f32 %f1, [%rd4]`, block (0,0,0), thread (31,0,0), address 0x…:
/// …"
std::string to_string(const fault& what);

enum class instruction_kind : unsigned char {
  integer,  ///< arithmetic, logic, shifts, comparisons, select and moves of integers and bits
  f32,
  f64,
  f16,  ///< f16, bf16 and their packed forms
  conversion,
  special,   ///< approximations: ex2, lg2, sin, cos, tanh, rcp, rsqrt, sqrt
  matrix,    ///< mma, ldmatrix
  memory,    ///< loads, stores, atomics, cp.async, prefetch
  control,   ///< branches, calls, exits
  barrier,   ///< block and warp barriers, fences, griddepcontrol
  exchange,  ///< shuffles, votes, match, redux
  count_
};
inline constexpr std::size_t instruction_kinds = std::size_t(instruction_kind::count_);
std::string_view name(instruction_kind kind);

struct range {
  std::uint64_t begin = 0, end = 0;  ///< device addresses, half open
  friend bool operator==(const range&, const range&) = default;
};

/// The distinct bytes of one allocation that a launch touched.
struct touched_bytes {
  std::uint64_t read = 0, written = 0;
};

/// Global traffic of one direction. Only with checks::traffic.
struct global_traffic {
  std::uint64_t requests = 0;         ///< warp instructions
  std::uint64_t sectors = 0;          ///< distinct 32-byte sectors, summed over the requests
  std::uint64_t requested_bytes = 0;  ///< bytes that the lanes asked for; lanes that ask for the same bytes count each
  std::uint64_t useful_bytes = 0;     ///< distinct bytes, summed over the requests
  std::uint64_t distinct_bytes = 0;   ///< in the whole launch, exact
  /// Useful bytes over fetched bytes: 1 when every sector is used whole; 1 also when there was no request.
  double efficiency() const { return sectors == 0 ? 1.0 : double(useful_bytes) / (32.0 * double(sectors)); }
};

struct counters {
  std::array<std::uint64_t, instruction_kinds> thread_instructions{};  ///< lanes whose predicate held
  std::array<std::uint64_t, instruction_kinds> warp_instructions{};    ///< issued, also when no lane's predicate held
  global_traffic loads, stores;  ///< global memory by plain accesses and cp.async (constants and parameters apart)
  std::uint64_t atomics = 0;     ///< lanes that executed a global atomic or reduction
  std::array<std::uint64_t, 6> load_widths{},
      store_widths{};                 ///< global lanes by log2 of the width: 1, 2, 4, 8, 16, 32 bytes
  std::uint64_t shared_requests = 0;  ///< warp instructions on shared memory
  std::uint64_t bank_conflicts = 0;   ///< shared wavefronts above the least possible
  std::uint64_t local_accesses = 0;   ///< lanes that accessed local memory
  std::uint64_t barriers = 0;         ///< block barriers, once a warp
  std::uint64_t divergent_branches = 0;
  std::map<std::uint64_t, touched_bytes> allocations;  ///< by first address; only with checks::traffic

  std::uint64_t thread_total() const;
  std::uint64_t warp_total() const;
  std::uint64_t threads(instruction_kind kind) const { return thread_instructions[std::size_t(kind)]; }
  std::uint64_t warps(instruction_kind kind) const { return warp_instructions[std::size_t(kind)]; }
};

struct report {
  counters counts;
  std::vector<fault> faults;          ///< at most 16, one for each kind and PTX line
  std::uint64_t faults_left_out = 0;  ///< how many more there were
  std::string printed;                ///< printf of the device, in the order of the blocks
  bool trapped = false;               ///< trap or a failed assertion ended the launch early
  bool waited = false;                ///< a thread executed griddepcontrol.wait
  std::vector<range> read, written;   ///< global bytes touched, sorted, disjoint; only with checks::traffic
};

}  // namespace sim
