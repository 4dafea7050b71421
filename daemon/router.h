// Router: from a frame to its handler. It reads the message, finds the method, calls the handler, sends its
// error, and parks the call if its key has to be loaded first. It is the Dispatcher of the connections.
#pragma once

#include "daemon/call.h"
#include "daemon/dispatcher.h"
#include "daemon/hot_requests.h"
#include "daemon/service.h"

namespace pannier::daemon {

class Router final : public Dispatcher {
 public:
  explicit Router(Service& service) : service_(service), hot_requests_(service) {}
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  bool dispatch(ConnectionId from, protocol::Bytes frame, storage::TimeMs now) override;
  TakenFrames dispatch_hot(ConnectionId from, protocol::Bytes input, std::uint32_t frames_max,
                           std::string& output, storage::TimeMs now) override {
    return hot_requests_.run(from, input, frames_max, output, now);
  }
  std::unique_ptr<storage::Draft> draft(ConnectionId from, protocol::Bytes start, storage::DraftOwner& owner,
                                        storage::TimeMs now) override {
    return hot_requests_.draft(from, start, owner, now);
  }
  bool dispatch_draft(ConnectionId from, protocol::Bytes start, storage::Draft& draft, std::string& output,
                      storage::TimeMs now) override {
    return hot_requests_.put_draft(from, start, draft, output, now);
  }
  void refuse(ConnectionId from, protocol::Bytes start, const protocol::Error& error) override;
  void arriving(ConnectionId from, protocol::Bytes start) override;
  void ended(ConnectionId from, storage::TimeMs now) override;
  std::uint64_t waiting(ConnectionId from) const override;
  bool is_congested(ConnectionId from) const override;
  void drained(ConnectionId from, storage::TimeMs now) override;
  void closed(ConnectionId from, storage::TimeMs now) override;

  /// From now on every request is answered shutting_down, those that wait for a lease too.
  void shut_down();

 private:
  void call(Address from, protocol::Bytes method, protocol::Bytes params, storage::TimeMs now);

  Service& service_;
  HotRequests hot_requests_;
};

}  // namespace pannier::daemon
