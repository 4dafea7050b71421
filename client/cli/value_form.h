// How a value stands on the command line, in files and on output: as text, as JSON, or as raw MessagePack.
#pragma once

#include <string>
#include <string_view>

#include "client/cli/arguments.h"
#include "client/cli/session.h"

namespace pannier::cli {

/// How to read bytes as a value. Text unless something else is said: a str, or a bin if the bytes are not
/// UTF-8.
struct InputForm {
  bool is_json = false;
  bool is_raw = false;
  bool is_bin = false;
};
void add_input_form(Arguments& arguments, InputForm& form);
/// `bytes` as one MessagePack object; with is_raw as they are, unchecked. Failed (kUsage): they are no JSON.
std::string packed_of(std::string_view bytes, const InputForm& form);

/// How to print a value. Text unless something else is said: a str as it is, anything else as JSON.
struct OutputForm {
  bool is_raw = false;
  bool is_bytes = false;
};
void add_output_form(Arguments& arguments, OutputForm& form);
/// Prints `packed`: text and JSON with a newline at the end, --raw and --bytes without. Failed (kUsage):
/// --bytes of a value that is neither str nor bin.
void print_value(Session& session, std::string_view packed, const OutputForm& form);

/// Everything that can be read from the file `path`, "-": standard input. Failed (kLocal): it cannot be read,
/// or has more than 1 GiB.
std::string read_file(const std::string& path);
/// The same from an open descriptor; `name` is for the error. The descriptor stays open.
std::string read_descriptor(int fd, const std::string& name);

}  // namespace pannier::cli
