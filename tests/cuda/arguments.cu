// SPDX-License-Identifier: Apache-2.0
// What a call may be given, in device memory.
#include "../call/arguments_test.cpp"
