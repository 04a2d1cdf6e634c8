// SPDX-License-Identifier: Apache-2.0
// What people see of captured calls on a device: as on the host, and ranges for profilers.
#include "../runtime/inspect_test.cpp"
