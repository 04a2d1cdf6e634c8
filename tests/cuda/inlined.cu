// SPDX-License-Identifier: Apache-2.0
// Compiled functions called within others, on a device: those of the host.
#include "../call/inlined_test.cpp"
