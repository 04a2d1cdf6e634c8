// SPDX-License-Identifier: Apache-2.0
/// What lies in a checkpoint's directory, before any file of it is opened.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "error.hpp"

namespace llama {

/// Whether the directory has this entry, be it a link that leads nowhere: then opening it says what is wrong.
inline bool is_entry(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto type = std::filesystem::symlink_status(path, ignored).type();
  return type != std::filesystem::file_type::not_found && type != std::filesystem::file_type::none;
}

namespace detail {

/// The weights in `directory` that this program does not read, for an error that says what it saw instead of its own:
/// other formats, and safetensors files under other names. Empty if there are none.
inline std::string other_weights(const std::filesystem::path& directory) {
  constexpr std::array<std::string_view, 8> extensions{".bin",  ".pt", ".pth",     ".gguf",
                                                       ".ggml", ".h5", ".msgpack", ".safetensors"};
  constexpr std::size_t most = 3;
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
    if (std::find(extensions.begin(), extensions.end(), entry.path().extension().string()) != extensions.end())
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i > 0 ? ", " : "") + in_quotes(names[i]);
  return names.size() > most ? text + " and " + std::to_string(names.size() - most) + " more" : text;
}

}  // namespace detail

/// Throws `error` unless `directory` has the configuration and the weights of a checkpoint in Hugging Face format, and
/// names what it has in their place.
inline void check_checkpoint_files(const std::filesystem::path& directory) {
  const std::string label = printable(directory.string());
  std::error_code ignored;
  if (std::filesystem::is_regular_file(directory, ignored))
    throw error(label + ": expected a model directory, got a file; name the directory that holds config.json");
  if (!std::filesystem::is_directory(directory, ignored)) return;  // opening config.json says what is wrong
  const bool weights =
      is_entry(directory / "model.safetensors") || is_entry(directory / "model.safetensors.index.json");
  const std::string others = weights ? "" : detail::other_weights(directory);
  if (weights || (others.empty() && !is_entry(directory / "config.json"))) return;
  throw error(label + ": expected config.json and model.safetensors or model.safetensors.index.json, got " +
              (others.empty() ? "no weights" : others) + "; export the model with save_pretrained of transformers");
}

}  // namespace llama
