// The main of a fuzz target where libFuzzer is not linked: runs LLVMFuzzerTestOneInput once over every
// regular file of the directories that it is given, in the order of their names, and over the empty input.
// It searches for nothing new. A finding ends the process, as it does under libFuzzer.
// Exit code 0: all were run. 1: a directory could not be read, or the directories hold no file. 2: no
// argument.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& item : fs::recursive_directory_iterator(directory)) {
    if (item.is_regular_file()) files.push_back(item.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void run_input(const std::vector<char>& bytes) {
  // A copy of exactly this size, so that a sanitizer sees the first byte read past the end.
  const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

void run_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  file.exceptions(std::ios::badbit | std::ios::failbit);
  run_input({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY...\n", argv[0]);
    return 2;
  }
  try {
    run_input({});
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
      for (const fs::path& path : files_below(argv[i])) {
        std::fprintf(stderr, "%s\n", path.c_str());
        run_file(path);
        ++count;
      }
    }
    std::fprintf(stderr, "%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
