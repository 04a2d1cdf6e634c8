// SPDX-License-Identifier: Apache-2.0
/// UTF-8, as far as reading headers and streaming text need it: where a code point ends, and whether it is well formed.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace llama {

enum class utf8_state { well_formed, incomplete, ill_formed };

/// The code point at the front of some text.
struct utf8_front {
  utf8_state state;
  std::size_t length;  ///< bytes: of the code point, of what there is of an incomplete one, or 1 for an ill-formed byte
};

/// Looks at the front of `text`, which must not be empty. `incomplete` means that more bytes could still make it well
/// formed. Source: the table of well-formed byte sequences in RFC 3629, section 4 (no overlong forms, no surrogates).
inline utf8_front front_code_point(std::string_view text) {
  const auto byte = [text](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {utf8_state::well_formed, 1};
  if (lead < 0xc2 || lead > 0xf4) return {utf8_state::ill_formed, 1};
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

  unsigned lowest = 0x80, highest = 0xbf;  // of the second byte; later bytes have the whole range
  if (lead == 0xe0) lowest = 0xa0;         // below: overlong
  if (lead == 0xed) highest = 0x9f;        // above: surrogates
  if (lead == 0xf0) lowest = 0x90;         // below: overlong
  if (lead == 0xf4) highest = 0x8f;        // above: past U+10FFFF
  for (std::size_t index = 1; index < length; ++index) {
    if (index == text.size()) return {utf8_state::incomplete, index};
    if (byte(index) < lowest || byte(index) > highest) return {utf8_state::ill_formed, 1};
    lowest = 0x80, highest = 0xbf;
  }
  return {utf8_state::well_formed, length};
}

/// The offset of the first byte that is not part of a well-formed code point; nothing if there is none.
inline std::optional<std::size_t> first_ill_formed(std::string_view text) {
  for (std::size_t offset = 0; offset < text.size();) {
    const utf8_front front = front_code_point(text.substr(offset));
    if (front.state != utf8_state::well_formed) return offset;
    offset += front.length;
  }
  return std::nullopt;
}

/// How many bytes at the end of `text` begin a code point that the next bytes may complete: 0 to 3.
inline std::size_t incomplete_tail(std::string_view text) {
  for (std::size_t offset = 0; offset < text.size();) {
    const utf8_front front = front_code_point(text.substr(offset));
    if (front.state == utf8_state::incomplete) return front.length;
    offset += front.length;
  }
  return 0;
}

}  // namespace llama
