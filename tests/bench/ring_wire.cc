#include "tests/bench/ring_wire.h"

#include <liburing.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/load/connection.h"

namespace pannier::bench {
namespace {

constexpr unsigned kSubmissions = 2048;
constexpr unsigned kCompletions = 8192;
constexpr std::size_t kBufferBytes = std::size_t{16} << 10;
constexpr std::uint32_t kBuffersMin = 64;
constexpr std::uint32_t kBuffersMax = 1024;
constexpr std::size_t kPageBytes = 4096;
constexpr int kGroup = 0;

/// `outcome`: what liburing returned, an error where it is negative. Throws load::NoConnection then.
void check(const char* what, int outcome) {
  if (outcome < 0) throw load::NoConnection(std::string(what) + ": " + std::strerror(-outcome));
}

class Ring {
 public:
  Ring() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = kCompletions;
    check("cannot make a ring", ::io_uring_queue_init_params(kSubmissions, &ring_, &params));
  }
  ~Ring() { ::io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  io_uring* get() { return &ring_; }
  /// Throws load::NoConnection if the kernel takes no more.
  io_uring_sqe* submission() {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (entry != nullptr) return entry;
    check("cannot submit", ::io_uring_submit(&ring_));
    entry = ::io_uring_get_sqe(&ring_);
    check("cannot submit", entry == nullptr ? -EBUSY : 0);
    return entry;
  }
  /// Submits, waits for so long, and says whether something is there.
  bool wait(int most_ms) {
    __kernel_timespec most{.tv_sec = most_ms / 1000, .tv_nsec = most_ms % 1000 * 1'000'000};
    io_uring_cqe* first = nullptr;
    int outcome = 0;
    do {
      outcome = most_ms == 0 ? ::io_uring_submit_and_get_events(&ring_)
                             : ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &most, nullptr);
    } while (outcome == -EINTR);
    if (outcome != -ETIME) check("cannot wait for replies", outcome);
    return ::io_uring_cq_ready(&ring_) > 0;
  }

 private:
  io_uring ring_{};
};

/// What the kernel receives into: it takes them in turn, and gets them back.
class Buffers {
 public:
  Buffers(Ring& ring, std::uint32_t count)
      : ring_(ring),
        count_(count),
        bytes_(count * kBufferBytes),
        entries_(static_cast<io_uring_buf_ring*>(
            std::aligned_alloc(kPageBytes, std::max(count * sizeof(io_uring_buf), kPageBytes)))) {
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries_.get());
    registration.ring_entries = count;
    registration.bgid = kGroup;
    ::io_uring_buf_ring_init(entries_.get());
    check("cannot give buffers to the kernel", ::io_uring_register_buf_ring(ring.get(), &registration, 0));
    for (std::uint32_t i = 0; i < count; ++i) give(i);
    publish();
  }
  ~Buffers() { ::io_uring_unregister_buf_ring(ring_.get(), kGroup); }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  const char* at(std::uint32_t index) const { return &bytes_[index * kBufferBytes]; }
  /// The kernel gets it with the next publish().
  void give(std::uint32_t index) {
    ::io_uring_buf_ring_add(entries_.get(), &bytes_[index * kBufferBytes], kBufferBytes,
                            static_cast<unsigned short>(index), ::io_uring_buf_ring_mask(count_), given_++);
  }
  void publish() { ::io_uring_buf_ring_advance(entries_.get(), std::exchange(given_, 0)); }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  Ring& ring_;
  std::uint32_t count_;
  std::vector<char> bytes_;
  std::unique_ptr<io_uring_buf_ring, Free> entries_;
  int given_ = 0;
};

class RingWire final : public load::Wire {
 public:
  RingWire(load::Waiting waiting, const std::string& socket_path, std::uint32_t connections)
      : Wire(waiting), buffers_(ring_, std::clamp(std::bit_ceil(connections * 2), kBuffersMin, kBuffersMax)) {
    std::vector<int> fds;
    for (std::uint32_t i = 0; i < connections; ++i)
      fds.push_back(peers_.emplace_back(socket_path).connection.fd());
    check("cannot register connections", ::io_uring_register_files(ring_.get(), fds.data(), connections));
    for (std::uint32_t i = 0; i < connections; ++i) receive(i);
  }

  void send(std::uint32_t number, std::string_view bytes) override {
    Peer& peer = peers_[number];
    peer.unsent.push_back(bytes);
    if (peer.unsent.size() == 1) send_first(number);
  }

  void wait(const Arrived& arrived) override {
    await([this](int most_ms) { return ring_.wait(most_ms); });
    const std::int64_t now = load::now_ns();
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* each = nullptr;
    io_uring_for_each_cqe(ring_.get(), head, each) {
      ++count;
      const auto number = static_cast<std::uint32_t>(each->user_data >> 1);
      if ((each->user_data & kSent) != 0)
        sent(number, each->res);
      else
        received(number, *each, arrived, now);
    }
    buffers_.publish();
    ::io_uring_cq_advance(ring_.get(), count);
  }

 private:
  static constexpr std::uint64_t kSent = 1;  ///< in user_data, beside the number of the connection

  struct Peer {
    explicit Peer(const std::string& socket_path) : connection(socket_path) {}
    load::Connection connection;
    std::deque<std::string_view> unsent;  ///< the first one is with the kernel
  };

  void send_first(std::uint32_t number) {
    io_uring_sqe* const entry = ring_.submission();
    const std::string_view bytes = peers_[number].unsent.front();
    ::io_uring_prep_send(entry, static_cast<int>(number), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = std::uint64_t{number} << 1 | kSent;
  }

  /// From now on.
  void receive(std::uint32_t number) {
    io_uring_sqe* const entry = ring_.submission();
    ::io_uring_prep_recv_multishot(entry, static_cast<int>(number), nullptr, 0, 0);
    entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    entry->buf_group = kGroup;
    entry->user_data = std::uint64_t{number} << 1;
  }

  void sent(std::uint32_t number, int outcome) {
    check("cannot send", outcome);
    auto& unsent = peers_[number].unsent;
    unsent.front().remove_prefix(static_cast<std::size_t>(outcome));
    if (unsent.front().empty()) unsent.pop_front();
    if (!unsent.empty()) send_first(number);
  }

  void received(std::uint32_t number, const io_uring_cqe& event, const Arrived& arrived, std::int64_t now) {
    if (event.res == 0) throw load::NoConnection("the server has closed the connection");
    if (event.res != -ENOBUFS) check("cannot read", event.res);
    if (event.res > 0) {
      const std::uint32_t buffer = event.flags >> IORING_CQE_BUFFER_SHIFT;
      arrived(number, {buffers_.at(buffer), static_cast<std::size_t>(event.res)}, now);
      buffers_.give(buffer);
    }
    if ((event.flags & IORING_CQE_F_MORE) == 0) receive(number);
  }

  Ring ring_;
  Buffers buffers_;
  std::deque<Peer> peers_;
};

}  // namespace

bool has_ring() {
  try {
    Ring ring;
    const Buffers buffers(ring, kBuffersMin);
    return true;
  } catch (const load::Fault&) {
    return false;
  }
}

load::MakeWire ring_wire(load::Waiting waiting) {
  return [waiting](const std::string& socket_path, std::uint32_t connections) {
    return std::make_unique<RingWire>(waiting, socket_path, connections);
  };
}

}  // namespace pannier::bench
