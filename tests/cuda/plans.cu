// SPDX-License-Identifier: Apache-2.0
// Functions that the planner has to cut, on a device.
#include "../exec/plans_test.cpp"
