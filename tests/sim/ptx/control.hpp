// SPDX-License-Identifier: Apache-2.0
// Steps that the decoder itself inserts: conversions between slot widths, calls, ends of bodies.
#pragma once

#include "instruction.hpp"

namespace sim::ptx {

flow narrow_step(warp& w, const instruction& i, std::uint32_t mask);       ///< 8-byte slots a to 4-byte slots d
flow widen_step(warp& w, const instruction& i, std::uint32_t mask);        ///< 4 to 8 bytes, zeros above
flow sign_extend_step(warp& w, const instruction& i, std::uint32_t mask);  ///< 4 to 8 bytes, the sign above
flow invert_step(warp& w, const instruction& i, std::uint32_t mask);       ///< predicate d = !a
flow copy_local_step(warp& w, const instruction& i,
                     std::uint32_t mask);                           ///< `offset` bytes from local a.bits to d.bits
flow call_step(warp& w, const instruction& i, std::uint32_t mask);  ///< keeps the way back in d
/// Calls the function whose address a holds. Local offsets of the arguments in program::operands from `target`,
/// small[0] of them.
flow indirect_call_step(warp& w, const instruction& i, std::uint32_t mask);
/// After it: its small[1] results to the local offsets from `target`.
flow indirect_results_step(warp& w, const instruction& i, std::uint32_t mask);
flow return_step(warp& w, const instruction& i, std::uint32_t mask);  ///< by the way back in d
flow exit_step(warp& w, const instruction& i, std::uint32_t mask);

}  // namespace sim::ptx
