// SPDX-License-Identifier: Apache-2.0
// Bounds, alignment and initialisation; programmatic dependent launch. Each fault beside its twin without.
#include "ptx_harness.hpp"

using namespace sim_test;
using sim::fault_kind;

TEST_CASE("a load one past the end names the thread, the line and the address") {
  program p("faults");
  const auto in = p.upload(std::vector<int>(200, 4)), out = p.allocate(400 * 4);
  check_clean(p.run("beyond", {2}, {128}, in, out, 200, 0));
  const auto r = p.run("beyond", {2}, {128}, in, out, 200, 1);
  const auto f = expect_fault(r, fault_kind::out_of_bounds);
  CHECK(r.faults.size() == 1);
  CHECK(f.kernel == "beyond");
  CHECK(f.block == std::array<unsigned, 3>{1, 0, 0});
  CHECK(f.thread == std::array<unsigned, 3>{72, 0, 0});
  CHECK(f.address == in + 800);
  CHECK(f.instruction.substr(0, 9) == "ld.global");
  CHECK(f.line > 0);
  CHECK(p.download<int>(out, 200) == std::vector<int>(200, 5));  // the others go on
}

TEST_CASE("freed memory is out of bounds") {
  program p("faults");
  const auto in = p.upload(std::vector<int>(32, 1)), out = p.allocate(128);
  check_clean(p.run("read_all", {1}, {32}, in, out));
  p.device().free(in);
  expect_fault(p.run("read_all", {1}, {32}, in, out), fault_kind::out_of_bounds);
}

TEST_CASE("a null pointer is out of bounds") {
  program p("faults");
  const auto f =
      expect_fault(p.run("read_all", {1}, {32}, std::uint64_t{0}, p.allocate(128)), fault_kind::out_of_bounds);
  CHECK(f.address == 0);
}

TEST_CASE("misaligned loads") {
  program p("faults");
  const auto in = p.upload(std::vector<char>(256, 1)), out = p.allocate(128);
  check_clean(p.run("skewed", {1}, {32}, in, out, 0));
  check_clean(p.run("skewed", {1}, {32}, in, out, 4));
  const auto f = expect_fault(p, p.run("skewed", {1}, {32}, in, out, 2), fault_kind::misaligned, "ld.global", 0, 5);
  CHECK(f.address == in + 22);
}

TEST_CASE("reads of global bytes that nothing wrote") {
  program p("faults");
  const auto in = p.allocate(128), out = p.allocate(128);
  p.device().fill(in, 3, 80);
  const auto f = expect_fault(p, p.run("read_all", {1}, {32}, in, out), fault_kind::unwritten, "ld.global", 0, 20);
  CHECK(f.address == in + 80);
  p.device().fill(in + 80, 0, 48);
  check_clean(p.run("read_all", {1}, {32}, in, out));
  // What a kernel wrote is written; what is copied carries its state along.
  const auto next = p.allocate(128), fresh = p.allocate(128);
  check_clean(p.run("read_all", {1}, {32}, out, next));
  p.device().copy(next, fresh, 128);
  expect_fault(p.run("read_all", {1}, {32}, next, out), fault_kind::unwritten);
}

TEST_CASE("reads of shared bytes that nothing wrote") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("shared_unwritten", {1}, {64}, out, 0));
  expect_fault(p, p.run("shared_unwritten", {2}, {64}, out, 1), fault_kind::unwritten, "ld.shared", 0, 6);
}

TEST_CASE("shared and local memory have bounds") {
  program p("faults");
  const auto out = p.upload(std::vector<int>(32, 1));
  sim::launch how;
  how.block = {32};
  how.dynamic_shared_bytes = 128;
  // The planted store would race with its victim: bounds alone are of interest.
  how.which = sim::without(sim::checks::all, sim::checks::shared_races);
  check_clean(p.run("shared_beyond", how, out, 31));
  expect_fault(p, p.run("shared_beyond", how, out, 32), fault_kind::out_of_bounds, "st.shared", 0, 3);
  expect_fault(p.run("shared_beyond", how, out, -1), fault_kind::out_of_bounds);
  check_clean(p.run("local_beyond", {1}, {1}, out, 7));
  expect_fault(p, p.run("local_beyond", {1}, {1}, out, 8), fault_kind::out_of_bounds, "ld.local", 0, 0);
}

TEST_CASE("constants are read only, and the host may change them") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("read_constant", {1}, {32}, out));
  CHECK(p.download<int>(out, 4) == std::vector<int>{1, 2, 3, 4});
  check_clean(p.run("write_through", {1}, {1}, out));
  expect_fault(p, p.run("write_through", {1}, {1}, p.code().symbol("table", p.device())), fault_kind::read_only,
               "st.global", 0, 0);
  const int nine = 9;
  p.device().write(p.code().symbol("table", p.device()) + 8, &nine, 4);
  check_clean(p.run("read_constant", {1}, {32}, out));
  CHECK(p.download<int>(out, 4) == std::vector<int>{1, 2, 9, 4});
}

