// SPDX-License-Identifier: Apache-2.0
/// Strict JSON from files that nobody vouches for, and typed access to an object's fields.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "error.hpp"
#include "mistaken_file.hpp"
#include "utf8.hpp"

namespace llama {

/// Deeper nesting is refused. Every file of a checkpoint needs fewer than ten levels.
inline constexpr std::size_t json_depth_limit = 32;

namespace detail {

/// Builds the value from parse events, because the library's own builder keeps the last of two equal keys silently and
/// nests without a bound.
class json_builder {
 public:
  using json = nlohmann::json;

  explicit json_builder(std::string label) : label_(std::move(label)) {}

  json result() && { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(json::number_integer_t value) { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) { return add(value); }
  bool number_float(json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t&) { return false; }  // never called: JSON text has no binary values

  bool start_object(std::size_t) { return open(json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    if (open_.back()->contains(name)) {
      throw error(label_ + ": expected every key once in an object, got " + in_quotes(name) +
                  " twice; the file is damaged or forged, write it again");
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception&) {
    throw error(label_ + ": expected valid JSON, got " + in_quotes(token) + " at byte " + std::to_string(position) +
                "; the file is damaged, download or write it again");
  }

 private:
  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool add(json value) { return place(std::move(value)) != nullptr; }

  bool open(json value) {
    if (open_.size() == json_depth_limit) {
      throw error(label_ + ": expected JSON nested at most " + std::to_string(json_depth_limit) +
                  " levels, got more; no checkpoint needs that, the file is damaged or forged");
    }
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string label_;
  json root_;
  // Ancestors of the next value. Pointers stay valid: a container only grows while it is the last one open.
  std::vector<json*> open_;
  std::string key_;
};

}  // namespace detail

/// Parses `text`; `label` names it in errors. Throws `error` for text that is not UTF-8, is not exactly one JSON value,
/// repeats a key in an object, or nests deeper than `json_depth_limit`.
inline nlohmann::json parse_json(std::string_view text, const std::string& label) {
  refuse_mistaken_file(text, label, "JSON");
  if (const auto offset = first_ill_formed(text)) {
    throw error(label + ": expected UTF-8 text, got " + in_quotes(text.substr(*offset, 1)) + " at byte " +
                std::to_string(*offset) + "; the file is damaged or not JSON");
  }
  // The library takes a NUL for the end of the text and would not look at what follows it.
  if (const std::size_t offset = text.find('\0'); offset != text.npos) {
    throw error(label + ": expected valid JSON, got \"\\x00\" at byte " + std::to_string(offset) +
                "; the file is damaged, download or write it again");
  }
  detail::json_builder builder(label);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder).result();
}

/// A value as an error shows it: its JSON text, shortened.
inline std::string shown(const nlohmann::json& value) {
  if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  if (value.is_array() && value.size() > 8) return "an array of " + std::to_string(value.size()) + " values";
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

/// `value` as an integer of [0, 2^63), or nothing.
inline std::optional<std::int64_t> natural_number(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return static_cast<std::int64_t>(number);
    }
  } else if (value.is_number_integer() && value.get<std::int64_t>() >= 0) {
    return value.get<std::int64_t>();
  }
  return std::nullopt;
}

/// Typed access to the fields of one JSON object. A field that is absent or null counts as not given. Each getter takes
/// the default for that case; without one the field is required. Errors read
/// `llama: LABEL: FIELD: expected X, got Y; REMEDY`.
class json_fields {
 public:
  /// `prefix` is put before field names in errors: `rope_scaling.` for a nested object. `object` must outlive this.
  json_fields(const nlohmann::json& object, std::string label, std::string prefix = "")
      : object_(&object), label_(std::move(label)), prefix_(std::move(prefix)) {
    if (!object.is_object()) {
      const std::string name = prefix_.empty() ? "" : prefix_.substr(0, prefix_.size() - 1) + ": ";
      throw error(label_ + ": " + name + "expected a JSON object, got " + shown(object) +
                  "; export the model again with save_pretrained");
    }
  }

  const nlohmann::json* find(const std::string& field) const {
    const auto found = object_->find(field);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
  }
  bool has(const std::string& field) const { return find(field) != nullptr; }
  /// Whether the field is written at all, if only as null.
  bool contains(const std::string& field) const { return object_->contains(field); }

  /// An object in a field that is given.
  json_fields nested(const std::string& field) const {
    return json_fields(object_->at(field), label_, prefix_ + field + ".");
  }

  [[noreturn]] void fail(const std::string& field, const std::string& expected, const std::string& remedy) const {
    const auto found = object_->find(field);
    const std::string got = found == object_->end() ? "nothing" : shown(*found);
    throw error(label_ + ": " + printable(prefix_ + field) + ": expected " + expected + ", got " + got + "; " + remedy);
  }

  /// An integer of [1, 2^31): the product of two fits 64 bits.
  std::int64_t positive_integer(const std::string& field, std::optional<std::int64_t> otherwise = {}) const {
    const nlohmann::json* const value = given(field, otherwise.has_value(), "a positive integer");
    if (value == nullptr) return *otherwise;
    const auto number = natural_number(*value);
    if (!number || *number == 0) fail(field, "a positive integer", repair);
    if (*number > std::numeric_limits<std::int32_t>::max()) fail(field, "an integer below 2^31", repair);
    return *number;
  }

  /// A number that f32 holds as finite and above zero, written as an integer or with a fraction.
  double positive_number(const std::string& field, std::optional<double> otherwise = {}) const {
    const nlohmann::json* const value = given(field, otherwise.has_value(), "a positive number");
    if (value == nullptr) return *otherwise;
    if (!value->is_number()) fail(field, "a positive number", repair);
    const double number = value->get<double>();
    const bool in_range = number >= std::numeric_limits<float>::min() && number <= std::numeric_limits<float>::max();
    if (!in_range) fail(field, "a positive number in the range of f32", repair);
    return number;
  }

  bool boolean(const std::string& field, bool otherwise) const {
    const nlohmann::json* const value = given(field, true, "");
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) fail(field, "true or false", repair);
    return value->get<bool>();
  }

  std::string string(const std::string& field, std::optional<std::string> otherwise = {}) const {
    const nlohmann::json* const value = given(field, otherwise.has_value(), "a string");
    if (value == nullptr) return *otherwise;
    if (!value->is_string()) fail(field, "a string", repair);
    return value->get<std::string>();
  }

  static constexpr const char* repair = "correct the field, or export the model again with save_pretrained";

 private:
  const nlohmann::json* given(const std::string& field, bool optional, const std::string& expected) const {
    const nlohmann::json* const value = find(field);
    if (value == nullptr && !optional) {
      fail(field, expected, "add the field: save_pretrained of transformers writes it");
    }
    return value;
  }

  const nlohmann::json* object_;
  std::string label_;
  std::string prefix_;
};

}  // namespace llama
