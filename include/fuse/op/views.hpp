// SPDX-License-Identifier: Apache-2.0
// All views.
#pragma once
#include <fuse/op/axes.hpp>
#include <fuse/op/concat.hpp>
#include <fuse/op/iota.hpp>
#include <fuse/op/reshape.hpp>
#include <fuse/op/slice.hpp>
