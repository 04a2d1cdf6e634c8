// SPDX-License-Identifier: Apache-2.0
// uncaptured(executor, f, arguments…): inside a graphed function, a call that no graph can hold. The graph ends before
// it, the call is made anew on every replay, and the next graph begins after it.
#pragma once
#include <array>
#include <cstring>
#include <fuse/runtime/captured.hpp>
#include <tuple>

namespace fuse {

namespace runtime {

/// A function and its arguments as words, so that addresses among them are rebound like those of a kernel. The words of
/// a function that cannot be copied as bytes are a pointer to it.
template <class Executor, class F, class... A>
struct deferred {
  static_assert((std::is_trivially_copyable_v<A> && ...),
                "fuse::uncaptured: an argument is not trivially copyable (pass views and scalars; capture by reference "
                "what stays the same)");
  static constexpr std::size_t words_of(std::size_t bytes) { return (bytes + 7) / 8; }
  static constexpr bool is_inside = std::is_trivially_copyable_v<F>;
  using function = std::conditional_t<is_inside, F, const F*>;
  static constexpr std::size_t words = words_of(sizeof(function)) + (0 + ... + words_of(sizeof(A)));
  using storage = std::array<std::uint64_t, words>;

  static storage pack(const function& f, const A&... a) {
    storage s{};
    std::size_t at = 0;
    auto put = [&](const void* data, std::size_t bytes) {
      std::memcpy(s.data() + at, data, bytes);
      at += words_of(bytes);
    };
    put(&f, sizeof f);
    (put(&a, sizeof a), ...);
    return s;
  }
  static void run(void* executor, const void* arguments) {
    const char* p = static_cast<const char*>(arguments);
    auto take = [&]<class T>(std::type_identity<T>) {
      alignas(T) unsigned char bytes[sizeof(T)];
      std::memcpy(bytes, p, sizeof(T));
      p += words_of(sizeof(T)) * 8;
      return *reinterpret_cast<T*>(bytes);
    };
    const function f = take(std::type_identity<function>{});
    const std::tuple<A...> a{take(std::type_identity<A>{})...};
    auto call = [&](const F& g) {
      std::apply([&](const auto&... x) { g(*static_cast<Executor*>(executor), x...); }, a);
    };
    if constexpr (is_inside)
      call(f);
    else
      call(*f);
  }
};

}  // namespace runtime

/// f(executor, arguments…), whose copy must be callable again and again. It may synchronise and allocate. Views that
/// belong to the graphed call are arguments, or captures by value of an f that is trivially copyable: they are those of
/// the call at hand. What f captures otherwise stays as it was in the first call, and views among it are an error.
template <class Executor, class F, class... A>
void uncaptured(Executor& executor, F f, const A&... a) {
  auto* r = executor.recording();
  if (!r || !r->captures()) {
    f(executor, a...);
    return;
  }
  auto& recording = *static_cast<typename runtime::captured<Executor>::recording*>(r);
  if (recording.in_loop())
    throw error(error_category::capture,
                "fuse::uncaptured: inside fuse::while_loop the device decides what comes next, so that no call can be "
                "made there (put it before or after the loop)");
  using call = runtime::deferred<Executor, F, A...>;
  if constexpr (call::is_inside) {
    const auto words = call::pack(f, a...);
    recording.defer({&call::run, words.data(), sizeof words, nullptr});
  } else {
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= sizeof(F); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, reinterpret_cast<const char*>(&f) + at, sizeof word);
      if (shadow::is(word))
        throw error(error_category::capture,
                    "fuse::uncaptured: the function captures a view of the graphed call, which is another one in every "
                    "call (pass it as an argument)");
    }
    const auto owner = std::make_shared<F>(std::move(f));
    const auto words = call::pack(owner.get(), a...);
    recording.defer({&call::run, words.data(), sizeof words, owner});
  }
}

}  // namespace fuse
