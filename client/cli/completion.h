// Completion: what may stand where the cursor is on a command line that is being typed. It is read off the
// very tables by which command lines are parsed, so that it knows all that they know, and no more. Shells ask
// for it as `pannier __complete WORD...` (completion/): a line each candidate with its description behind a
// tab, and kFilesLine where names of files may stand too.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pannier::cli {

/// The hidden first word.
constexpr const char* kCompleteWord = "__complete";
constexpr const char* kFilesLine = ":files";

struct Candidate {
  std::string text;
  std::string description;
};

struct Completion {
  std::vector<Candidate> candidates;
  bool takes_files = false;
};

/// Names of caches, of the daemon at the socket that the command line names (empty: none is named).
using CacheNames = std::function<std::vector<std::string>(const std::string& socket)>;

/// `words` are those behind the program's name; the last is the one at the cursor, as far as it is typed.
/// Candidates are all that could stand in its place, whatever it begins with. `cache_names` is called where
/// the name of a cache may stand.
Completion complete(const CLI::App& app, std::span<const std::string> words, const CacheNames& cache_names);

/// As shells read it.
std::string text_of(const Completion& completion);

/// Asks the daemon for the names of its caches. None: it does not answer at once.
std::vector<std::string> cache_names_at(const std::string& socket);

}  // namespace pannier::cli
