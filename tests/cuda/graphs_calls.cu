// SPDX-License-Identifier: Apache-2.0
// Keys, limits and modes of captured calls on a device: those of the host.
#include "../runtime/calls_test.cpp"
