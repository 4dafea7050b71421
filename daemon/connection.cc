#include "daemon/connection.h"

#include <algorithm>
#include <variant>

#include "protocol/writer.h"

namespace pannier::daemon {
namespace {

/// A connection keeps so much of its own for outputs to come.
constexpr std::size_t kKeptOutputBytesMax = std::size_t{16} << 10;

}  // namespace

Connection::Connection(ConnectionId id, UvLoop& loop, const Clock& clock, const ClientLimits& limits,
                       Dispatcher& dispatcher, ConnectionHost& host)
    : id_(id),
      clock_(clock),
      limits_(limits),
      dispatcher_(dispatcher),
      host_(host),
      traffic_(host.traffic_to_count()),
      scanner_(limits.frame),
      pipe_(loop, *this) {}

void Connection::start() {
  is_announced_ = true;
  pipe_.start_reading();
}

void Connection::refuse(const protocol::Error& error) {
  protocol::Writer(output_).response_error(protocol::MessageId(), error);
  close_after_output();
}

// -- input

std::span<char> Connection::read_space() {
  if (draft_ != nullptr || host_.buffers_are_full()) return {};
  const std::size_t held = input_.bytes().size();
  reads_into_input_ = state_ == State::kServing && held > 0;
  space_ = reads_into_input_ ? input_.room(bytes_wanted_) : host_.shared_space();
  // Of one whose head came alone, the rest of its start.
  const bool is_start = held < start_bytes_ && (held == 0 || bytes_wanted_ >= kDraftBytesMin);
  if (is_start) space_ = space_.first(std::min(space_.size(), start_bytes_ - held));
  return space_;
}

void Connection::bytes_arrived(std::size_t size) {
  host_.attend(id_);
  traffic_.bytes_in += size;
  if (state_ != State::kServing) return discard(size);
  pass_bytes_ += size;
  if (reads_into_input_) {
    input_.filled(size);
    input_.consume(execute(input_.bytes()));
  } else {
    const protocol::Bytes arrived(space_.data(), size);
    input_.append(arrived.substr(execute(arrived)));
  }
  begin_draft();
  after_input();
}

void Connection::after_input() {
  // Whoever sends one request waits for its reply, and for no other's.
  if (pass_frames_ == 1 && state_ != State::kGone) flush();
  host_.account(id_);
  if (is_paused_) pipe_.stop_reading();
}

void Connection::read_ended() {
  host_.attend(id_);
  has_peer_ended_ = true;
  if (state_ != State::kServing) return;
  state_ = State::kEnded;
  draft_.reset();
  input_.clear();
  dispatcher_.ended(id_, clock_.now());
}

void Connection::read_failed(int code) {
  host_.attend(id_);
  gone(uv_strerror(code));
}

void Connection::run() {
  if (state_ != State::kServing || !is_paused_) return;
  is_paused_ = false;
  host_.attend(id_);
  if (draft_ != nullptr) {
    execute_draft();
  } else {
    input_.consume(execute(input_.bytes()));
    begin_draft();
  }
  host_.account(id_);
  if (!is_paused_) pipe_.start_reading();
}

std::size_t Connection::execute(protocol::Bytes input) {
  if (output_.empty()) prepare_output();
  std::size_t taken = 0;
  while (true) {
    if (has_used_up_pass() || is_blocked()) {
      is_paused_ = true;
      return taken;
    }
    if (const std::size_t hot_bytes = dispatch_hot(input.substr(taken)); hot_bytes > 0) {
      taken += hot_bytes;
      continue;
    }
    const protocol::Bytes rest = input.substr(taken);
    const protocol::ScanOutcome outcome = scanner_.scan(rest);
    if (const auto* more = std::get_if<protocol::NeedMore>(&outcome)) {
      bytes_wanted_ = more->bytes_min > rest.size() ? more->bytes_min - rest.size() : 0;
      return taken;
    }
    bool goes_on = false;
    if (const auto* end = std::get_if<protocol::FrameEnd>(&outcome)) {
      taken += end->size;
      goes_on = dispatch(rest.substr(0, end->size));
    } else {
      dispatcher_.refuse(id_, rest, std::get<protocol::Error>(outcome));
    }
    if (!goes_on) {
      close_after_output();
      return input.size();
    }
  }
}

void Connection::prepare_output() {
  const bool is_needed = sent_bytes_ > kKeptOutputBytesMax && output_.capacity() <= kKeptOutputBytesMax;
  // A spare may have more than is needed, and counts whole.
  if (is_needed && !host_.buffers_are_scarce()) host_.spare_outputs().lend(output_, sent_bytes_);
}

std::size_t Connection::dispatch_hot(protocol::Bytes input) {
  if (input.empty() || !scanner_.is_at_start()) return 0;
  const TakenFrames taken =
      dispatcher_.dispatch_hot(id_, input, kPassFramesMax - pass_frames_, output_, clock_.now());
  if (taken.frames == 0) return 0;
  pass_frames_ += taken.frames;
  host_.account(id_);
  if (pass_frames_ > kUntimedFramesMax) start_pass_time();
  return taken.bytes;
}

void Connection::start_pass_time() {
  if (pass_started_ns_ == 0) pass_started_ns_ = UvLoop::clock_ns();
}

bool Connection::dispatch(protocol::Bytes frame) {
  ++pass_frames_;
  start_pass_time();
  const bool goes_on = dispatcher_.dispatch(id_, frame, clock_.now());
  host_.account(id_);
  return goes_on;
}

void Connection::discard(std::size_t size) {
  discarded_bytes_ += size;
  if (discarded_bytes_ > kDiscardedBytesMax) pipe_.stop_reading();
}

bool Connection::has_used_up_pass() const {
  return pass_frames_ >= kPassFramesMax || pass_bytes_ >= kPassBytesMax || host_.buffers_are_full() ||
         (pass_started_ns_ > 0 && UvLoop::clock_ns() - pass_started_ns_ > kPassNsMax);
}

bool Connection::is_blocked() {
  const std::uint64_t unsent = unsent_bytes();
  const std::uint64_t unsent_max = host_.buffers_are_scarce()
                                       ? std::min(kScarceUnsentBytes, limits_.unsent_bytes_max)
                                       : limits_.unsent_bytes_max;
  if (unsent > unsent_max) is_over_unsent_ = true;
  if (unsent <= unsent_max / 2) is_over_unsent_ = false;
  return is_stuffed() || is_over_unsent_ || dispatcher_.is_congested(id_);
}

// -- output

std::string* Connection::output() {
  const bool can_send = state_ != State::kLingering && state_ != State::kGone;
  return can_send ? &output_ : nullptr;
}

void Connection::send_through(std::span<const protocol::Bytes> parts) {
  if (output() == nullptr) return;
  // What is taken below may be more than half, which settle() would not see.
  if (unsent_bytes() >= limits_.unsent_bytes_max / 2) was_over_half_ = true;
  std::size_t taken = 0;
  if (!is_writing_) {
    const auto outcome = pipe_.try_write(output_, parts);
    if (const auto* failure = std::get_if<WriteFailed>(&outcome)) return gone(uv_strerror(failure->code));
    taken = std::get<TookBytes>(outcome).size;
    traffic_.bytes_out += taken;
  }
  const std::size_t of_output = std::min(taken, output_.size());
  output_.erase(0, of_output);
  taken -= of_output;
  for (const protocol::Bytes part : parts) {
    const std::size_t of_part = std::min(taken, part.size());
    output_.append(part.substr(of_part));
    taken -= of_part;
  }
  stuffed_until_ms_ = output_.empty() ? 0 : clock_.uptime_ms() + kStuffedMs;
  if (!output_.empty()) widen();
}

void Connection::send_with(std::span<const int> descriptors) {
  const auto outcome = pipe_.try_write_with(output_, descriptors);
  if (const auto* failure = std::get_if<WriteFailed>(&outcome)) return gone(uv_strerror(failure->code));
  const std::size_t taken = std::get<TookBytes>(outcome).size;
  // Without the first byte, the descriptors were not taken either.
  if (taken == 0) return gone("the descriptors it asked for could not be sent");
  traffic_.bytes_out += taken;
  output_.erase(0, taken);
}

void Connection::widen() {
  if (is_wide_ || !host_.allows_wide(id_)) return;
  is_wide_ = true;
  pipe_.set_send_buffer(kWideSocketBytes);
}

std::uint64_t Connection::unsent_bytes() const {
  return output_.size() + (is_writing_ ? pipe_.unwritten_bytes() : 0);
}

std::uint64_t Connection::input_bytes() const {
  return input_.capacity_bytes() + (draft_ == nullptr ? 0 : draft_->taken_bytes());
}

std::uint64_t Connection::buffer_bytes() const {
  return input_bytes() + output_.capacity() + in_flight_.capacity();
}

void Connection::flush() {
  if (is_writing_ || output_.empty()) return;
  const auto outcome = pipe_.try_write(output_);
  if (const auto* failure = std::get_if<WriteFailed>(&outcome)) return gone(uv_strerror(failure->code));
  const std::size_t taken = std::get<TookBytes>(outcome).size;
  if (taken == output_.size()) {
    traffic_.bytes_out += taken;
    stuffed_until_ms_ = 0;
    return sent(output_);
  }
  in_flight_.swap(output_);
  is_writing_ = true;
  pipe_.write(protocol::Bytes(in_flight_).substr(taken));
}

void Connection::sent(std::string& buffer) {
  sent_bytes_ = buffer.size();
  buffer.clear();
  keep_little(buffer);
}

void Connection::keep_little(std::string& buffer) {
  if (buffer.capacity() > kKeptOutputBytesMax) host_.spare_outputs().give(buffer);
}

void Connection::write_done() {
  host_.attend(id_);
  is_writing_ = false;
  traffic_.bytes_out += in_flight_.size();
  stuffed_until_ms_ = 0;
  sent(in_flight_);
}

void Connection::write_failed(int code) {
  host_.attend(id_);
  gone(uv_strerror(code));
}

void Connection::tell_arriving() {
  // What stands behind whole frames that wait is not known yet.
  if (is_paused_) return;
  const bool is_large = state_ == State::kServing && input_.bytes().size() > kLargeFrameBytes;
  if (!is_large && !is_arriving_) return;
  is_arriving_ = is_large;
  dispatcher_.arriving(id_, is_large ? input_.bytes() : protocol::Bytes());
}

void Connection::tell_drained() {
  if (!was_over_half_ || unsent_bytes() >= limits_.unsent_bytes_max / 2) return;
  was_over_half_ = false;
  if (is_announced_) dispatcher_.drained(id_, clock_.now());
}

// -- the end of a pass, and of the connection

Connection::Next Connection::settle() {
  pass_frames_ = 0;
  pass_started_ns_ = 0;
  pass_bytes_ = 0;
  if (unsent_bytes() >= limits_.unsent_bytes_max / 2) was_over_half_ = true;
  if (state_ != State::kGone) flush();
  if (output_.empty()) keep_little(output_);
  if (state_ != State::kGone) tell_drained();
  if (is_announced_) tell_arriving();
  switch (state_) {
    case State::kServing:
      return next_when_serving();
    case State::kEnded:
      if (unsent_bytes() > 0 || dispatcher_.waiting(id_) > 0) return Next::kWatch;
      gone("the client has ended it");
      break;
    case State::kClosing:
    case State::kLingering:
    case State::kFinishing:
      return next_when_closing();
    case State::kGone:
      break;
  }
  tell_closed();
  return Next::kDestroy;
}

Connection::Next Connection::next_when_serving() {
  if (!is_paused_) return Next::kNothing;
  if (!is_blocked()) return Next::kRun;
  return is_stuffed() || dispatcher_.is_congested(id_) ? Next::kWatch : Next::kNothing;
}

Connection::Next Connection::next_when_closing() {
  if (unsent_bytes() == 0 && state_ == State::kClosing) {
    pipe_.shut_down_writing();
    state_ = State::kLingering;
    tell_closed();
  }
  const bool is_done = state_ == State::kLingering ? has_peer_ended_ || discarded_bytes_ > kDiscardedBytesMax
                                                   : state_ == State::kFinishing && unsent_bytes() == 0;
  if (!is_done && !is_late()) return Next::kWatch;
  gone(is_done ? "closed" : "closed with the client not following");
  tell_closed();
  return Next::kDestroy;
}

void Connection::close_after_output() {
  if (state_ == State::kGone) return;
  state_ = State::kClosing;
  is_paused_ = false;
  draft_.reset();
  set_deadline(kLingerMs);
  pipe_.start_reading();
  host_.attend(id_);
}

void Connection::shed(const protocol::Error& error) {
  host_.attend(id_);
  const bool is_input = input_bytes() > output_.capacity() + in_flight_.capacity();
  if (state_ != State::kServing || !is_input) return gone("all buffers together were too large");
  dispatcher_.refuse(id_, input_.bytes(), error);
  input_.clear();
  close_after_output();
}

void Connection::dismiss(const protocol::Error& error) {
  if (state_ != State::kServing && state_ != State::kEnded) return;
  protocol::Writer(output_).response_error(protocol::MessageId(), error);
  input_.clear();
  close_after_output();
}

void Connection::finish() {
  host_.attend(id_);
  if (state_ == State::kGone) return;
  pipe_.stop_reading();
  draft_.reset();
  state_ = State::kFinishing;
  set_deadline(kFinishMs);
}

void Connection::set_deadline(std::uint64_t after_ms) { deadline_ms_ = clock_.uptime_ms() + after_ms; }

bool Connection::is_late() const { return clock_.uptime_ms() >= deadline_ms_; }

void Connection::gone(std::string_view reason) {
  if (state_ == State::kGone) return;
  state_ = State::kGone;
  draft_.reset();
  reason_ = reason;
}

void Connection::tell_closed() {
  if (!is_announced_) return;
  is_announced_ = false;
  dispatcher_.closed(id_, clock_.now());
}

}  // namespace pannier::daemon
