// SPDX-License-Identifier: Apache-2.0
#include "llama/input_text.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <thread>

#include "files.hpp"

using doctest::Contains;
using llama::read_input_text;

TEST_CASE("input_text: the bytes of a file and of a pipe") {
  const llama_test::temporary_directory directory;
  std::string text("one\0two\n", 8);
  for (int i = 0; i < 14; ++i) text += text;  // longer than what is read at once
  CHECK(read_input_text(directory.write("a", text).string(), "--prompt-file") == text);
  CHECK(read_input_text(directory.write("empty", "").string(), "--prompt-file").empty());

  const auto pipe = directory.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << text; });
  CHECK(read_input_text(pipe.string(), "--prompt-file") == text);
  writer.join();
}

TEST_CASE("input_text: what cannot be read, and what never ends, is an error") {
  const llama_test::temporary_directory directory;
  CHECK_THROWS_WITH_AS(read_input_text((directory.path() / "none").string(), "--prompt-file"),
                       ("llama: --prompt-file: " + directory.path().string() +
                        "/none: expected a readable file, got: No such file or directory; check the path and its "
                        "permissions")
                           .c_str(),
                       llama::error);
  CHECK_THROWS_WITH_AS(read_input_text(directory.path().string(), "--tokens-file"), Contains("got: Is a directory"),
                       llama::error);
  CHECK_THROWS_WITH_AS(read_input_text("/dev/zero", "--tokens-file"), Contains("expected at most 268435456 bytes"),
                       llama::error);
}
