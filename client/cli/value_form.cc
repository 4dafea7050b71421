#include "client/cli/value_form.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "client/cli/json_value.h"
#include "protocol/cursor.h"
#include "protocol/error.h"
#include "protocol/writer.h"

namespace pannier::cli {

namespace {

constexpr std::size_t kInputBytesMax = std::size_t{1} << 30;

[[noreturn]] void throw_unreadable(const std::string& name, int system_error) {
  throw Failed(ExitCode::kLocal,
               "cannot read " + name + ": " + std::generic_category().message(system_error));
}

bool is_string(std::string_view packed) { return protocol::Cursor(packed).peek() == protocol::Type::kString; }

}  // namespace

void add_input_form(Arguments& arguments, InputForm& form) {
  arguments.flag("--json-value", form.is_json, "The value is JSON");
  arguments.flag("--raw", form.is_raw, "The value is one raw MessagePack object");
  arguments.flag("--bin", form.is_bin, "Store the bytes as a bin");
  arguments.exclusive({"--json-value", "--raw", "--bin"});
}

std::string packed_of(std::string_view bytes, const InputForm& form) {
  if (form.is_raw) return std::string(bytes);
  if (form.is_json) return from_json_text(bytes);
  std::string packed;
  protocol::Writer writer(packed);
  if (form.is_bin || !protocol::is_utf8(bytes)) {
    writer.binary(bytes);
  } else {
    writer.string(bytes);
  }
  return packed;
}

void add_output_form(Arguments& arguments, OutputForm& form) {
  arguments.flag("--raw", form.is_raw, "Print the value's MessagePack bytes, nothing else");
  arguments.flag("--bytes", form.is_bytes, "Print the bytes of a str or bin, nothing else");
  arguments.exclusive({"--raw", "--bytes"});
}

void print_value(Session& session, std::string_view packed, const OutputForm& form) {
  if (form.is_raw) return session.print(packed);
  if (!form.is_bytes && !is_string(packed)) return session.print_json(to_json(packed));
  const auto bytes = protocol::Cursor(packed).read_string();
  if (!bytes) {
    throw Failed(ExitCode::kUsage,
                 "--bytes prints a str or a bin, but the value is " + protocol::described(packed));
  }
  session.print(*bytes);
  if (!form.is_bytes) session.print("\n");
}

std::string read_file(const std::string& path) {
  if (path == "-") return read_descriptor(STDIN_FILENO, "standard input");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw_unreadable(path, errno);
  try {
    auto bytes = read_descriptor(fd, path);
    ::close(fd);
    return bytes;
  } catch (const Failed&) {
    ::close(fd);
    throw;
  }
}

std::string read_descriptor(int fd, const std::string& name) {
  std::string bytes;
  char buffer[65536];
  for (;;) {
    const auto size = ::read(fd, buffer, sizeof(buffer));
    if (size == 0) return bytes;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw_unreadable(name, errno);
    bytes.append(buffer, static_cast<std::size_t>(size));
    if (bytes.size() > kInputBytesMax) throw_unreadable(name, EFBIG);
  }
}

}  // namespace pannier::cli
