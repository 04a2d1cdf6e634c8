#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bundle_libraries.sh BUILD: puts the shared libraries that the programs of BUILD use beside them, in BUILD/lib, so that
# they run on a machine without the packages. What every Linux has, and the GPU's driver, stay out.
set -euo pipefail
build=${1:?usage: bundle_libraries.sh BUILD}
mkdir -p "$build/lib"
find "$build" -type f -perm -u+x ! -name '*.so*' ! -path '*/CMakeFiles/*' -exec ldd {} + 2>/dev/null |
  awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -Ev '/(ld-linux[^/]*|libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|libcuda)\.so' |
  while read -r library; do cp -Lv "$library" "$build/lib/"; done
