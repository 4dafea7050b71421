// NotifySocket: the end of a service manager, a real Unix datagram socket that $NOTIFY_SOCKET names for as
// long as this is there. What was sent is read without waiting: the sender has returned.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "daemon/owned_fd.h"
#include "tests/storage/temp_dir.h"

namespace pannier::test {

struct Notification {
  std::string text;
  daemon::OwnedFd fd;  ///< not open if none came with it
};

class NotifySocket {
 public:
  NotifySocket() {
    const daemon::OwnedFd low(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // Out of the way of descriptors that are passed on: those begin at 3.
    fd_ = daemon::OwnedFd(fcntl(low.get(), F_DUPFD_CLOEXEC, 200));
    const std::string path = dir_.file("notify");
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() { unsetenv("NOTIFY_SOCKET"); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// The oldest message that was not received yet; nothing if there is none.
  std::optional<Notification> receive() {
    std::array<char, 4096> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
    iovec part = {text.data(), text.size()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (size < 0) return std::nullopt;
    Notification received{std::string(text.data(), static_cast<std::size_t>(size)), {}};
    for (cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of != nullptr;
         part_of = CMSG_NXTHDR(&message, part_of)) {
      if (part_of->cmsg_type != SCM_RIGHTS) continue;
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part_of), sizeof fd);
      received.fd = daemon::OwnedFd(fd);
    }
    return received;
  }

 private:
  TempDir dir_;
  daemon::OwnedFd fd_;
};

}  // namespace pannier::test
