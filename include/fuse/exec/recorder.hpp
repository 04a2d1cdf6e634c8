// SPDX-License-Identifier: Apache-2.0
// What an executor turns to while a call is captured instead of run, or watched: memory that the captured call owns,
// and the list of what it launches.
#pragma once
#include <fuse/tensor/tensor.hpp>

namespace fuse {

/// The two regions of memory that an executor reuses from launch to launch.
enum class workspace_kind : std::uint8_t {
  temporaries,  // of one compiled function
  scratch,      // of one kernel's blocks
};

class recorder {
 public:
  virtual buffer allocate(std::size_t bytes) = 0;
  /// Valid until the next call for the same kind.
  virtual char* workspace(workspace_kind kind, std::size_t bytes) = 0;
  /// Or does it only look on while the work runs?
  virtual bool captures() const = 0;

 protected:
  ~recorder() = default;
};

/// Writes zeros to where the calls to come keep their variables. Libraries give kernels empty functors and structs with
/// padding, whose bytes are what lay there before. While a call is captured that must not be what differs from one
/// capture to the next: parts of addresses that fuse's own functions left behind.
__attribute__((noinline)) inline void clean_stack() {
  volatile char below[1 << 16];
  for (volatile char& c : below) c = 0;
}

/// While a call is captured, tensors have addresses that stand for memory and are none. Each capture numbers the
/// regions that its addresses lie in: each argument is one, the memory that the captured call owns is one, and so is
/// each scalar, whose "address" are its bits. The addresses are signalling NaNs when read as f64: no constant that a
/// kernel is given looks like one, so every word that does is found in a kernel's arguments, exactly.
namespace shadow {
inline constexpr std::uint64_t first = 0x7ff4'0000'0000'0000, last = 0x7ff7'ffff'ffff'ffff;
inline constexpr int region_bits = 40, most_regions = 1024;

constexpr bool is(std::uint64_t word) { return word >= first && word <= last; }
inline bool is(const void* p) { return is(reinterpret_cast<std::uintptr_t>(p)); }
constexpr int region_of(std::uint64_t word) { return static_cast<int>((word - first) >> region_bits); }
/// Where a region starts: in its middle, as views may reach to both sides of it.
constexpr std::uint64_t start(int region) {
  return first + (static_cast<std::uint64_t>(region) << region_bits) + (std::uint64_t(1) << (region_bits - 1));
}
}  // namespace shadow

}  // namespace fuse
