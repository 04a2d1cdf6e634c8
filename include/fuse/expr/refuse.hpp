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

/// Takes the place of a value that a message has refused, where its type is not known: whatever is done with it gives
/// no second message.
struct nothing {
  template <class T>
  operator T() const;
  float& operator[](index) const;
  float* data() const;
  nothing view() const;
  index size() const;
  index extent(int) const;
  const index* extents() const;
};
/// The same, where it is known. Defined nowhere: whatever a compiler makes of a refused call, no program comes of it.
template <class T>
T value_of();

// ---- expressions ----
template <class Expression>
consteval void value() {
  static_assert(sizeof(Expression*) == 0,
                "fuse::expr: an expression has no value while its function is traced (choose by fuse::where(condition, "
                "a, b) in place of if and ?:, call fuse::exp in place of std::exp, convert by fuse::cast<T>)");
}
template <class Expression, class Assigned>
consteval void assignment() {
  static_assert(
      sizeof(Expression*) == 0,
      "fuse::expr: an expression is assigned a value of another dtype or other extents, and these are part of "
      "its type (give the new value a name of its own: auto y = ...)");
}
template <class Expression, fixed_name Operator>
consteval void compound_assignment() {
  static_assert(sizeof(Expression*) == 0,
                "fuse::expr: an expression is a value and does not change in place: there is no x += y, no ++x (write "
                "auto z = x + y, or x = x + y where dtype and extents stay the same)");
}
template <class Expression>
consteval void element() {
  static_assert(sizeof(Expression*) == 0,
                "fuse::expr: an expression has no single elements: there is no x[i] (take a part by fuse::slice<axis, "
                "begin, end>(x), rows by fuse::take(x, indices))");
}

// ---- operations ----
template <class Operation, class... Types>
consteval void operand() {
  static_assert(int(sizeof...(Types)) < 0,
                "fuse::op: an operand is neither an expression nor a number (a tensor comes in as an argument of the "
                "function; the length of an axis is a number as extent<axis>(x).as_value())");
}
template <class Operation, class... Types>
consteval void no_expression() {
  static_assert(int(sizeof...(Types)) < 0,
                "fuse::op: none of the operands is an expression (operations work within functions that are given to "
                "fuse::compile; call those with tensors)");
}
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
template <class Reduction, class Given>
consteval void no_axis() {
  static_assert(sizeof(Given) == 0,
                "fuse::axis: a reduction is told its one axis by type: fuse::row keeps the last axis with length 1, "
                "fuse::axis<-1> drops it (reshape to one axis first to reduce several)");
}
template <fixed_name Operation, class... Given>
consteval void lengths() {
  static_assert(int(sizeof...(Given)) < 0,
                "fuse::reshape, fuse::expand: a length is neither fuse::size<N>, fuse::extent<axis>(x) nor fuse::infer "
                "(lengths are part of the result's type, and a plain number is not)");
}
template <fixed_name Operation, int Axes>
consteval void rank() {
  static_assert(Axes < 0, "fuse::extents: the result has more than 6 axes (reshape it to fewer)");
}
template <class Type>
consteval void dtype_of_type() {
  static_assert(sizeof(Type*) == 0,
                "fuse::cast: the type is no dtype: expected bool, (u)int8, int32, int64, f16, bf16, float or double");
}

// ---- calls of compiled functions; Argument and Output count from 0 ----
template <fixed_name Function, int Argument, class Type>
consteval void argument() {
  static_assert(Argument < 0, "fuse::compile: an argument is neither a tensor, a view, a scalar, nor a struct of them");
}
template <fixed_name Function, int Argument, class Type>
consteval void argument_within() {
  static_assert(Argument < 0,
                "fuse::compile: a function within another one is given something that is neither an expression, a "
                "struct of them, nor a number (tensors come in as arguments of the outermost function)");
}
template <fixed_name Function, class... Types>
consteval void executor_within() {
  static_assert(int(sizeof...(Types)) < 0,
                "fuse::compile: within another compiled function a function is called without an executor: its body "
                "becomes part of the outer one's");
}
template <fixed_name Function, int Arguments, class... Types>
consteval void call() {
  static_assert(Arguments < 0,
                "fuse::compile: the function does not accept these arguments: it has another number of parameters, or "
                "one of them refuses its argument's dtype or extents");
}
template <fixed_name Function, class... Types>
consteval void executor() {
  static_assert(int(sizeof...(Types)) < 0,
                "fuse::compile: the first argument of a call is an executor that is not const (fuse::host_executor "
                "cpu; f(cpu, x), or with buffers f(cpu, fuse::out(y), x)); only within another compiled function there "
                "is none");
}
template <fixed_name Function>
consteval void trace() {
  static_assert(sizeof(Function.text) == 0,
                "fuse::compile: the function cannot be evaluated while the program is compiled: it reads a variable of "
                "outside, calls a function that is not constexpr, or takes more steps than the compiler allows for "
                "(pass run-time values as arguments, make variables and functions constexpr, raise g++'s "
                "-fconstexpr-ops-limit or clang's -fconstexpr-steps)");
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
