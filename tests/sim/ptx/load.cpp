// SPDX-License-Identifier: Apache-2.0
// A module's variables in a device's memory, and its decoded kernels.
#include <cstring>

#include "decode.hpp"
#include "memory.hpp"
#include "module.hpp"

namespace sim {

module::contents::loaded& module::contents::loaded_in(memory& device) {
  const auto [at, fresh] = by_memory.try_emplace(device.serial());
  if (!fresh) return at->second;
  auto& address = at->second.address;
  for (const auto& d : globals) {
    if (d.external) continue;
    address[d.name] = device.allocate(std::max<std::size_t>(d.bytes, 1), std::max<std::size_t>(d.alignment, 16));
  }
  for (const auto& d : globals) {
    if (d.external) continue;
    const auto base = address.at(d.name);
    // A variable without an initialiser is zero.
    device.fill(base, 0, std::max<std::size_t>(d.bytes, 1));
    for (std::size_t k = 0; k < d.values.size(); ++k) {
      std::uint64_t value = d.values[k].bits;
      if (!d.values[k].symbol.empty()) {
        const auto of = address.find(d.values[k].symbol);
        if (of == address.end())
          throw error("sim: module " + name + ": variable " + std::string(d.name) + " holds the address of " +
                      std::string(d.values[k].symbol) + ", which is no variable of the module");
        value += of->second;
      }
      device.write(base + k * d.element, &value, std::min<std::size_t>(d.element, 8));
    }
    if (d.where == ptx::space::constant) device.set_read_only(base);
  }
  return at->second;
}

std::shared_ptr<const ptx::program> module::contents::program_of(const kernel& entry, memory& device) {
  std::lock_guard lock(mutex);
  auto& here = loaded_in(device);
  auto& known = here.programs[entry.index];
  if (!known) known = ptx::decoder(*this, entry, here).run();
  return known;
}

void module::load(memory& device) const {
  std::lock_guard lock(contents_->mutex);
  contents_->loaded_in(device);
}

std::uint64_t module::symbol(std::string_view variable_name, memory& device) const {
  std::lock_guard lock(contents_->mutex);
  const auto& address = contents_->loaded_in(device).address;
  const auto at = address.find(variable_name);
  if (at == address.end())
    throw error("sim: module " + contents_->name + " has no variable " + std::string(variable_name));
  return at->second;
}

void module::decode(const kernel& entry, memory& device) const { contents_->program_of(entry, device); }

}  // namespace sim
