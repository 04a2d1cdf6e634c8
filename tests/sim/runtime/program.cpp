// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <cxxabi.h>

#include <cstdlib>

#include "context.hpp"
#include "fatbin.hpp"

namespace sim::runtime {
namespace {

constexpr int simulated_architecture = 90;

// cudaGraphSetConditional is a function of the device runtime. The handle of a condition is the device address of its
// value, so the function is one store; it takes the place of its declaration, on as many lines.
std::string define_set_conditional(std::string ptx) {
  const std::string name = ".extern .func cudaGraphSetConditional";
  const auto begin = ptx.find(name);
  if (begin == std::string::npos) return ptx;
  const auto end = ptx.find(';', begin);
  if (end == std::string::npos) return ptx;
  std::string definition =
      ".func cudaGraphSetConditional (.param .b64 handle, .param .b32 value) { .reg .b64 %address; .reg .b32 %stored; "
      "ld.param.u64 %address, [handle]; ld.param.u32 %stored, [value]; st.global.u32 [%address], %stored; ret; }";
  for (auto at = begin; at < end; ++at)
    if (ptx[at] == '\n') definition += '\n';
  return ptx.replace(begin, end + 1 - begin, definition);
}

}  // namespace

std::string readable(const std::string& mangled) {
  int status = 0;
  char* const text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  if (text == nullptr) return mangled;
  std::string name(text);
  std::free(text);
  // Drop the parameter list: from the parenthesis that matches the last one.
  if (name.ends_with(')')) {
    int depth = 0;
    for (auto at = name.size(); at-- > 0;) {
      depth += name[at] == ')' ? 1 : name[at] == '(' ? -1 : 0;
      if (depth == 0) {
        name.resize(at);
        break;
      }
    }
  }
  // A function template's demangled name begins with its return type.
  if (name.starts_with("void ")) name.erase(0, 5);
  return name;
}

program_state* program_registry::add(const void* wrapper) {
  auto added = std::make_unique<program_state>();
  added->wrapper = wrapper;
  added->number = ++registered_;
  program_state* const handle = added.get();
  programs_.emplace(handle, std::move(added));
  return handle;
}

void program_registry::remove(program_state* program) {
  // Launch records and late faults may still name the kernels, so the program itself stays.
  std::erase_if(symbols_, [&](const auto& entry) { return entry.second.program == program; });
}

void program_registry::add_kernel(program_state* program, const void* stub, const char* name) {
  auto added = std::make_unique<kernel_state>();
  added->program = program;
  added->stub = stub;
  added->name = name;
  added->readable_name = readable(added->name);
  // A template that several translation units instantiate has one stub and one image in each; the first serves.
  const auto [at, is_new] = kernels_.try_emplace(stub, std::move(added));
  if (is_new) handles_[at->second.get()] = stub;
}

void program_registry::add_symbol(program_state* program, const void* shadow, symbol_state symbol) {
  symbol.program = program;
  symbols_.try_emplace(shadow, std::move(symbol));
}

kernel_state* program_registry::registered(const void* stub) {
  if (const auto handle = handles_.find(stub); handle != handles_.end()) stub = handle->second;
  const auto found = kernels_.find(stub);
  return found == kernels_.end() ? nullptr : found->second.get();
}

void program_registry::load(program_state& program) {
  if (program.code) return;
  std::string text;
  for (const auto& image : read_fat_binary(program.wrapper)) {
    if (image.what == fat_image::kind::ptx && image.architecture <= simulated_architecture) text = ptx_text(image);
    if (image.what == fat_image::kind::cubin && image.architecture == simulated_architecture) {
      program.resources = read_cubin(image.data);
      program.has_cubin = true;
    }
  }
  if (text.empty())
    throw refusal(cudaErrorNoKernelImageForDevice,
                  "the program holds no PTX for sm_90; compile with -gencode arch=compute_90,code=[compute_90,sm_90]");
  program.code.emplace(
      module::parse(define_set_conditional(std::move(text)), "module " + std::to_string(program.number)));
  program.code->load(the().device_memory);
}

kernel_state& program_registry::kernel_of(const void* function) {
  kernel_state* const found = registered(function);
  if (found == nullptr)
    throw refusal(cudaErrorInvalidDeviceFunction,
                  hexadecimal(address_of(function)) + " is not a kernel of this program (pass a __global__ function)");
  if (found->code == nullptr) {
    load(*found->program);
    found->code = found->program->code->find(found->name);
    if (found->code == nullptr)
      throw refusal(cudaErrorInvalidDeviceFunction, "the program's PTX has no kernel " + found->name);
    const auto resources = found->program->resources.find(found->name);
    if (resources != found->program->resources.end()) {
      found->resources = resources->second;
      found->has_resources = true;
    } else {
      found->resources.static_shared_bytes = static_cast<int>(found->code->static_shared_bytes);
      if (found->code->max_threads != 0) found->resources.max_threads = static_cast<int>(found->code->max_threads);
    }
  }
  return *found;
}

std::uint64_t program_registry::address_of_symbol(const void* shadow, std::size_t* bytes) {
  const auto found = symbols_.find(shadow);
  if (found == symbols_.end())
    throw refusal(cudaErrorInvalidSymbol, hexadecimal(sim::runtime::address_of(shadow)) +
                                              " is not a __device__ or __constant__ variable of this program");
  load(*found->second.program);
  if (bytes != nullptr) *bytes = found->second.bytes;
  return found->second.program->code->symbol(found->second.name, the().device_memory);
}

}  // namespace sim::runtime

// What the start-up code that nvcc puts into every object calls: crt/host_runtime.h.
using sim::runtime::lock_type;
using sim::runtime::program_state;
using sim::runtime::the;

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  lock_type lock(the().mutex);
  return reinterpret_cast<void**>(the().programs.add(wrapper));
}

void __cudaRegisterFatBinaryEnd(void**) {}

void __cudaUnregisterFatBinary(void** handle) {
  lock_type lock(the().mutex);
  the().programs.remove(reinterpret_cast<program_state*>(handle));
}

char __cudaInitModule(void**) { return 1; }

void __cudaRegisterFunction(void** handle, const char* stub, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  lock_type lock(the().mutex);
  the().programs.add_kernel(reinterpret_cast<program_state*>(handle), stub, name);
}

void __cudaRegisterVar(void** handle, char* shadow, char*, const char* name, int, std::size_t bytes, int constant,
                       int) {
  lock_type lock(the().mutex);
  the().programs.add_symbol(reinterpret_cast<program_state*>(handle), shadow,
                            {.name = name, .bytes = bytes, .constant = constant != 0});
}

}  // extern "C"
