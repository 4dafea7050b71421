#include "protocol/scanner.h"

#include "protocol/item_head.h"

namespace pannier::protocol {
namespace {

Error no_array(char first) {
  return {ErrorCode::kBadRequest,
          "a message is an array, but the first byte of this one is " + quoted(Bytes(&first, 1))};
}

Error unused_byte(std::size_t offset) {
  return {ErrorCode::kBadRequest, "the byte \"\\xc1\" at offset " + std::to_string(offset) +
                                      " of the message starts no MessagePack object"};
}

Error too_deep(std::size_t depth_max) {
  return {ErrorCode::kBadRequest,
          "arrays and maps are nested deeper than the limit of " + std::to_string(depth_max) + " levels"};
}

Error too_large(std::uint64_t bytes_min, std::size_t frame_bytes_max) {
  return {ErrorCode::kTooLarge, "a message of at least " + std::to_string(bytes_min) +
                                    " bytes is over the limit of " + std::to_string(frame_bytes_max) +
                                    " bytes"};
}

}  // namespace

ScanOutcome FrameScanner::scan(Bytes bytes) {
  while (position_ < bytes_min_) {
    if (position_ >= bytes.size()) return NeedMore{bytes_min_};
    const ItemForm form = form_of(bytes[position_]);
    if (!form.is_used) return position_ == 0 ? no_array(bytes[0]) : unused_byte(position_);
    if (position_ == 0 && form.type != Type::kArray) return no_array(bytes[0]);
    const Bytes rest = bytes.substr(position_);
    if (rest.size() <= form.length_bytes) return NeedMore{bytes_min_ + form.length_bytes};

    if (std::optional<Error> refusal = take(head_of(form, rest))) return *std::move(refusal);
  }
  if (bytes.size() < position_) return NeedMore{bytes_min_};
  const FrameEnd end{position_};
  start_over();
  return end;
}

void FrameScanner::start_over() {
  position_ = 0;
  bytes_min_ = 1;
  open_.clear();
}

std::optional<Error> FrameScanner::take(const ItemHead& head) {
  const bool is_container = head.type == Type::kArray || head.type == Type::kMap;
  if (is_container && open_.size() >= limits_.depth_max) return too_deep(limits_.depth_max);
  // The first byte of the head was counted when its container announced it, or is that of the message itself.
  const std::uint64_t bytes_min = bytes_min_ + head.head_bytes - 1 + head.body_bytes + head.children;
  if (bytes_min > limits_.frame_bytes_max) return too_large(bytes_min, limits_.frame_bytes_max);

  bytes_min_ = bytes_min;
  position_ += head.head_bytes + head.body_bytes;
  if (head.children > 0) {
    open_.push_back(head.children);
    return std::nullopt;
  }
  while (!open_.empty() && --open_.back() == 0) open_.pop_back();
  return std::nullopt;
}

}  // namespace pannier::protocol
