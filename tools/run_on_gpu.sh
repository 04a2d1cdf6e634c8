#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_on_gpu.sh PROGRAM [ARGUMENT...]: runs a doctest program where there is an NVIDIA GPU; elsewhere names the test
# cases that did not run, counts them, and exits with 77, which ctest reports as skipped.
if [ -e /dev/nvidiactl ] || [ -e /dev/dxg ]; then exec "$@"; fi
echo "no GPU on this machine; not run:"
"$1" --list-test-cases --no-version | sed -n '/^=====/,$p' | sed '/^\[doctest\]/d; /^=====/d; s/^/  /'
"$1" --count --no-version | sed -n 's/.*filters: *\([0-9]*\).*/\1 test cases skipped/p'
exit 77
