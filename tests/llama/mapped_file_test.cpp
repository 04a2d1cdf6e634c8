// SPDX-License-Identifier: Apache-2.0
#include "llama/mapped_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <optional>
#include <type_traits>
#include <vector>

#include "files.hpp"

using doctest::Contains;
using llama::mapped_file;

static_assert(!std::is_copy_constructible_v<mapped_file> && !std::is_copy_assignable_v<mapped_file>);
static_assert(std::is_nothrow_move_constructible_v<mapped_file> && std::is_nothrow_move_assignable_v<mapped_file>);

TEST_CASE("mapped_file: shows the bytes of a file") {
  const llama_test::temporary_directory directory;
  const std::string content("one\0two\xff", 8);
  const mapped_file file(directory.write("file", content));
  CHECK(file.text() == content);
  CHECK(file.bytes().size() == 8);
  CHECK(file.bytes()[7] == std::byte{0xff});
}

TEST_CASE("mapped_file: an empty file has no bytes") {
  const llama_test::temporary_directory directory;
  CHECK(mapped_file(directory.write("empty", "")).bytes().empty());
}

TEST_CASE("mapped_file: a mapping survives moves, and the file's removal") {
  const llama_test::temporary_directory directory;
  std::optional<mapped_file> first(directory.write("a", "first"));
  mapped_file second(directory.write("b", "second"));
  const auto bytes = first->bytes();
  std::filesystem::remove(directory.path() / "a");

  std::vector<mapped_file> files;
  files.push_back(std::move(*first));
  CHECK(first->bytes().empty());
  first.reset();
  CHECK(files.back().bytes().data() == bytes.data());
  CHECK(files.back().text() == "first");

  second = std::move(files.back());
  CHECK(second.text() == "first");
}

TEST_CASE("mapped_file: says why a file cannot be mapped") {
  const llama_test::temporary_directory directory;
  const auto missing = directory.path() / "missing";
  CHECK_THROWS_WITH_AS(mapped_file{missing},
                       ("llama: " + missing.string() +
                        ": expected a readable file, got: No such file or directory; check the path and its "
                        "permissions")
                           .c_str(),
                       llama::error);
  CHECK_THROWS_WITH_AS(mapped_file{directory.path()}, Contains("got: a directory"), llama::error);

  const auto pipe = directory.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(mapped_file{pipe}, Contains("got: not a regular file"), llama::error);
}
