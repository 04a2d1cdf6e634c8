// SPDX-License-Identifier: Apache-2.0
// Where in captured graphs kernels are started while the one before them runs (programmatic dependent launch). The
// driver's documents do not say where it takes that. It is asked; what it refuses once is not asked again.
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

namespace fuse::cuda {

enum class early_place : std::uint8_t {
  chain = 1,  // at top level
  part = 2,   // in a graph that becomes a child of another
  loop = 4,   // in the body of a loop
};

/// Sets of early_place. An executor has one; captures ask it, and tell it of what failed.
class early_starts {
 public:
  bool allows(early_place where) const { return !(refused_ & bit(where)); }
  bool allows_all(unsigned places) const { return !(refused_ & places); }
  void refuse(early_place where) { refused_ |= bit(where); }
  void take_back(unsigned places) { refused_ &= ~places; }
  static unsigned bit(early_place where) { return static_cast<unsigned>(where); }

  /// Is this the error of a call that asks for what the driver does not take, not one of want or of a device that is
  /// lost?
  static bool may_mean(cudaError_t e) {
    return e == cudaErrorInvalidValue || e == cudaErrorNotSupported || e == cudaErrorNotPermitted ||
           e == cudaErrorStreamCaptureUnsupported || e == cudaErrorGraphExecUpdateFailure;
  }
  /// A call has failed, perhaps because of early starts in these places.
  void suspect(unsigned places) { suspected_ = places; }
  bool has_suspects() const { return suspected_ != 0; }
  /// Is what failed worth another try? It is where it was made before a place under suspicion was refused; else the
  /// likeliest of them is refused now, and added to `given_up`.
  bool give_up(unsigned& given_up) {
    const unsigned open = suspected_ & ~refused_;
    bool again = open != suspected_;
    suspected_ = 0;
    for (const auto where : {early_place::loop, early_place::part, early_place::chain}) {
      if (again || !(open & bit(where))) continue;
      refuse(where);
      given_up |= bit(where);
      again = true;
    }
    if (again) cudaGetLastError();
    return again;
  }

 private:
  unsigned refused_ = 0, suspected_ = 0;
};

}  // namespace fuse::cuda
