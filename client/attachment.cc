#include "client/attachment.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "client/deadline.h"
#include "client/pool.h"
#include "client/round_trip.h"
#include "pannier/detail/request.h"

namespace pannier::detail {

using storage::SharedReader;
using storage::UseRing;

namespace {

std::atomic<std::uint64_t> last_number = 0;

void* map_ring(int fd) {
  // That of a daemon of another release may be shorter.
  struct stat status {};
  if (fstat(fd, &status) != 0 || static_cast<std::uint64_t>(status.st_size) < sizeof(UseRing))
    return MAP_FAILED;
  return mmap(nullptr, sizeof(UseRing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

}  // namespace

MappedRing::MappedRing(int fd) : place_(map_ring(fd)) {}

MappedRing::~MappedRing() {
  if (is_mapped()) munmap(place_, sizeof(UseRing));
}

bool MappedRing::is_mapped() const { return place_ != MAP_FAILED; }

Attachment::Attachment(std::unique_ptr<Connection> channel, std::unique_ptr<SharedReader> arena, int ring_fd)
    : number(++last_number), connection(std::move(channel)), reader(std::move(arena)), ring(ring_fd) {}

std::unique_ptr<Attachment> attach(Pool& pool) {
  static constexpr std::string_view kNoParams = "\x90";
  const ClientOptions& options = pool.options();
  const Deadline deadline = deadline_after(std::min(options.connect_timeout, options.request_timeout));
  auto connection = pool.connect(deadline);
  const Request request = raw_request(pool.next_id(), "attach", kNoParams);
  if (!connection->send_now(request.frame)) return nullptr;
  std::vector<int> descriptors = connection->peek_descriptors(deadline);
  const auto close_from = [&](std::size_t first) {
    for (std::size_t i = first; i < descriptors.size(); ++i) close(descriptors[i]);
  };
  try {
    await_answer(*connection, request, deadline);
  } catch (...) {
    close_from(0);
    throw;
  }
  if (descriptors.size() != 2) {
    close_from(0);
    return nullptr;
  }
  auto mapped = SharedReader::map(descriptors[0]);
  auto* reader = std::get_if<std::unique_ptr<SharedReader>>(&mapped);
  std::unique_ptr<Attachment> made;
  if (reader != nullptr)
    made = std::make_unique<Attachment>(std::move(connection), std::move(*reader), descriptors[1]);
  close_from(1);
  return made && made->ring.is_mapped() ? std::move(made) : nullptr;
}

}  // namespace pannier::detail
