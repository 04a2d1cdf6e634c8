// SPDX-License-Identifier: Apache-2.0
// What the machine answers itself: vprintf and __assertfail.
#include <cstdio>
#include <cstring>

#include "access.hpp"
#include "decode.hpp"
#include "lanes.hpp"

namespace sim::ptx {
namespace {

template <class T>
T argument(warp& w, const instruction& i, unsigned lane, unsigned k) {
  T value;
  const auto offset = w.launch->code->operands[i.target + k].bits;
  std::memcpy(&value, w.local + lane * w.local_stride + offset, sizeof value);
  return value;
}

/// One lane's bytes at a generic address; false after a fault.
bool read_bytes(warp& w, const instruction& i, unsigned lane, u64 at, void* to, unsigned width) {
  u64 address[lanes] = {};
  address[lane] = at;
  request r;
  r.mask = u32{1} << lane;
  r.width = width;
  r.counted = accounting::none;
  resolved found;
  resolve(w, i, r, address, found);
  if (found.mask == 0) return false;
  std::memcpy(to, found.at[lane], width);
  return true;
}

std::string read_text(warp& w, const instruction& i, unsigned lane, u64 at) {
  std::string text;
  for (char c = 1; text.size() < 65536 && read_bytes(w, i, lane, at + text.size(), &c, 1) && c != 0;) text += c;
  return text;
}

std::string formatted(warp& w, const instruction& i, unsigned lane, const std::string& format, u64 values) {
  std::string out;
  u64 at = values;
  const auto next = [&](auto value) {
    at = (at + sizeof value - 1) / sizeof value * sizeof value;
    if (!read_bytes(w, i, lane, at, &value, sizeof value)) value = {};
    at += sizeof value;
    return value;
  };
  for (std::size_t k = 0; k < format.size(); ++k) {
    if (format[k] != '%') {
      out += format[k];
      continue;
    }
    std::string spec = "%";
    bool wide = false;
    for (++k; k < format.size() && std::strchr("-+ #0123456789.*hlLqjzt", format[k]) != nullptr; ++k) {
      if (format[k] == '*')
        spec += std::to_string(next(int{}));
      else if (std::strchr("hlLqjzt", format[k]) != nullptr)
        wide = wide || format[k] != 'h';
      else
        spec += format[k];
    }
    const char what = k < format.size() ? format[k] : '%';
    char buffer[512];
    buffer[0] = 0;
    if (what == '%') {
      out += '%';
    } else if (what == 's') {
      const auto text = read_text(w, i, lane, next(u64{}));
      std::snprintf(buffer, sizeof buffer, (spec + "s").c_str(), text.c_str());
    } else if (what == 'p') {
      std::snprintf(buffer, sizeof buffer, (spec + "p").c_str(), reinterpret_cast<void*>(next(u64{})));
    } else if (std::strchr("eEfFgGaA", what) != nullptr) {
      std::snprintf(buffer, sizeof buffer, (spec + what).c_str(), next(double{}));
    } else if (what == 'c') {
      std::snprintf(buffer, sizeof buffer, (spec + "c").c_str(), next(int{}));
    } else if (wide) {
      std::snprintf(buffer, sizeof buffer, (spec + "ll" + what).c_str(), next(static_cast<long long>(0)));
    } else {
      std::snprintf(buffer, sizeof buffer, (spec + what).c_str(), next(int{}));
    }
    out += buffer;
  }
  return out;
}

flow print(warp& w, const instruction& i, u32 mask) {
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const auto format = read_text(w, i, l, argument<u64>(w, i, l, 0));
    const auto text = formatted(w, i, l, format, argument<u64>(w, i, l, 1));
    w.block->printed += text;
    if (i.small[0] != 0) {
      const s32 length = s32(text.size());
      std::memcpy(w.local + l * w.local_stride + i.e.bits, &length, sizeof length);
    }
  }
  return flow::next;
}

flow assertion_failed(warp& w, const instruction& i, u32 mask) {
  const unsigned l = unsigned(std::countr_zero(mask));
  const auto what = read_text(w, i, l, argument<u64>(w, i, l, 0));
  const auto file = read_text(w, i, l, argument<u64>(w, i, l, 1));
  const auto function = read_text(w, i, l, argument<u64>(w, i, l, 3));
  const auto text =
      file + ":" + std::to_string(argument<u32>(w, i, l, 2)) + ": " + function + ": assertion `" + what + "` failed";
  w.block->printed += text + "\n";
  raise(w, i, l, fault_kind::assertion, 0, text);
  return end_launch(w);
}

}  // namespace

handler external_function(std::string_view name) {
  if (name == "vprintf") return print;
  if (name == "__assertfail") return assertion_failed;
  return nullptr;
}

}  // namespace sim::ptx
