// SPDX-License-Identifier: Apache-2.0
#include "llama/npy.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "files.hpp"

using doctest::Contains;
using llama::read_npy;
using namespace std::string_literals;

namespace {

/// An .npy file of format 1.0 with this dictionary.
std::string npy(const std::string& dictionary, const std::string& data) {
  return "\x93NUMPY\x01\x00"s + static_cast<char>(dictionary.size() & 255) + static_cast<char>(dictionary.size() >> 8) +
         dictionary + data;
}

std::string dictionary(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

}  // namespace

TEST_CASE("npy: what is written is what is read") {
  const llama_test::temporary_directory directory;
  const auto path = directory.path() / "a.npy";
  const std::vector<float> values{1, -0.0f, 3.5f, std::numeric_limits<float>::max(), 1e-45f, -6};
  llama::write_npy(path, values, 2, 3);
  const llama::npy_array array = read_npy(path);
  CHECK(array.shape == std::vector<std::int64_t>{2, 3});
  CHECK(array.values == values);
}

TEST_CASE("npy: the bytes are those of numpy.save") {
  const llama_test::temporary_directory directory;
  const auto path = directory.path() / "a.npy";
  llama::write_npy(path, std::vector<float>{1, 2}, 1, 2);
  const llama::mapped_file file(path);
  // numpy.save("a.npy", numpy.array([[1, 2]], "<f4")), NumPy 2.4
  std::string expected = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"s;
  expected.resize(127, ' ');
  expected += "\n\x00\x00\x80\x3f\x00\x00\x00\x40"s;
  CHECK(file.text() == expected);
}

TEST_CASE("npy: data begins at a multiple of 64 bytes whatever the header's length") {
  const llama_test::temporary_directory directory;
  for (std::int64_t rows = 1; rows < 100'000'000'000; rows *= 10) {
    const auto path = directory.path() / "a.npy";
    llama::write_npy(path, {}, rows, 0);
    CHECK(llama::mapped_file(path).bytes().size() % 64 == 0);
    CHECK(read_npy(path).shape == std::vector<std::int64_t>{rows, 0});
  }
}

TEST_CASE("npy: other ranks and versions are read") {
  const llama_test::temporary_directory directory;
  const std::string one("\x00\x00\x80\x3f", 4);
  CHECK(read_npy(directory.write("a", npy(dictionary("<f4", "False", "()"), one))).shape.empty());
  CHECK(read_npy(directory.write("b", npy(dictionary("<f4", "False", "(1,)"), one))).shape.size() == 1);
  CHECK(read_npy(directory.write("c", npy(dictionary("<f4", "False", "(1, 1, 1)"), one))).values.at(0) == 1);
  const std::string text = dictionary("<f4", "False", "(1,)");
  const std::string version2 = "\x93NUMPY\x02\x00"s + static_cast<char>(text.size()) + "\0\0\0"s + text + one;
  CHECK(read_npy(directory.write("d", version2)).values.at(0) == 1);
}

TEST_CASE("npy: only an .npy file or an empty one is written over") {
  const llama_test::temporary_directory directory;
  const std::vector<float> values{1, 2};
  const std::string weights = llama_test::safetensors_file("{}", "");
  const auto model = directory.write("model.safetensors", weights), link = directory.path() / "link.npy";
  std::filesystem::create_symlink(model, link);
  for (const auto& path : {model, link}) {
    const std::string message = path.string() + ": expected a new file, or an .npy file to write over, got a file of";
    CHECK_THROWS_WITH_AS(llama::check_npy_target(path), Contains(message.c_str()), llama::error);
    CHECK_THROWS_WITH_AS(llama::write_npy(path, values, 1, 2), Contains(message.c_str()), llama::error);
  }
  CHECK(llama::mapped_file(model).text() == weights);
  const auto empty = directory.write("empty", "");
  for (int round = 0; round < 2; ++round) CHECK_NOTHROW(llama::write_npy(empty, values, 1, 2));
  CHECK(read_npy(empty).values == values);
}

TEST_CASE("npy: files of another kind are errors") {
  const llama_test::temporary_directory directory;
  const auto check_rejected = [&](const std::string& content, const char* message) {
    const auto path = directory.write("a.npy", content);
    CHECK_THROWS_WITH_AS(read_npy(path), Contains(message), llama::error);
  };
  const std::string good = npy(dictionary("<f4", "False", "(2,)"), "12345678");
  REQUIRE_NOTHROW(read_npy(directory.write("good.npy", good)));
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK_THROWS_AS(read_npy(directory.write("short.npy", good.substr(0, length))), llama::error);
  }
  check_rejected("PK\x03\x04 a zip file", "expected an .npy file, got \"PK\\x03\\x04 a zip f\"");
  check_rejected("\x93NUMPY\x04\x00 and more"s, "expected format version 1 to 3, got \"\\x04\\x00\"");
  check_rejected("\x93NUMPY\x01\x00\xff\xff and more"s, "expected a whole header, got \"a truncated file\"");
  check_rejected(npy(dictionary("<f8", "False", "(1,)"), "12345678"), "expected dtype '<f4', got \"'<f8'");
  check_rejected(npy(dictionary(">f4", "False", "(2,)"), "12345678"), "expected dtype '<f4', got \"'>f4'");
  check_rejected(npy(dictionary("<f4", "True", "(2,)"), "12345678"), "expected C order");
  check_rejected(npy("{'descr': '<f4', 'fortran_order': False}", ""), "expected a header with 'shape'");
  check_rejected(npy(dictionary("<f4", "False", "2"), "12345678"), "expected a shape, got \"2");
  check_rejected(npy(dictionary("<f4", "False", "(x,)"), "12345678"), "expected a shape of integers");
  check_rejected(npy(dictionary("<f4", "False", "(-2,)"), "12345678"), "expected a shape of integers");
  check_rejected(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,", "12345678"),
                 "expected a shape of integers");
  check_rejected(npy(dictionary("<f4", "False", "(4294967296, 4294967296)"), ""), "expected a possible shape");
  check_rejected(npy(dictionary("<f4", "False", "(3,)"), "12345678"), "expected 3 values, got \"8 bytes\"");
  check_rejected(npy(dictionary("<f4", "False", "(1,)"), "12345678"), "expected 1 values, got \"8 bytes\"");
  check_rejected(npy(dictionary("<f4", "False", "(2,)"), "123456789"), "expected 2 values, got \"9 bytes\"");
}

TEST_CASE("npy: a count that does not fit the shape, and a place that cannot be written, are errors") {
  const llama_test::temporary_directory directory;
  const std::vector<float> values(6);
  CHECK_THROWS_WITH_AS(llama::write_npy(directory.path() / "a.npy", values, 2, 4),
                       Contains("a.npy: expected 2 x 4 values, got 6"), llama::error);
  CHECK_THROWS_WITH_AS(llama::write_npy(directory.path() / "a.npy", values, -2, -3),
                       Contains("expected -2 x -3 values"), llama::error);
  CHECK_FALSE(std::filesystem::exists(directory.path() / "a.npy"));
  CHECK_THROWS_WITH_AS(llama::write_npy(directory.path() / "absent" / "a.npy", values, 2, 3),
                       Contains("expected a file that can be written"), llama::error);
  if (std::filesystem::exists("/dev/full")) {
    CHECK_THROWS_WITH_AS(llama::write_npy("/dev/full", values, 2, 3), Contains("the free space"), llama::error);
  }
}
