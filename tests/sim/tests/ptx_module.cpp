// SPDX-License-Identifier: Apache-2.0
// What is read from a module's text, and what is said about text that the machine does not know.
#include "ptx_harness.hpp"

using namespace sim_test;

namespace {

std::string with_body(const std::string& body) {
  return ".version 9.0\n.target sm_90\n.address_size 64\n.visible .entry k(.param .u64 k_param_0)\n{\n" + body +
         "\nret;\n}\n";
}
void expect_error(const std::string& body, const char* text) {
  auto p = program::of_text(with_body(body));
  CHECK_THROWS_WITH_AS(p.run("k", {1}, {32}, p.allocate(256)), doctest::Contains(text), sim::error);
}

}  // namespace

TEST_CASE("an unknown opcode is an error that names the line, when its kernel first runs") {
  auto p = program::of_text(with_body(".reg .b32 %r<4>;\nmov.u32 %r1, 1;\nfrobnicate.b32 %r1, %r1;"));
  CHECK(p.code().kernels().size() == 1);
  CHECK_THROWS_WITH_AS(p.run("k", {1}, {32}, p.allocate(4)),
                       doctest::Contains("ptx line 8 `frobnicate.b32 %r1, %r1`: opcode frobnicate is not known"),
                       sim::error);
}

TEST_CASE("a modifier, type or operand that is not known is an error, never ignored") {
  expect_error(".reg .b32 %r<4>;\nadd.odd.u32 %r1, %r2, %r3;", "modifier .odd is not known");
  expect_error(".reg .b32 %r<4>;\nadd.u32 %r1, %r2, %r9;", "operand %r9 is not known");
  expect_error(".reg .b32 %r<4>;\nadd.u32 %r1, %r2;", "operand 3 is missing");
  expect_error(".reg .b16 %rs<4>;\n.reg .b32 %r<4>;\nadd.u64 %r1, %r2, %r3;", "does not fit");
  expect_error("bra $nowhere;", "label is not known");
  expect_error("@%p1 bra $nowhere;", "predicate %p1 is not declared");
  expect_error(".reg .quux %r<4>;", "register type is not known");
  expect_error(".reg .b32 %r<4>;\nld.global.u32 %r1, [nothing];", "symbol nothing is not known");
  expect_error(".reg .b32 %r<4>;\nshfl.bfly.b32 %r1, %r2, 1, 31;", "shfl.sync is expected");
}

TEST_CASE("text that is no module") {
  CHECK_THROWS_WITH_AS(sim::module::parse("int main() {}", "main.cpp"), doctest::Contains("not PTX"), sim::error);
  CHECK_THROWS_AS(sim::module::parse(".version 9.0\n.bogus x;\n", "x"), sim::error);
  CHECK_THROWS_AS(sim::module::parse(".version 9.0\n.visible .entry k() {\nret;\n", "x"), sim::error);
}

TEST_CASE("attributes of kernels") {
  program p("faults");
  const auto* shared = p.code().find("neighbour");
  REQUIRE(shared != nullptr);
  CHECK(shared->static_shared_bytes == 512);
  CHECK(shared->parameters.size() == 2);
  CHECK(shared->parameters[1].offset == 8);
  CHECK(shared->parameters[1].size == 4);
  CHECK(shared->parameter_bytes == 12);
  CHECK(shared->local_bytes == 0);
  CHECK(p.code().find("local_beyond")->local_bytes >= 32);
  CHECK(p.code().find("nobody") == nullptr);
  const auto code = sim::module::parse(
      ".version 9.0\n.target sm_90\n.address_size 64\n"
      ".entry a(.param .align 16 .b8 a_0[20], .param .u8 a_1, .param .f64 a_2)\n.maxntid 64, 2, 1\n.minnctapersm 3\n{ "
      "ret; }\n"
      ".entry b()\n.reqntid 32, 4\n{ ret; }\n",
      "attributes");
  const auto* a = code.find("a");
  CHECK(a->max_threads == 128);
  CHECK(a->min_blocks == 3);
  CHECK(a->parameters[0].alignment == 16);
  CHECK(a->parameters[1].offset == 20);
  CHECK(a->parameters[2].offset == 24);
  CHECK(code.find("b")->required_threads == std::array<unsigned, 3>{32, 4, 1});
}

