// SPDX-License-Identifier: Apache-2.0
// Rows of static length, whose values a block holds in registers, and rows so long that shared memory or global memory
// holds them.
#include "../exec/support/reductions.hpp"

TEST_CASE("f32 rows of static length") {
  SUBCASE("1") { reductions::check_static<float, 1>(); }
  SUBCASE("2") { reductions::check_static<float, 2>(); }
  SUBCASE("15") { reductions::check_static<float, 15>(); }
  SUBCASE("16") { reductions::check_static<float, 16>(); }
  SUBCASE("17") { reductions::check_static<float, 17>(); }
  SUBCASE("31") { reductions::check_static<float, 31>(); }
  SUBCASE("33") { reductions::check_static<float, 33>(); }
  SUBCASE("1000") { reductions::check_static<float, 1000>(); }
  SUBCASE("4097") { reductions::check_static<float, 4097>(); }
}
TEST_CASE("rows of other dtypes of static length") {
  SUBCASE("bf16") { reductions::check_static<fuse::bf16, 1000>(); }
  SUBCASE("f64") { reductions::check_static<double, 33>(); }
  SUBCASE("i8") { reductions::check_static<std::int8_t, 4096>(); }
}
TEST_CASE("rows that outgrow shared memory") {
  // Two values an element are kept: 47 KiB, what a block can ask for in all, and more than that.
  SUBCASE("in shared memory") { reductions::check_long<float>(5000); }
  SUBCASE("in all of it") { reductions::check_long<float>(20001); }
  SUBCASE("in global memory") { reductions::check_long<float>(100003); }
  SUBCASE("f64 in global memory") { reductions::check_long<double>(40000); }
}
