// SPDX-License-Identifier: Apache-2.0
// What every launch counted, for other programs to read.
#pragma once

#include "control.hpp"

namespace sim::runtime {

/// Where FUSE_SIM_COUNTERS names a file: appends one line of JSON. Begins the file at the process's first launch.
/// @throws std::runtime_error  the file cannot be written
void log_counters(const control::launch_record& launch);

}  // namespace sim::runtime
