// A large frame whose last bytes are read straight to where they stay.
//
// The happy path: of a frame that lacks much, the Dispatcher has a draft (begin_draft); the last bytes of
// what has arrived are written into it, all others are read into it (read_without_space), and when it is
// whole it is executed in its turn (execute_draft). What else can happen, and what then:
//  - It is no frame for that: it is read into the input.
//  - There is no room any more, for it or for others, or it cannot be executed so: all of it is in the input,
//    and goes its general way.
//  - The client ends its stream, or the connection closes: the draft goes back.
#include <algorithm>
#include <cstring>

#include "daemon/connection.h"

namespace pannier::daemon {

void Connection::begin_draft() {
  if (is_paused_ || state_ != State::kServing) return;
  const protocol::Bytes start = input_.bytes();
  // It is copied; and of a draft that was given up there is more, as a rule.
  if (start.size() > kDraftStartBytesMax) return;
  draft_ = dispatcher_.draft(id_, start, *this, clock_.now());
  if (draft_ == nullptr) return;
  const std::size_t kept = start.size() + bytes_wanted_ - draft_->bytes();
  if (!write_draft(start.substr(kept))) return draft_.reset();
  input_.keep(kept);
  expects_draft_ = true;
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
  if (draft_ == nullptr) return;
  host_.attend(id_);
  if (has_used_up_pass() || is_blocked()) {
    is_paused_ = true;
    return pipe_.stop_reading();
  }
  const auto parts = draft_->room(clock_.now());
  if (parts.empty()) return end_draft();
  const auto size = pipe_.read(parts);
  // What lacks will not come, and the next reading finds out why.
  if (!size) return draft_.reset();
  traffic_.bytes_in += *size;
  pass_bytes_ += *size;
  draft_->written(*size);
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
  bytes.for_each_part([this](std::string_view part) { input_.append(part); });
  host_.account(id_);
}

}  // namespace pannier::daemon
