// SPDX-License-Identifier: Apache-2.0
#include "llama/safetensors.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "files.hpp"

using doctest::Contains;
using llama::element_type;
using llama_test::safetensors_file;
using namespace std::string_literals;

namespace {

/// A file in memory whose data begins at a multiple of 64 bytes.
class placed_file {
 public:
  placed_file(const std::string& header, const std::string& data) : memory_(8 + header.size() + data.size() + 64) {
    const std::string file = safetensors_file(header, data);
    const std::size_t unplaced = reinterpret_cast<std::uintptr_t>(memory_.data()) + file.size() - data.size();
    bytes_ = std::span(memory_).subspan((64 - unplaced % 64) % 64, file.size());
    std::memcpy(bytes_.data(), file.data(), file.size());
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> memory_;
  std::span<std::byte> bytes_;
};

/// A file together with the tensors, which are views into it.
struct read_file : llama::safetensors {
  std::shared_ptr<const std::string> file;
};

read_file read(const std::string& file) {
  const auto kept = std::make_shared<const std::string>(file);
  return {llama::read_safetensors(llama_test::bytes_of(*kept), "model.safetensors"), kept};
}

read_file read(const std::string& header, const std::string& data) { return read(safetensors_file(header, data)); }

/// The header of one tensor `a`.
std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(T)};
}

void check_rejected(const std::string& file, const char* message) {
  CHECK_THROWS_WITH_AS(read(file), Contains(message), llama::error);
}
void check_rejected(const std::string& header, const std::string& data, const char* message) {
  check_rejected(safetensors_file(header, data), message);
}

}  // namespace

TEST_CASE("safetensors: names, types, shapes, bytes and metadata arrive") {
  const std::string header = R"({"__metadata__":{"format":"pt"},)"
                             R"("b":{"dtype":"BF16","shape":[2,1],"data_offsets":[12,16]},)"
                             R"("a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}  )";
  const read_file content = read(header, raw<float>({1, 2, 3}) + raw<std::uint16_t>({0x3f80, 0xc000}));

  REQUIRE(content.tensors.size() == 2);
  const llama::stored_tensor& a = content.tensors.at("a");
  CHECK(a.name == "a");
  CHECK(a.type == element_type::f32);
  CHECK(a.shape == std::vector<std::int64_t>{3});
  CHECK(a.element_count() == 3);
  CHECK(a.to_float() == std::vector<float>{1, 2, 3});
  const llama::stored_tensor& b = content.tensors.at("b");
  CHECK(b.shape == std::vector<std::int64_t>{2, 1});
  CHECK(b.to_float() == std::vector<float>{1, -2});
  CHECK(reinterpret_cast<const char*>(b.bytes.data()) == content.file->data() + content.file->size() - 4);
  CHECK(content.metadata == std::map<std::string, std::string>{{"format", "pt"}});
}

TEST_CASE("safetensors: every element type is read by its name and size") {
  for (const llama::element_type_row& row : llama::element_types) {
    CAPTURE(row.name);
    const std::string offsets = "[0," + std::to_string(3 * row.size) + "]";
    const std::string file =
        safetensors_file(entry(std::string(row.name), "[3]", offsets), std::string(3 * row.size, 1));
    const read_file content = read(file);
    CHECK(content.tensors.at("a").type == row.type);
    CHECK(content.tensors.at("a").element_count() == 3);
    CHECK(content.tensors.at("a").dtype == row.name);
    CHECK(llama::size_of(row.type) == row.size);
  }
}

TEST_CASE("safetensors: scalars, empty tensors and files without tensors are valid") {
  CHECK(read("{}", "").tensors.empty());
  CHECK(read(R"({"__metadata__":{}})", "").tensors.empty());
  CHECK(read(entry("I32", "[]", "[0,4]"), "1234").tensors.at("a").element_count() == 1);
  CHECK(read(entry("F64", "[4,0,2]", "[0,0]"), "").tensors.at("a").element_count() == 0);
  CHECK_MESSAGE(read(R"({"z":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},)"
                     R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                     R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                     "abc")
                        .tensors.size() == 3,
                "an empty tensor between two others");
}

TEST_CASE("safetensors: fields that the format does not know are ignored") {
  CHECK(read(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":{"x":[1]}}})", "x").tensors.size() == 1);
}

