// SPDX-License-Identifier: Apache-2.0
// Views alone and in others, of static and dynamic lengths, of every rank.
#include "support/views.hpp"

using namespace views_of;

TEST_CASE_TEMPLATE("single views", X, tensor<float, 3, 4, 5>, tensor<float, dyn, dyn, dyn>) { check_single<X>(); }
TEST_CASE_TEMPLATE("reshape splits, merges and infers", X, tensor<float, 4, 6>, tensor<float, dyn, dyn>) {
  check_reshapes<X>();
}
TEST_CASE("reshapes of f16") { check_reshapes<tensor<fx::f16, dyn, 6>, false>(); }
TEST_CASE("slices take steps, and may be empty") { check_stepped(); }
TEST_CASE("views in views") { check_nested(); }
TEST_CASE_TEMPLATE("views under reductions", X, tensor<float, 4, 6>, tensor<float, dyn, dyn>) {
  check_under_reductions<X>();
}
TEST_CASE("tensors of rank 1 to 6") {
  SUBCASE("1") { check_rank<tensor<float, dyn>>({19}); }
  SUBCASE("2") { check_rank<tensor<float, dyn, 5>, false>({3, 5}); }
  SUBCASE("3") { check_rank<tensor<float, 3, dyn, 2>, false>({3, 5, 2}); }
  SUBCASE("4") { check_rank<tensor<float, 3, 1, dyn, 4>>({3, 1, 2, 4}); }
  SUBCASE("5") { check_rank<tensor<float, 2, dyn, 2, 1, 5>, false>({2, 3, 2, 1, 5}); }
  SUBCASE("6") { check_rank<tensor<float, 2, 3, dyn, 2, dyn, 3>>({2, 3, 2, 2, 1, 3}); }
}
TEST_CASE("operands broadcast as in NumPy") {
  SUBCASE("static") { check_broadcasts<tensor<float, 3, 1, 4>, tensor<float, 2, 1>, tensor<float, 4>>(); }
  SUBCASE("dynamic") { check_broadcasts<tensor<float, dyn, 1, dyn>, tensor<float, dyn, 1>, tensor<float, dyn>>(); }
}
TEST_CASE("run-time scalars of every C++ type") { check_scalars(); }
TEST_CASE("take reads rows, and 0 outside the table") { check_gathers<std::int32_t>(); }
TEST_CASE("scatter replaces what it names and keeps the rest") { check_scatters(); }
