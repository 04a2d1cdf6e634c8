// SPDX-License-Identifier: Apache-2.0
// fuse: tensor functions written in plain arithmetic, fused into the fewest kernels while the program is compiled.
#pragma once
#include <fuse/compile.hpp>
#include <fuse/exec/host_executor.hpp>
#if defined(__CUDACC__)
#include <fuse/exec/cuda_executor.hpp>
#endif
#include <fuse/explain/dot.hpp>
#include <fuse/explain/explain.hpp>
#include <fuse/op/activation.hpp>
#include <fuse/op/arithmetic.hpp>
#include <fuse/op/bitwise.hpp>
#include <fuse/op/classify.hpp>
#include <fuse/op/compare.hpp>
#include <fuse/op/division.hpp>
#include <fuse/op/error_function.hpp>
#include <fuse/op/exponential.hpp>
#include <fuse/op/gather.hpp>
#include <fuse/op/hyperbolic.hpp>
#include <fuse/op/interpolate.hpp>
#include <fuse/op/logical.hpp>
#include <fuse/op/matmul.hpp>
#include <fuse/op/minmax.hpp>
#include <fuse/op/power.hpp>
#include <fuse/op/reductions.hpp>
#include <fuse/op/root.hpp>
#include <fuse/op/rounding.hpp>
#include <fuse/op/select.hpp>
#include <fuse/op/sign.hpp>
#include <fuse/op/trigonometric.hpp>
#include <fuse/op/views.hpp>