TEST_CASE("safetensors: unaligned data is reported, and can be copied") {
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  const placed_file file(header, "x" + raw<float>({1.5f, -2.5f}));
  const llama::safetensors content = llama::read_safetensors(file.bytes(), "f");
  const llama::stored_tensor& b = content.tensors.at("b");
  CHECK_FALSE(b.aligned());
  CHECK_THROWS_WITH_AS(b.elements<float>(),
                       "llama: b: expected data aligned to 4 bytes, got an unaligned offset; use copied_elements()",
                       llama::error);
  CHECK(b.copied_elements<float>() == std::vector<float>{1.5f, -2.5f});
  CHECK(b.to_float() == std::vector<float>{1.5f, -2.5f});

  const std::string plain = entry("F32", "[2]", "[0,8]");
  const placed_file aligned(plain, raw<float>({1.5f, -2.5f}));
  const llama::safetensors in_place = llama::read_safetensors(aligned.bytes(), "f");
  const llama::stored_tensor& a = in_place.tensors.at("a");
  CHECK(a.aligned());
  CHECK(a.elements<float>()[1] == -2.5f);
  CHECK_THROWS_WITH_AS(a.elements<double>(), Contains("expected elements of 8 bytes, got F32"), llama::error);
  CHECK_THROWS_WITH_AS(a.copied_elements<char>(), Contains("expected elements of 1 bytes, got F32"), llama::error);
}

TEST_CASE("safetensors: every f16 and bf16 becomes the f32 of its formula") {
  std::size_t wrong = 0;
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const double sign = bits & 0x8000 ? -1 : 1;
    const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
    const double half = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024 + fraction, exponent - 25);
    const float got = llama::float_from_f16(static_cast<std::uint16_t>(bits));
    const bool same =
        std::isnan(half) ? std::isnan(got) : got == static_cast<float>(sign * half) && std::signbit(got) == (sign < 0);
    wrong += !same;

    const float brain = llama::float_from_bf16(static_cast<std::uint16_t>(bits));
    wrong += std::bit_cast<std::uint32_t>(brain) != bits << 16;
  }
  CHECK(wrong == 0);
}

TEST_CASE("safetensors: f64 is rounded to f32, and integers are not weights") {
  CHECK(read(entry("F64", "[1]", "[0,8]"), raw<double>({1 / 3.0})).tensors.at("a").to_float()[0] == 1 / 3.0f);
  const std::string file = safetensors_file(entry("I64", "[1]", "[0,8]"), "12345678");
  CHECK_THROWS_WITH_AS(read(file).tensors.at("a").to_float(), Contains("a: expected F64, F32, F16 or BF16, got I64"),
                       llama::error);
}

TEST_CASE("safetensors: a truncated file is an error at every length") {
  const std::string file = safetensors_file(entry("F32", "[2]", "[0,8]"), "12345678");
  REQUIRE_NOTHROW(read(file));
  for (std::size_t length = 0; length < file.size(); ++length) {
    CAPTURE(length);
    CHECK_THROWS_AS(read(file.substr(0, length)), llama::error);
  }
  check_rejected(file.substr(0, 7), "expected at least 8 bytes, got 7; the file is truncated");
  check_rejected(file.substr(0, 20), "header length: expected at most 12 (what is left of the file), got ");
  check_rejected(file.substr(0, file.size() - 1), "expected an end of at most 7 (the bytes of data), got 8");
}

TEST_CASE("safetensors: a header length beyond the file or the limit is an error") {
  const auto with_length = [](std::uint64_t length, std::size_t size) {
    std::string file(8 + size, ' ');
    std::memcpy(file.data(), &length, 8);
    if (size >= 2) file.replace(8, 2, "{}");
    return file;
  };
  CHECK_NOTHROW(read(with_length(16, 16)));
  check_rejected(with_length(17, 16), "header length: expected at most 16");
  check_rejected(with_length(std::numeric_limits<std::uint64_t>::max(), 16),
                 "expected at most 100000000, got 18446744");
  CHECK_NOTHROW(read(with_length(100'000'000, 100'000'000)));
  check_rejected(with_length(100'000'001, 100'000'001), "header length: expected at most 100000000, got 100000001");
}

