// SPDX-License-Identifier: Apache-2.0
// What is wrong with a program, as compilers say it: the text of a static assertion, and beside it the arguments of the
// template that it stands in. So the name of the operation or function and the numbers that disagree are arguments
// here. Instantiated for wrong programs only.
#pragma once
#include <fuse/graph/graph.hpp>

namespace fuse {

/// A name as a template argument.
template <std::size_t N>
struct fixed_name {
  char text[N]{};
  consteval fixed_name(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
};

namespace refuse {

// ---- operations ----
template <class Operation, int Given, int Expected>
consteval void operands() {
  static_assert(Given == Expected, "fuse::op: the operation takes another number of operands than are given");
}
template <class Operation, index Left, index Right>
consteval void extents() {
  static_assert(Left == Right,
                "fuse::op: the operands' extents differ and do not broadcast: aligned at the last axis, each pair must "
                "be equal, or one of them 1 (reshape or unsqueeze an operand)");
}
template <class Operation, dtype Given>
consteval void floating() {
  static_assert(Given < dtype::f16, "fuse::op: the operation takes integers or bool (cast floating operands first)");
}
template <class Reduction, int Axes>
consteval void scalar_row() {
  static_assert(Axes > 0, "fuse::row: a reduction needs at least one axis, and the operand is a scalar");
}
template <class Reduction, int Axis, int Axes>
consteval void axis() {
  static_assert(Axis == Axes - 1, "fuse::axis: reductions run along the last axis (permute the axis to the end first)");
}

// ---- calls of compiled functions; Argument and Output count from 0 ----
template <fixed_name Function, int Argument, class Type>
consteval void argument() {
  static_assert(Argument < 0, "fuse::compile: an argument is neither a tensor, a view, a scalar, nor a struct of them");
}
template <fixed_name Function, int Arguments, class... Types>
consteval void call() {
  static_assert(Arguments < 0,
                "fuse::compile: the function does not accept these arguments: it has another number of parameters, or "
                "one of them refuses its argument's dtype or extents");
}
template <fixed_name Function, class Result>
consteval void result() {
  static_assert(sizeof(Result*) == 0,
                "fuse::compile: the function returns nothing that can be computed: return an expression or "
                "fuse::outputs(...)");
}
template <fixed_name Function, int Buffers, int Results>
consteval void buffers() {
  static_assert(Buffers == Results, "fuse::out: the function returns another number of results than buffers are given");
}
template <fixed_name Function, int Output, dtype Buffer, dtype Result>
consteval void buffer_dtype() {
  static_assert(Buffer == Result,
                "fuse::out: the buffer has another dtype than the result (cast the result, or change the buffer)");
}
template <fixed_name Function, int Output, int Buffer, int Result>
consteval void buffer_rank() {
  static_assert(Buffer == Result, "fuse::out: the buffer has another rank than the result");
}
template <fixed_name Function, int Output, index Buffer, index Result>
consteval void buffer_extent() {
  static_assert(Buffer == Result, "fuse::out: the buffer has another static extent than the result");
}
template <fixed_name Function, int Output>
consteval void constant_buffer() {
  static_assert(Output < 0, "fuse::out: the buffer is const");
}
template <fixed_name Function, limit Over>
consteval void size() {
  static_assert(Over != limit::operations,
                "fuse::compile: the function has more than 512 operations, literals and arguments (compile parts of it "
                "as functions of their own)");
  static_assert(Over != limit::lengths, "fuse::compile: the function has more than 192 different axis lengths");
  static_assert(Over != limit::views, "fuse::compile: the function has more than 256 different views");
  static_assert(Over != limit::checks, "fuse::compile: the function needs more than 256 lengths to agree at run time");
  static_assert(Over != limit::arguments,
                "fuse::compile: the function has more than 64 arguments, members of structs counted one by one (pack "
                "tensors into one, or split the function)");
}

}  // namespace refuse
}  // namespace fuse
