// SPDX-License-Identifier: Apache-2.0
// What captured calls have from outside, on a device: those of the host.
#include "../runtime/captures_test.cpp"