TEST_CASE("safetensors: a header that is not a JSON object is an error") {
  check_rejected("", "", "header: expected a JSON object that begins with '{', got \"\"");
  check_rejected("[]", "", "begins with '{', got \"[]\"");
  check_rejected(" {}", "", "begins with '{'");
  check_rejected("\xef\xbb\xbf{}", "", "begins with '{'");
  check_rejected("{", "", "model.safetensors: header: expected valid JSON");
  check_rejected("{}x", "", "expected valid JSON");
  check_rejected("{}\0"s, "", "expected valid JSON");
  check_rejected("{\"\xc3(\":1}", "", "expected UTF-8 text, got \"\\xc3\" at byte 2");
  CHECK_NOTHROW(read("{}   ", ""));
}

TEST_CASE("safetensors: deep nesting is an error, not a stack overflow") {
  std::string header = R"({"a":)";
  for (int level = 0; level < 1'000'000; ++level) header += "[";
  check_rejected(header, "", "nested at most 32 levels");
}

TEST_CASE("safetensors: equal names are an error") {
  const std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  CHECK_NOTHROW(read("{" + one + "}", "x"));
  check_rejected("{" + one + "," + one + "}", "x", "expected every key once in an object, got \"a\" twice");
  check_rejected(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x", "got \"dtype\" twice");
}

TEST_CASE("safetensors: missing fields and fields of the wrong kind are errors") {
  check_rejected(R"({"a":7})", "", "tensor \"a\": expected an object with dtype, shape and data_offsets, got 7");
  check_rejected(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "x", "dtype: expected a string, got nothing");
  check_rejected(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "x", "shape: expected an array, got nothing");
  check_rejected(R"({"a":{"dtype":"U8","shape":[1]}})", "x", "data_offsets: expected an array, got nothing");
  check_rejected(R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", "x", "dtype: expected a string, got 8");
  check_rejected(entry("U8", "1", "[0,1]"), "x", "shape: expected an array, got 1");
  check_rejected(entry("U8", "[1]", "\"01\""), "x", "data_offsets: expected an array, got \"01\"");
  check_rejected(entry("U8", "[1]", "[0]"), "x", "data_offsets: expected two integers, begin and end, got 1");
  check_rejected(entry("U8", "[1]", "[0,1,1]"), "x", "data_offsets: expected two integers, begin and end, got 3");
  check_rejected(R"({"__metadata__":[]})", "", "__metadata__: expected a JSON object, got []");
  check_rejected(R"({"__metadata__":{"a":1}})", "", "__metadata__: expected a string for \"a\", got 1");
}

TEST_CASE("safetensors: a tensor of an unknown dtype is an error only when it is read") {
  // Two values of four bits each: what a shape means in bytes is not known.
  const read_file content = read(R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},)"
                                 R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                                 "xyz");
  const llama::stored_tensor& a = content.tensors.at("a");
  CHECK(a.type == element_type::other);
  CHECK(a.dtype == "F4");
  CHECK(a.shape == std::vector<std::int64_t>{2});
  CHECK(a.element_count() == 1);
  CHECK_THROWS_WITH_AS(a.to_float(), Contains("a: expected F64, F32, F16 or BF16, got F4; export"), llama::error);
  CHECK_THROWS_WITH_AS(a.elements<char>(), Contains("a: expected elements of 1 bytes, got F4; "), llama::error);
  CHECK(content.tensors.at("b").elements<char>()[0] == 'y');
  check_rejected(entry("F4", "[2]", "[0,2]"), "x", "data_offsets: expected an end of at most 1");
  check_rejected(entry("F4", "[2]", "[0,1]"), "xy", "got 1 trailing bytes in no tensor");
}

TEST_CASE("safetensors: files that are commonly taken for one are named") {
  check_rejected(
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      "model.safetensors: expected a safetensors file, got a pointer of Git LFS to it; fetch what it points to "
      "with: git lfs pull");
  for (const char* page : {"<!DOCTYPE html><html>", "\n <html lang=\"en\">", "<!doctype HTML>"})
    check_rejected(page, "expected a safetensors file, got an HTML page; the download failed");
  check_rejected("GGUF\x03\x00\x00\x00"s, "got a GGUF file; ");
  check_rejected("PK\x03\x04 a zip file", "got a zip archive, as torch.save writes; ");
}

