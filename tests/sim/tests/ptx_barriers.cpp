// SPDX-License-Identifier: Apache-2.0
// Barriers that not all reach, and lanes that are not there. Each fault beside its twin without.
#include "ptx_harness.hpp"

using namespace sim_test;
using sim::fault_kind;

TEST_CASE("a barrier in a divergent branch") {
  program p("faults");
  const auto out = p.allocate(512);
  check_clean(p.run("half_of_the_warp", {1}, {64}, out, 64));
  check_clean(p.run("half_of_the_warp", {1}, {64}, out, 0));
  expect_fault(p, p.run("half_of_the_warp", {1}, {64}, out, 16), fault_kind::barrier_divergence, "bar", 0, 0);
  expect_fault(p, p.run("half_of_the_warp", {1}, {128}, out, 64), fault_kind::barrier_divergence, "bar", 0, 0);
}

TEST_CASE("warps at different barriers") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("two_places", {1}, {64}, out, 0));
  expect_fault(p, p.run("two_places", {1}, {64}, out, 1), fault_kind::barrier_divergence, "bar", 0, 0);
}

TEST_CASE("a barrier that waits for more threads than there are") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("too_few", {1}, {64}, out, 64));
  check_clean(p.run("too_few", {1}, {64}, out, 32));  // each warp completes it by itself
  expect_fault(p, p.run("too_few", {1}, {64}, out, 96), fault_kind::deadlock, "bar", 0, 0);
}

TEST_CASE("shuffles from lanes that are not there") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("shuffle_in_branch", {1}, {32}, out, 32, ~0u));
  CHECK(p.download<int>(out, 32)[3] == 19);
  const auto f =
      expect_fault(p, p.run("shuffle_in_branch", {1}, {32}, out, 16, 0xffffu), fault_kind::inactive_lane, "shfl", 0, 0);
  CHECK(f.message.find("lane 16") != std::string::npos);
  expect_fault(p, p.run("not_named", {1}, {32}, out, 0xfffffffeu), fault_kind::inactive_lane, "shfl", 0, 0);
  check_clean(p.run("not_named", {1}, {32}, out, 0xffffffffu));
  // A block of 16 threads has no lane 20 in its only warp.
  expect_fault(p, p.run("never_come", {1}, {16}, out, 0), fault_kind::inactive_lane, "shfl", 0, 0);
}

TEST_CASE("lanes that a shuffle names but that wait elsewhere") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("never_come", {1}, {32}, out, 0));
  const auto f = expect_fault(p, p.run("never_come", {1}, {32}, out, 1), fault_kind::inactive_lane, "shfl", 0, 0);
  CHECK(f.message.find("0xffff0000") != std::string::npos);
}

TEST_CASE("a lane that its own mask leaves out of a warp barrier") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("unnamed_in_barrier", {1}, {32}, out, 0));
  expect_fault(p, p.run("unnamed_in_barrier", {1}, {32}, out, 1), fault_kind::inactive_lane, "bar.warp.sync", 0, 16);
}

TEST_CASE("matrix instructions need every lane of the warp") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("product_of", {1}, {32}, out, 32));
  check_clean(p.run("matrix_load_of", {1}, {32}, out, 32));
  expect_fault(p, p.run("product_of", {1}, {32}, out, 31), fault_kind::inactive_lane, "mma.sync", 0, 0);
  expect_fault(p, p.run("matrix_load_of", {1}, {32}, out, 31), fault_kind::inactive_lane, "ldmatrix", 0, 0);
  // A block of 16 threads has no other lanes.
  expect_fault(p, p.run("product_of", {1}, {16}, out, 16), fault_kind::inactive_lane, "mma.sync", 0, 0);
}
