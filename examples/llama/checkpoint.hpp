// SPDX-License-Identifier: Apache-2.0
/// A Hugging Face checkpoint directory: its configuration and its tensors, in one file or in shards.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint_files.hpp"
#include "config.hpp"
#include "error.hpp"
#include "generation_config.hpp"
#include "json.hpp"
#include "mapped_file.hpp"
#include "safetensors.hpp"
#include "stored_tensor.hpp"

namespace llama {

namespace detail {

/// The number of single-character edits between two names (Levenshtein).
inline std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// Shards lie in the checkpoint's own directory: an index must not make the reader open any other file.
inline bool names_file_in_directory(const std::string& shard) {
  const std::filesystem::path path(shard);
  return shard.find('\0') == shard.npos && path.is_relative() && path.filename() == path &&
         path.extension() == ".safetensors";
}

}  // namespace detail

/// An opened checkpoint. The tensors are views into mapped files that this object owns: it must outlive them, and may
/// be moved.
class checkpoint {
 public:
  /// Opens `directory`: `config.json`, `generation_config.json` if there is one, and `model.safetensors` or else
  /// `model.safetensors.index.json` with the shards that it lists. Throws `error` for a missing, damaged or
  /// inconsistent file.
  explicit checkpoint(std::filesystem::path directory) : directory_(std::move(directory)) {
    check_checkpoint_files(directory_);
    config_ = read_config(directory_ / "config.json");
    const std::filesystem::path generation = directory_ / "generation_config.json";
    if (is_entry(generation)) {
      const mapped_file file(generation);
      const std::string label = printable(generation.string());
      if (const auto ids = parse_generation_config(file.text(), config_.vocab_size, label))
        config_.eos_token_ids = *ids;
    }
    const std::filesystem::path single = directory_ / "model.safetensors";
    if (is_entry(single))
      tensors_ = open_file(single).tensors;
    else
      open_shards(directory_ / "model.safetensors.index.json");
  }

  /// Of config.json, with the end tokens of generation_config.json where it gives any.
  const llama::config& config() const { return config_; }

  /// All tensors by name.
  const std::map<std::string, stored_tensor, std::less<>>& tensors() const { return tensors_; }

  /// The tensor called `name`, or null.
  const stored_tensor* find(std::string_view name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

  /// The tensor called `name`. Throws `error` with the names closest to it if there is none.
  const stored_tensor& tensor(std::string_view name) const {
    if (const stored_tensor* const found = find(name)) return *found;
    throw error(label() + ": expected a tensor " + in_quotes(name) + ", got " + close_names(name) +
                "; config.json and the weights must be of one model");
  }

  /// The tensor called `name`, which must have exactly this shape. Throws `error` otherwise.
  const stored_tensor& tensor(std::string_view name, std::initializer_list<std::int64_t> shape) const {
    const stored_tensor& found = tensor(name);
    if (!std::equal(shape.begin(), shape.end(), found.shape.begin(), found.shape.end())) {
      throw error(label() + ": " + std::string(name) + ": expected shape " + shape_text({shape.begin(), shape.size()}) +
                  ", got " + shape_text(found.shape) + "; config.json and the weights must be of one model");
    }
    return found;
  }

  /// Throws `error` that lists the tensors outside `used`: a model that leaves them out computes something else. Passed
  /// over are inverse frequencies, which old checkpoints store and which follow from the config, and the head where it
  /// is the embedding.
  void check_all_used(const std::set<std::string, std::less<>>& used) const {
    constexpr std::size_t most = 12;
    std::string listed;
    std::size_t count = 0;
    for (const auto& [name, tensor] : tensors_) {
      if (used.contains(name) || name.ends_with("rotary_emb.inv_freq")) continue;
      if (config_.tie_word_embeddings && name == "lm_head.weight") continue;
      if (count++ < most) listed += (count > 1 ? ", " : "") + in_quotes(name);
    }
    if (count == 0) return;
    if (count > most) listed += " and " + std::to_string(count - most) + " more";
    throw error(label() + ": expected only tensors that config.json announces, got " + std::to_string(count) +
                " other" + (count > 1 ? "s: " : ": ") + listed +
                "; the model is of another architecture or size than config.json says, and its text would be wrong");
  }

 private:
  std::string label() const { return printable(directory_.string()); }

  safetensors open_file(const std::filesystem::path& path) {
    files_.emplace_back(path);
    return read_safetensors(files_.back().bytes(), printable(path.string()));
  }

  void open_shards(const std::filesystem::path& index) {
    const std::string label = printable(index.string());
    const nlohmann::json root = parse_json(mapped_file(index).text(), label);
    const json_fields fields(root, label);
    if (!fields.has("weight_map")) fields.fail("weight_map", "an object", json_fields::repair);
    fields.nested("weight_map");  // an error if it is no object

    std::map<std::string, safetensors> shards;
    for (const auto& [name, shard] : fields.find("weight_map")->items()) {
      const auto fail = [&label, &tensor = name](const std::string& expected, const std::string& got) {
        throw error(label + ": weight_map: expected " + expected + " for " + in_quotes(tensor) + ", got " + got +
                    "; download the checkpoint again");
      };
      if (!shard.is_string() || !detail::names_file_in_directory(shard.get_ref<const std::string&>())) {
        fail("the name of a .safetensors file in the same directory", shown(shard));
      }
      const std::string file = shard.get<std::string>();
      auto opened = shards.find(file);
      if (opened == shards.end()) opened = shards.emplace(file, open_file(directory_ / file)).first;
      const auto found = opened->second.tensors.find(name);
      if (found == opened->second.tensors.end()) fail("a shard that holds it", shown(shard) + ", which does not");
      tensors_.emplace(name, found->second);
    }
    // What the index does not list is there all the same, and a model may have to be asked whether it uses it.
    for (const auto& [file, shard] : shards) tensors_.insert(shard.tensors.begin(), shard.tensors.end());
  }

  std::string close_names(std::string_view name) const {
    std::vector<std::pair<std::size_t, std::string_view>> ranked;
    for (const auto& [candidate, tensor] : tensors_) {
      // Names far longer than any real one are of no help and would make the comparison slow.
      if (candidate.size() <= 2 * name.size() + 8)
        ranked.emplace_back(detail::edit_distance(name, candidate), candidate);
    }
    if (ranked.empty()) return "nothing like it among " + std::to_string(tensors_.size()) + " tensors";
    const auto shown_count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, ranked.size()));
    std::partial_sort(ranked.begin(), ranked.begin() + shown_count, ranked.end());
    std::string text = "only others, the closest being";
    for (auto entry = ranked.begin(); entry != ranked.begin() + shown_count; ++entry) {
      text += (entry == ranked.begin() ? " " : ", ") + in_quotes(entry->second);
    }
    return text;
  }

  std::filesystem::path directory_;
  llama::config config_{};
  std::vector<mapped_file> files_;
  std::map<std::string, stored_tensor, std::less<>> tensors_;
};

}  // namespace llama
