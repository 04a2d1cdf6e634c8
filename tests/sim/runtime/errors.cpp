// SPDX-License-Identifier: Apache-2.0
// Error codes: names, words, and each thread's last error.
#include <algorithm>
#include <iterator>

#include "context.hpp"

namespace {

struct error_text {
  cudaError_t code;
  const char* name;
  const char* words;
};

// The stringised name is the code's own; the macro ends with the table.
#define SIM_ERROR(code, words) \
  { code, #code, words }
constexpr error_text texts[] = {
    SIM_ERROR(cudaSuccess, "no error"),
    SIM_ERROR(cudaErrorInvalidValue, "invalid argument"),
    SIM_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    SIM_ERROR(cudaErrorInitializationError, "initialization error"),
    SIM_ERROR(cudaErrorCudartUnloading, "driver shutting down"),
    SIM_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    SIM_ERROR(cudaErrorInvalidPitchValue, "invalid pitch argument"),
    SIM_ERROR(cudaErrorInvalidSymbol, "invalid device symbol"),
    SIM_ERROR(cudaErrorInvalidHostPointer, "invalid host pointer"),
    SIM_ERROR(cudaErrorInvalidDevicePointer, "invalid device pointer"),
    SIM_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    SIM_ERROR(cudaErrorNotYetImplemented, "feature not yet implemented"),
    SIM_ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    SIM_ERROR(cudaErrorMissingConfiguration, "missing launch configuration"),
    SIM_ERROR(cudaErrorInvalidDeviceFunction, "invalid device function"),
    SIM_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    SIM_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    SIM_ERROR(cudaErrorStartupFailure, "initialization error"),
    SIM_ERROR(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    SIM_ERROR(cudaErrorDeviceUninitialized, "invalid device context"),
    SIM_ERROR(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    SIM_ERROR(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"),
    SIM_ERROR(cudaErrorUnsupportedLimit, "limit is not supported on this architecture"),
    SIM_ERROR(cudaErrorInvalidPtx, "a PTX JIT compilation failed"),
    SIM_ERROR(cudaErrorInvalidSource, "device kernel image is invalid"),
    SIM_ERROR(cudaErrorFileNotFound, "file not found"),
    SIM_ERROR(cudaErrorOperatingSystem, "OS call failed or operation not supported on this OS"),
    SIM_ERROR(cudaErrorLossyQuery, "attempted introspection would be semantically lossy"),
    SIM_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    SIM_ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    SIM_ERROR(cudaErrorSymbolNotFound, "named symbol not found"),
    SIM_ERROR(cudaErrorNotReady, "device not ready"),
    SIM_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    SIM_ERROR(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    SIM_ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    SIM_ERROR(cudaErrorContextIsDestroyed, "context is destroyed"),
    SIM_ERROR(cudaErrorAssert, "device-side assert triggered"),
    SIM_ERROR(cudaErrorHostMemoryAlreadyRegistered, "part or all of the requested memory range is already mapped"),
    SIM_ERROR(cudaErrorHostMemoryNotRegistered, "pointer does not correspond to a registered memory region"),
    SIM_ERROR(cudaErrorHardwareStackError, "hardware stack error"),
    SIM_ERROR(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    SIM_ERROR(cudaErrorMisalignedAddress, "misaligned address"),
    SIM_ERROR(cudaErrorInvalidAddressSpace, "operation not supported on global/shared address space"),
    SIM_ERROR(cudaErrorInvalidPc, "invalid program counter"),
    SIM_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    SIM_ERROR(cudaErrorCooperativeLaunchTooLarge, "too many blocks in cooperative launch"),
    SIM_ERROR(cudaErrorNotPermitted, "operation not permitted"),
    SIM_ERROR(cudaErrorNotSupported, "operation not supported"),
    SIM_ERROR(cudaErrorSystemNotReady, "system not yet initialized"),
    SIM_ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    SIM_ERROR(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    SIM_ERROR(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    SIM_ERROR(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    SIM_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    SIM_ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    SIM_ERROR(cudaErrorStreamCaptureImplicit,
              "operation would make the legacy stream depend on a capturing blocking stream"),
    SIM_ERROR(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    SIM_ERROR(cudaErrorStreamCaptureWrongThread,
              "attempt to terminate a thread-local capture sequence from another thread"),
    SIM_ERROR(cudaErrorTimeout, "wait operation timed out"),
    SIM_ERROR(cudaErrorGraphExecUpdateFailure,
              "the graph update was not performed because it included changes which violated constraints specific to "
              "instantiated graph update"),
    SIM_ERROR(cudaErrorExternalDevice, "an async error has occurred in external entity outside of CUDA"),
    SIM_ERROR(cudaErrorInvalidClusterSize, "a kernel launch error has occurred due to cluster misconfiguration"),
    SIM_ERROR(cudaErrorFunctionNotLoaded, "the function is not loaded"),
    SIM_ERROR(cudaErrorUnknown, "unknown error"),
};
#undef SIM_ERROR

const error_text* text_of(cudaError_t code) {
  const auto found = std::find_if(std::begin(texts), std::end(texts), [&](const auto& t) { return t.code == code; });
  return found == std::end(texts) ? nullptr : found;
}

}  // namespace

using sim::runtime::last_error;
using sim::runtime::the;

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  const auto* found = text_of(error);
  return found != nullptr ? found->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const auto* found = text_of(error);
  return found != nullptr ? found->words : "unrecognized error code";
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last_error() = cudaSuccess;
  return error;
}

// A fault of the device shows here without another call, and stays.
cudaError_t cudaPeekAtLastError() {
  const cudaError_t sticky = the().sticky;
  return sticky != cudaSuccess ? sticky : last_error();
}

}  // extern "C"