TEST_CASE("safetensors: negative, fractional and huge extents are errors") {
  check_rejected(entry("U8", "[-1]", "[0,1]"), "x", "shape: expected integers from 0 to 2^63-1, got -1");
  check_rejected(entry("U8", "[1.0]", "[0,1]"), "x", "shape: expected integers from 0 to 2^63-1, got 1.0");
  check_rejected(entry("U8", "[\"1\"]", "[0,1]"), "x", "shape: expected integers");
  check_rejected(entry("U8", "[9223372036854775808]", "[0,1]"), "x", "shape: expected integers");
  check_rejected(entry("U8", "[99999999999999999999999]", "[0,1]"), "x", "shape: expected integers");
}

TEST_CASE("safetensors: a size that overflows 64 bits is an error, also before a zero") {
  const char* const message = "shape: expected a size of fewer than 2^64 bytes, got ";
  check_rejected(entry("F32", "[4611686018427387904]", "[0,0]"), "", message);  // times 4 is 2^64, which wraps to 0
  check_rejected(entry("U8", "[4294967296,4294967296]", "[0,0]"), "", message);
  check_rejected(entry("U8", "[4294967296,4294967296,0]", "[0,0]"), "", message);
  CHECK(read(entry("U8", "[0,4294967296,4294967296]", "[0,0]"), "").tensors.at("a").element_count() == 0);
}

TEST_CASE("safetensors: offsets out of range or in the wrong order are errors") {
  check_rejected(entry("U8", "[4]", "[0,4]"), "123",
                 "data_offsets: expected an end of at most 3 (the bytes of data), got 4");
  check_rejected(entry("U8", "[1]", "[9223372036854775806,9223372036854775807]"), "1", "expected an end of at most 1");
  check_rejected(entry("U8", "[1]", "[0,18446744073709551615]"), "1",
                 "data_offsets: expected integers from 0 to 2^63-1");
  check_rejected(entry("U8", "[1]", "[-1,0]"), "1", "data_offsets: expected integers from 0 to 2^63-1, got -1");
  check_rejected(entry("U8", "[1]", "[1,0]"), "1", "data_offsets: expected begin <= end, got [1, 0]");
  CHECK_NOTHROW(read(entry("U8", "[3]", "[0,3]"), "123"));
}

TEST_CASE("safetensors: a size other than that of shape and dtype is an error") {
  check_rejected(entry("F32", "[2]", "[0,4]"), "1234", "data_offsets: expected 8 bytes for F32 [2], got 4");
  check_rejected(entry("F16", "[2,2]", "[0,4]"), "1234", "data_offsets: expected 8 bytes for F16 [2, 2], got 4");
  check_rejected(entry("U8", "[0]", "[0,4]"), "1234", "data_offsets: expected 0 bytes for U8 [0], got 4");
  CHECK_NOTHROW(read(entry("F16", "[2]", "[0,4]"), "1234"));
}

TEST_CASE("safetensors: tensors that share bytes are an error") {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":)" + a + R"(},"b":{"dtype":"U8","shape":)" + b + "}}";
  };
  const std::string first = R"([2],"data_offsets":[0,2])";
  CHECK_NOTHROW(read(two(first, R"([2],"data_offsets":[2,4])"), "1234"));
  check_rejected(two(first, R"([3],"data_offsets":[1,4])"), "1234",
                 "expected tensors that do not overlap, got \"a\" and \"b\" both at data offset 1");
  check_rejected(two(first, first), "12", "got \"a\" and \"b\" both at data offset 0");
  check_rejected(two(first, R"([0],"data_offsets":[1,1])"), "12", "expected tensors that do not overlap");
}

TEST_CASE("safetensors: holes and trailing bytes are errors") {
  check_rejected(entry("U8", "[2]", "[1,3]"), "123",
                 "expected data without holes, got bytes 0 to 1 before tensor \"a\" in no tensor");
  check_rejected(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                 R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                 "123", "got bytes 1 to 2 before tensor \"b\" in no tensor");
  check_rejected(entry("U8", "[2]", "[0,2]"), "123",
                 "expected the tensors to end where the file ends, got 1 trailing bytes in no tensor");
  check_rejected("{}", "1", "got 1 trailing bytes");
}

TEST_CASE("safetensors: names reach an error without control characters") {
  check_rejected(R"({"\u001b[2J":7})", "", "tensor \"\\x1b[2J\": expected an object");
}
