// SPDX-License-Identifier: Apache-2.0
// Shared memory on a device: as on the host.
#include "../runtime/sharing_test.cpp"
