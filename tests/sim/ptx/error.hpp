// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

namespace sim {

/// A mistake of the machine's caller, or PTX that it cannot execute. The text starts with `sim:`.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sim
