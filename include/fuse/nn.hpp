// SPDX-License-Identifier: Apache-2.0
// fuse::nn: compositions for neural networks, written with the operations of fuse.hpp as a user could write them.
#pragma once
#include <fuse/fuse.hpp>
#include <fuse/nn/attention.hpp>
#include <fuse/nn/cross_entropy.hpp>
#include <fuse/nn/gated.hpp>
#include <fuse/nn/layer_norm.hpp>
#include <fuse/nn/rms_norm.hpp>
#include <fuse/nn/rope.hpp>
#include <fuse/nn/softmax.hpp>
