// SPDX-License-Identifier: Apache-2.0
// Pointwise functions of every short length, with what is beside their results.
#include "support/tails.hpp"

TAILS_TESTS
