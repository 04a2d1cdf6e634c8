// SPDX-License-Identifier: Apache-2.0
// Views alone and in others, of static and dynamic lengths, of every rank.
#include "../exec/support/views.hpp"

using namespace views_of;

TEST_CASE("single views") { check_single<tensor<float, dyn, dyn, dyn>>(); }
TEST_CASE("single views of bytes") { check_single<tensor<std::int8_t, 3, dyn, 5>>(); }
TEST_CASE("reshape splits, merges and infers") { check_reshapes<tensor<fx::f16, dyn, 6>>(); }
TEST_CASE("slices take steps, and may be empty") { check_stepped(); }
TEST_CASE("views in views") { check_nested(); }
TEST_CASE("views under reductions") { check_under_reductions<tensor<float, dyn, dyn>>(); }
TEST_CASE("tensors of rank 1 to 6") {
  SUBCASE("1") { check_rank<tensor<float, dyn>>({19}); }
  SUBCASE("4") { check_rank<tensor<float, 3, 1, dyn, 4>>({3, 1, 2, 4}); }
  SUBCASE("6") { check_rank<tensor<float, 2, 3, dyn, 2, dyn, 3>>({2, 3, 2, 2, 1, 3}); }
}
TEST_CASE("operands broadcast as in NumPy") {
  check_broadcasts<tensor<float, dyn, 1, dyn>, tensor<float, dyn, 1>, tensor<float, dyn>>();
}
TEST_CASE("run-time scalars of every C++ type") { check_scalars(); }
TEST_CASE("take reads rows, and 0 outside the table") { check_gathers<std::int32_t>(); }
TEST_CASE("take by bytes") { check_gathers<std::uint8_t>(); }
TEST_CASE("scatter replaces what it names and keeps the rest") { check_scatters(); }
