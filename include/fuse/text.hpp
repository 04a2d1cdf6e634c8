// SPDX-License-Identifier: Apache-2.0
// text: a string that grows by <<. <string> would be a third of what including the library costs.
#pragma once
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

namespace fuse {

class text {
 public:
  text() = default;
  text(const char* s) { *this << s; }
  text(const text& o) { append(o.c_str(), o.size_); }
  text(text&& o) noexcept
      : data_(std::exchange(o.data_, nullptr)),
        size_(std::exchange(o.size_, 0)),
        capacity_(std::exchange(o.capacity_, 0)) {}
  text& operator=(text o) noexcept {
    std::swap(data_, o.data_), std::swap(size_, o.size_), std::swap(capacity_, o.capacity_);
    return *this;
  }
  ~text() { std::free(data_); }

  const char* c_str() const noexcept { return data_ ? data_ : ""; }
  std::size_t size() const noexcept { return size_; }
  bool operator==(const text& o) const { return std::strcmp(c_str(), o.c_str()) == 0; }

  /// Appends; where memory runs out the text ends early, so that reporting an error never fails.
  __attribute__((noinline)) text& append(const char* s, std::size_t n) noexcept {
    if (size_ + n + 1 > capacity_) {
      const std::size_t wanted = (size_ + n + 1) * 2;
      void* grown = std::realloc(data_, wanted);
      if (!grown) return *this;
      data_ = static_cast<char*>(grown);
      capacity_ = wanted;
    }
    std::memcpy(data_ + size_, s, n);
    size_ += n;
    data_[size_] = 0;
    return *this;
  }
  text& operator<<(const char* s) noexcept { return append(s, std::strlen(s)); }
  text& operator<<(const text& s) noexcept { return append(s.c_str(), s.size_); }
  text& operator<<(long long value) noexcept {
    char digits[24];
    char* p = digits + sizeof digits;
    unsigned long long left =
        value < 0 ? 0ull - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value);
    do *--p = static_cast<char>('0' + left % 10);
    while (left /= 10);
    if (value < 0) *--p = '-';
    return append(p, static_cast<std::size_t>(digits + sizeof digits - p));
  }
  template <class T>
  requires std::is_integral_v<T> text& operator<<(T value) noexcept { return *this << static_cast<long long>(value); }

  /// To std::string, std::string_view, and whatever else is made from characters and a length.
  template <class S>
  requires(std::is_class_v<S>&& std::is_constructible_v<S, const char*, std::size_t>) operator S() const {
    return S(c_str(), size_);
  }
  template <class Stream>
  requires requires(Stream& s, const char* p) { s.write(p, 1); }
  friend Stream& operator<<(Stream& stream, const text& t) {
    stream.write(t.c_str(), static_cast<long>(t.size_));
    return stream;
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace fuse
