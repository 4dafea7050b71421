// InFlight: the requests of an AsyncClient that are not answered yet; which bytes are to be sent next, whose
// time is over, and what becomes of each when the connection ends. It knows neither the loop nor the socket
// nor the time, and calls nobody back: it returns the handlers that are due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/deadline.h"
#include "pannier/async.h"

namespace pannier::detail {

class InFlight {
 public:
  /// A handler that is due, and whether the daemon may have executed its request.
  struct Due {
    Handler done;
    bool may_have_run;
  };

  InFlight(std::size_t requests_max, std::size_t bytes_max)
      : requests_max_(requests_max), bytes_max_(bytes_max) {}

  /// Whether one more of so many bytes is within the limits. Any one request is, if it is alone.
  bool has_room(std::size_t frame_bytes) const;
  void add(Request request, Handler done, Deadline deadline);

  /// Requests whose handler is still to be called.
  std::size_t size() const { return deadlines_.size(); }
  bool has_unsent();
  /// What is to be sent next, some of it; empty if all is sent. Lasts until the next call of anything here.
  std::string_view unsent();
  /// The first `bytes` of that are sent.
  void sent(std::size_t bytes);

  struct Answered {
    Handler done;  ///< empty: its time was over
    /// All of it was sent. Else nothing else can follow over this connection.
    bool was_whole;
    std::size_t frame_bytes;
  };
  /// Takes an answered request out. Nothing: there was no such request on this connection.
  std::optional<Answered> answered(std::uint64_t id);
  /// Whether an answer is to come over this connection.
  bool awaits_answer() const;
  /// When the first one's time is over.
  std::optional<Deadline> next_deadline() const;
  /// Those whose time is over. What was sent of them stays known until it is answered.
  std::vector<Due> expired(Deadline now);
  /// The connection is over. Those that may go over a new one are unsent again, in their order; the others
  /// are due.
  std::vector<Due> disconnected();
  /// All of them.
  std::vector<Due> give_up();

 private:
  struct Entry {
    Request request;
    Handler done;  ///< empty: its time is over
    Deadline deadline;
    std::uint64_t order;
    std::size_t frame_bytes;
    bool has_begun = false;    ///< bytes of it were sent over some connection,
    bool is_on_link = false;   ///< over this one
    bool is_repeated = false;  ///< it is there for a second connection
  };
  using Entries = std::unordered_map<std::uint64_t, Entry>;

  /// At most so many bytes are copied together, to be sent at once.
  static constexpr std::size_t kGatherBytes = std::size_t{64} << 10;

  Due take(Entry& entry);
  void forget_frame(Entry& entry);
  void erase(Entries::iterator entry);

  std::size_t requests_max_;
  std::size_t bytes_max_;
  Entries entries_;
  std::size_t bytes_ = 0;  ///< of all frames
  std::uint64_t next_order_ = 0;
  std::set<std::pair<Deadline, std::uint64_t>> deadlines_;
  /// In the order of sending; some may be gone.
  std::deque<std::uint64_t> unsent_;
  /// Of the first one, bytes that are sent.
  std::size_t offset_ = 0;
  std::string gathered_;
};

}  // namespace pannier::detail
