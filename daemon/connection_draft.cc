// A large frame whose last bytes are read straight to where they stay.
//
// The happy path: of a frame that lacks much, the Dispatcher has a draft (begin_draft); the last bytes of
// what has arrived are written into it, all others are read into it (read_without_space), and when it is
// whole it is executed in its turn (execute_draft). What else can happen, and what then:
//  - It is no frame for that: it is read into the input.
//  - There is no room any more, for it or for others, or nothing comes of it for a while and another has no
//    place, or it cannot be executed so: all of it is in the input, and goes its general way.
//  - Its head came alone, or with what kept it from being looked at: it has a draft when there is enough of
//    it, or when its turn has come.
//  - The client ends its stream, or the connection closes: the draft goes back.
#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/connection.h"

namespace pannier::daemon {

void Connection::begin_draft() {
  const std::size_t expected = std::exchange(start_bytes_, kDraftStartBytesMax);
  if (bytes_wanted_ < kDraftBytesMin || is_paused_ || state_ != State::kServing) return;
  const protocol::Bytes start = input_.bytes();
  // Of a draft that was given up there is more, as a rule.
  if (start.size() > kDraftStartBytesMax) return;
  draft_ = dispatcher_.draft(id_, start, *this, clock_.now());
  if (draft_ == nullptr) {
    if (start.size() < expected) start_bytes_ = expected;
    return;
  }
  const std::size_t kept = start.size() + bytes_wanted_ - draft_->bytes();
  if (!write_draft(start.substr(kept))) return draft_.reset();
  input_.keep(kept);
  start_bytes_ = kept + kStartSpareBytes;
}

bool Connection::write_draft(protocol::Bytes bytes) {
  while (!bytes.empty()) {
    const auto parts = draft_->room(clock_.now());
    if (parts.empty()) return false;
    const std::size_t size = std::min(parts.front().size(), bytes.size());
    std::memcpy(parts.front().data(), bytes.data(), size);
    draft_->written(size);
    bytes.remove_prefix(size);
  }
  return true;
}

void Connection::read_without_space() {
  if (draft_ == nullptr || host_.buffers_are_full()) return;
  host_.attend(id_);
  if (has_used_up_pass() || is_blocked()) {
    is_paused_ = true;
    return pipe_.stop_reading();
  }
  start_pass_time();
  const auto parts = draft_->room(clock_.now());
  if (parts.empty()) return end_draft();
  const auto outcome = pipe_.read(parts);
  if (const auto* failed = std::get_if<ReadFailed>(&outcome)) {
    pipe_.stop_reading();
    return failed->code == 0 ? read_ended() : read_failed(failed->code);
  }
  const std::size_t size = std::get<GotBytes>(outcome).size;
  traffic_.bytes_in += size;
  pass_bytes_ += size;
  draft_->written(size);
  execute_draft();
  after_input();
}

void Connection::execute_draft() {
  if (draft_->left_bytes() > 0) return;
  if (has_used_up_pass() || is_blocked()) {
    is_paused_ = true;
    return;
  }
  if (output_.empty()) prepare_output();
  start_pass_time();
  if (!dispatcher_.dispatch_draft(id_, input_.bytes(), *draft_, output_, clock_.now())) {
    end_draft();
    return input_.consume(execute(input_.bytes()));
  }
  ++pass_frames_;
  draft_.reset();
  input_.clear();
  scanner_.start_over();
}

void Connection::end_draft() {
  bytes_wanted_ = draft_->left_bytes();
  draft_->give_up();
  draft_.reset();
}

void Connection::gave_up(const storage::BytesView& bytes) {
  char* to = input_.grow(bytes.size()).data();
  bytes.for_each_part([&to](std::string_view part) { to = std::copy(part.begin(), part.end(), to); });
  host_.account(id_);
}

}  // namespace pannier::daemon
