// SPDX-License-Identifier: Apache-2.0
// Arguments of captured calls on a device: those of the host.
#include "../runtime/arguments_test.cpp"
