#include "daemon/uv_pipe.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pannier::daemon {
namespace {

/// Of one call; a value of 2 MiB has as many parts at most.
constexpr std::size_t kBuffersMax = 128;

/// Null once the pipe was destroyed.
UvPipeEvents* events_of(const uv_stream_t* stream) { return static_cast<UvPipeEvents*>(stream->data); }

/// libuv does not change what it writes, though its buffers are not const.
uv_buf_t buffer_of(protocol::Bytes bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

/// Of a call of the system that sends, made until no signal interrupts it.
template <typename Send>
std::variant<TookBytes, WriteFailed> sent(Send send) {
  ssize_t bytes = -1;
  do {
    bytes = send();
  } while (bytes < 0 && errno == EINTR);
  if (bytes >= 0) return TookBytes{static_cast<std::size_t>(bytes)};
  if (errno == EAGAIN || errno == ENOBUFS) return TookBytes{0};
  return WriteFailed{uv_translate_sys_error(errno)};
}

void on_space(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  const std::span<char> space = static_cast<UvPipeEvents*>(handle->data)->read_space();
  *buffer = {space.data(), space.size()};
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
  UvPipeEvents* const events = events_of(stream);
  if (events == nullptr || size == 0) return;
  if (size == UV_ENOBUFS) return events->read_without_space();
  if (size > 0) return events->bytes_arrived(static_cast<std::size_t>(size));
  if (size == UV_EOF) return events->read_ended();
  events->read_failed(static_cast<int>(size));
}

void on_written(uv_write_t* request, int status) {
  UvPipeEvents* const events = events_of(request->handle);
  if (events == nullptr) return;
  if (status == 0) return events->write_done();
  events->write_failed(status);
}

}  // namespace

UvPipe::UvPipe(UvLoop& loop, UvPipeEvents& events) : raw_(new Raw) {
  require_uv(uv_pipe_init(loop.raw(), &raw_->pipe, 0), "uv_pipe_init");
  raw_->pipe.data = &events;
}

UvPipe::~UvPipe() { raw_->pipe.data = nullptr; }

int UvPipe::descriptor() const {
  uv_os_fd_t socket = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&raw_->pipe), &socket);
  return socket;
}

void UvPipe::start_reading() { uv_read_start(stream(), on_space, on_read); }

void UvPipe::stop_reading() { uv_read_stop(stream()); }

std::variant<GotBytes, ReadFailed> UvPipe::read(std::span<const std::span<char>> parts) {
  std::array<iovec, kBuffersMax> buffers;
  const std::size_t count = std::min(parts.size(), kBuffersMax);
  for (std::size_t i = 0; i < count; ++i) buffers[i] = {parts[i].data(), parts[i].size()};
  ssize_t bytes = -1;
  do {
    bytes = readv(descriptor(), buffers.data(), static_cast<int>(count));
  } while (bytes < 0 && errno == EINTR);
  if (bytes > 0) return GotBytes{static_cast<std::size_t>(bytes)};
  if (bytes == 0) return ReadFailed{0};
  if (errno == EAGAIN) return GotBytes{0};
  return ReadFailed{uv_translate_sys_error(errno)};
}

std::variant<TookBytes, WriteFailed> UvPipe::try_write(protocol::Bytes bytes) {
  // As uv_try_write, whose way to the kernel is longer. A write() that is under way would be overtaken.
  const int socket = descriptor();
  return sent([&] { return send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

std::variant<TookBytes, WriteFailed> UvPipe::try_write_with(protocol::Bytes bytes,
                                                            std::span<const int> descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  const int socket = descriptor();
  return sent([&] { return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
}

std::variant<TookBytes, WriteFailed> UvPipe::try_write(protocol::Bytes first,
                                                       std::span<const protocol::Bytes> others) {
  std::array<iovec, kBuffersMax> buffers;
  msghdr message{};
  message.msg_iov = buffers.data();
  const auto add = [&](protocol::Bytes bytes) {
    buffers[message.msg_iovlen++] = {const_cast<char*>(bytes.data()), bytes.size()};
  };
  if (!first.empty()) add(first);
  for (const protocol::Bytes other : others.first(std::min(others.size(), kBuffersMax - 1))) add(other);
  const int socket = descriptor();
  return sent([&] { return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
}

void UvPipe::write(protocol::Bytes bytes) {
  const uv_buf_t buffer = buffer_of(bytes);
  require_uv(uv_write(&raw_->write, stream(), &buffer, 1, on_written), "uv_write");
}

void UvPipe::set_send_buffer(int bytes) {
  uv_send_buffer_size(reinterpret_cast<uv_handle_t*>(&raw_->pipe), &bytes);
}

std::size_t UvPipe::unwritten_bytes() const { return uv_stream_get_write_queue_size(stream()); }

void UvPipe::shut_down_writing() {
  // It can only fail where the connection is gone, which reading notices.
  uv_shutdown(&raw_->shutdown, stream(), [](uv_shutdown_t*, int) {});
}

UvListener::UvListener(UvLoop& loop, int bound_fd, int backlog, std::function<void()> connected)
    : connected_(std::move(connected)), handle_(new uv_pipe_t) {
  require_uv(uv_pipe_init(loop.raw(), handle_.get(), 0), "uv_pipe_init");
  handle_->data = this;
  require_uv(uv_pipe_open(handle_.get(), bound_fd), "uv_pipe_open");
  const auto on_connection = [](uv_stream_t* stream, int status) {
    if (status == 0) static_cast<UvListener*>(stream->data)->connected_();
  };
  require_uv(uv_listen(reinterpret_cast<uv_stream_t*>(handle_.get()), backlog, on_connection), "uv_listen");
}

bool UvListener::accept(UvPipe& into) {
  return uv_accept(reinterpret_cast<uv_stream_t*>(handle_.get()), into.stream()) == 0;
}

}  // namespace pannier::daemon
