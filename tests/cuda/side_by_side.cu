// SPDX-License-Identifier: Apache-2.0
// Kernels side by side in one launch, on a device: those of the host.
#include "../exec/side_by_side_test.cpp"
