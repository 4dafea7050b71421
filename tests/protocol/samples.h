// Encoded MessagePack objects that every reader is tried on: each form at the edges of its range, in its
// shortest encoding and in longer ones, and some nested ones. Made byte by byte from the specification, by no
// encoder.
#pragma once

#include <string>
#include <vector>

namespace pannier::protocol {

std::vector<std::string> sample_objects();

/// `head`, then `size` bytes of body.
std::string with_body(std::string_view head_hex, std::size_t size);

/// Arrays of one item, `depth` deep, the innermost empty.
std::string nested_arrays(std::size_t depth);

/// Maps of one pair, `depth` deep: each the value of the one around it, the innermost empty.
std::string nested_maps(std::size_t depth);

}  // namespace pannier::protocol
