// SPDX-License-Identifier: Apache-2.0
// Threads that share a graphed function on a device: those of the host.
#include "../runtime/threads_test.cpp"