TEST_CASE("faults of one line are one fault, the rest is counted") {
  program p("faults");
  const auto r = p.run("read_all", {1}, {32}, p.allocate(4), p.allocate(128));
  CHECK(r.faults.size() == 2);  // out of bounds, unwritten
  CHECK(r.faults_left_out == 30);
}

TEST_CASE("the first thread at fault is named, whichever OS thread meets it first") {
  program p("faults");
  const auto in = p.upload(std::vector<int>(100, 4)), out = p.allocate(40000);
  for (int round = 0; round < 5; ++round) {
    const auto r = p.run("beyond", {64}, {128}, in, out, 100, 64 * 128 - 100);
    const auto f = expect_fault(r, fault_kind::out_of_bounds);
    CHECK(f.block[0] == 0);
    CHECK(f.thread[0] == 100);
    CHECK(r.faults.size() + r.faults_left_out == 64 * 128 - 100);
  }
}

TEST_CASE("checks can be switched off; bounds stay") {
  program p("faults");
  sim::launch how;
  how.block = {32};
  how.which = sim::checks::none;
  const auto out = p.allocate(128);
  const auto r = p.run("read_all", how, p.allocate(128), out);
  check_clean(r);
  CHECK(r.counts.loads.requests == 0);
  CHECK(r.counts.thread_total() > 0);
  expect_fault(p.run("read_all", how, p.allocate(64), out), fault_kind::out_of_bounds);
}

TEST_CASE("data of a kernel in flight may be read after griddepcontrol.wait only") {
  program p("faults");
  const auto before = p.upload(std::vector<int>(32, 1)), weights = p.upload(std::vector<int>(32, 2)),
             out = p.allocate(128);
  sim::launch how;
  how.block = {32};
  how.in_flight_writes = {{out, out + 1}, {before + 64, before + 128}, {before, before + 70}};
  check_clean(p.run("dependent", how, before, weights, out, 0));
  CHECK(p.download<int>(out, 32) == std::vector<int>(32, 3));
  const auto f = expect_fault(p, p.run("dependent", how, before, weights, out, 1), fault_kind::early_dependent_access,
                              "ld.global", 0, 0);
  CHECK(f.address == before);
  how.in_flight_writes.clear();  // an ordinary launch
  check_clean(p.run("dependent", how, before, weights, out, 1));
}

TEST_CASE("data that a kernel in flight reads may be overwritten after the wait only") {
  program p("faults");
  const auto out = p.allocate(128);
  sim::launch how;
  how.block = {32};
  how.in_flight_reads = {{out, out + 4}};
  check_clean(p.run("overwrites", how, out, 0));
  expect_fault(p, p.run("overwrites", how, out, 1), fault_kind::early_dependent_access, "st.global", 0, 0);
}

TEST_CASE("what outlasts the kernel before may not be touched, waited for or not") {
  program p("faults");
  const auto before = p.upload(std::vector<int>(32, 1)), weights = p.upload(std::vector<int>(32, 2)),
             out = p.allocate(128);
  sim::launch how;
  how.block = {32};
  how.outlasting_writes = {{before + 28, before + 32}};
  expect_fault(p, p.run("dependent", how, before, weights, out, 0), fault_kind::early_dependent_access, "ld.global", 0,
               7);
  how.outlasting_writes.clear();
  how.outlasting_reads = {{before, before + 128}};
  check_clean(p.run("dependent", how, before, weights, out, 0));
  how.outlasting_reads = {{out + 8, out + 9}};
  expect_fault(p, p.run("dependent", how, before, weights, out, 0), fault_kind::early_dependent_access, "st.global", 0,
               2);
  // Who waited says so.
  CHECK(p.run("dependent", {1}, {32}, before, weights, out, 0).waited);
  CHECK_FALSE(p.run("never_waits", {1}, {32}, out).waited);
}

TEST_CASE("registers and local memory hold nothing of the block before") {
  auto p = program::of_text(R"(
.version 8.0
.target sm_90
.address_size 64
.visible .entry leftovers(.param .u64 out)
{
  .local .align 4 .b8 own[8];
  .reg .b32 %r<6>;
  .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %ctaid.x;
  mul.wide.u32 %rd2, %r1, 8;
  add.s64 %rd3, %rd1, %rd2;
  ld.local.u32 %r2, [own+4];
  st.global.u32 [%rd3], %r2;
  st.global.u32 [%rd3+4], %r4;
  add.u32 %r3, %r1, 7;
  st.local.u32 [own+4], %r3;
  mov.u32 %r4, %r3;
  ret;
}
)");
  const auto out = p.allocate(64);
  sim::launch how{.grid = {8}, .block = {1}};
  how.threads = 1;
  check_clean(p.run("leftovers", how, out));
  CHECK(p.download<unsigned>(out, 16) == std::vector<unsigned>(16, 0xffffffffu));
}
