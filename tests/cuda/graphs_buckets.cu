// SPDX-License-Identifier: Apache-2.0
// Buckets and padded calls on a device: those of the host.
#include "../runtime/buckets_test.cpp"
