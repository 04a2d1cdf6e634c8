// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 compared, and beyond their range, on a device.
#include "../exec/half_precision_test.cpp"
