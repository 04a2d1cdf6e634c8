// SPDX-License-Identifier: Apache-2.0
// The check that outputs of a call share memory with nothing, but for an argument that they may replace.
#pragma once
#include <fuse/exec/call_plan.hpp>
#include <fuse/exec/shared_elements.hpp>

namespace fuse::session {

/// The same elements in the same order.
inline bool same_elements(const binding::memory& a, const binding::memory& b) {
  bool same = a.data == b.data && a.rank == b.rank && a.element_size == b.element_size;
  for (int i = 0; i < a.rank && same; ++i)
    same = a.extents[i] == b.extents[i] && (a.extents[i] == 1 || a.strides[i] == b.strides[i]);
  return same;
}

/// Throws where an output shares memory with anything else.
inline void check_overlap(const call_plan& plan, const char* name, const binding::memory* buffers) {
  auto complain = [&](int o, const text& what) {
    throw error(error_category::argument, text("fuse::") << name << ": output " << o << " " << what);
  };
  for (int o = 0; o < plan.output_count; ++o) {
    const buffer_table& info = plan.buffers[plan.argument_count + o];
    const binding::memory& m = buffers[plan.argument_count + o];
    for (int i = 0; i < m.rank; ++i)
      if (m.bytes > 0 && m.extents[i] > 1 && m.strides[i] == 0)
        complain(o, text("has the stride 0 along axis ") << i << ": its elements would overwrite each other");
    if (!info.row_major && has_shared_elements(m))
      complain(o, "has strides by which elements share memory: they would overwrite each other");
    for (int a = 0; a < plan.argument_count; ++a) {
      if (!plan.buffers[a].given || !share_elements(m, buffers[a])) continue;
      if (!same_elements(m, buffers[a]) || !plan.in_place[o * plan.argument_count + a])
        complain(o, text("overlaps ") << plan.lengths.argument_name(a)
                                      << ": it would be overwritten before it is read for the last time (give the "
                                         "output memory of its own)");
    }
    for (int p = 0; p < o; ++p)
      if (share_elements(m, buffers[plan.argument_count + p]))
        complain(o, text("overlaps output ") << p << ": give each its own memory");
    if (info.target >= 0 && !info.row_major && !same_elements(m, buffers[info.target]))
      complain(o, "is strided and not the memory of the tensor that it is scattered into (make it row-major)");
  }
}

}  // namespace fuse::session