TEST_CASE("launches that no device would take") {
  program p("faults");
  const auto out = p.allocate(4096);
  const auto refuse = [&](sim::launch how, const char* text) {
    CHECK_THROWS_WITH_AS(p.run("neighbour", how, out, 0), doctest::Contains(text), sim::error);
  };
  sim::launch how;
  how.block = {1025};
  refuse(how, "too large");
  how.block = {0};
  refuse(how, "at least one");
  how.block = {32, 1, 65};
  refuse(how, "too large");
  how.block = {32};
  how.grid = {1, 65536};
  refuse(how, "grid");
  how.grid = {1};
  how.dynamic_shared_bytes = 227 * 1024;
  refuse(how, "shared memory");
}

TEST_CASE("names in inner scopes hide outer ones, and labels stay in their scope") {
  auto p = program::of_text(with_body(R"(
.reg .b32 %r<4>;
.reg .b64 %rd<3>;
.reg .pred %p<2>;
ld.param.u64 %rd1, [k_param_0];
mov.u32 %r1, 5;
{
.reg .u32 %r1;
mov.u32 %r1, 3;
again:
sub.u32 %r1, %r1, 1;
setp.ne.u32 %p1, %r1, 0;
@%p1 bra again;
}
{
.reg .u32 %x;
mov.u32 %x, 4;
again:
sub.u32 %x, %x, 1;
setp.ne.u32 %p1, %x, 0;
add.u32 %r1, %r1, 10;
@%p1 bra again;
}
st.global.u32 [%rd1], %r1;
st.global.u32 [%rd1+4], 0x2A;
)"));
  const auto out = p.allocate(8);
  check_clean(p.run("k", {1}, {1}, out));
  CHECK(p.download<int>(out, 2) == std::vector<int>{45, 42});
}

TEST_CASE("line information and attributes are read over") {
  auto p = program::of_text(
      ".version 9.0\n.target sm_90\n.address_size 64\n.file 1 \"a b;.cu\"\n"
      ".visible .global .attribute(.managed) .align 4 .u32 shared_count = 3;\n"
      ".visible .entry k(.param .u64 k_param_0)\n{\n.loc 1 5 0\n.reg .b32 %r<4>;\n.reg .b64 %rd<3>;\n"
      "\t.loc 1 6 3, function_name $L__info_string0, inlined_at 1 7 3\nld.param.u64 %rd1, [k_param_0];\n"
      "ld.global.u32 %r1, [shared_count];\nst.global.u32 [%rd1], %r1;\nret;\n}\n"
      ".section .debug_str {\n$L__info_string0:\n.b8 102,0\n}\n");
  const auto out = p.allocate(4);
  check_clean(p.run("k", {1}, {1}, out));
  CHECK(p.download<int>(out, 1)[0] == 3);
}

TEST_CASE("a branch through a table") {
  auto p = program::of_text(with_body(R"(
.reg .b32 %r<4>;
.reg .b64 %rd<4>;
ld.param.u64 %rd1, [k_param_0];
mov.u32 %r1, %tid.x;
and.b32 %r2, %r1, 3;
targets: .branchtargets zero, one, two, two;
brx.idx %r2, targets;
zero: mov.u32 %r3, 100; bra.uni done;
one: mov.u32 %r3, 200; bra.uni done;
two: mov.u32 %r3, 300;
done:
mul.wide.u32 %rd2, %r1, 4;
add.u64 %rd3, %rd1, %rd2;
st.global.u32 [%rd3], %r3;
)"));
  const auto out = p.allocate(128);
  check_clean(p.run("k", {1}, {32}, out));
  const auto got = p.download<int>(out, 32);
  for (std::size_t t = 0; t < 32; ++t) CHECK(got[t] == std::array{100, 200, 300, 300}[t % 4]);
}
