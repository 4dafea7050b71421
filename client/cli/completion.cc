#include "client/cli/completion.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "pannier/client.h"

namespace pannier::cli {

namespace {

/// Somebody has pressed a key and waits.
constexpr auto kCompletionPatience = std::chrono::milliseconds(300);

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::vector<const CLI::Option*> positionals_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

/// A command line up to the cursor, taken word by word.
class TypedLine {
 public:
  TypedLine(const CLI::App& root, const CacheNames& cache_names)
      : root_(root), app_(&root), cache_names_(cache_names) {}

  void take(const std::string& word) {
    if (awaiting_ != nullptr) return take_value(word);
    if (is_option(word)) return take_option(word);
    if (app_ == &root_) return take_subcommand(word);
    ++positionals_;
  }

  /// What may stand in the place of `word`.
  Completion at(const std::string& word) const {
    if (awaiting_ != nullptr) return values_of(*awaiting_, awaiting_->get_type_name(), "");
    const auto equals = word.find('=');
    if (is_option(word) && equals != std::string::npos) {
      const auto* option = option_named(word.substr(0, equals));
      return option ? values_of(*option, option->get_type_name(), word.substr(0, equals + 1)) : Completion();
    }
    if (is_option(word)) return options();
    return app_ == &root_ ? subcommands() : positional();
  }

 private:
  bool is_option(const std::string& word) const { return !has_only_positionals_ && word.starts_with("-"); }

  const CLI::Option* option_named(const std::string& name) const {
    const auto* own = app_->get_option_no_throw(name);
    return own ? own : root_.get_option_no_throw(name);
  }

  void take_option(const std::string& word) {
    if (word == "--") {
      has_only_positionals_ = true;
      return;
    }
    const auto equals = word.find('=');
    const auto* option = option_named(word.substr(0, equals));
    if (option == nullptr || !takes_value(*option)) return;
    awaiting_ = option;
    if (equals != std::string::npos) take_value(word.substr(equals + 1));
  }

  void take_value(const std::string& word) {
    if (awaiting_->check_name("--socket")) socket_ = word;
    awaiting_ = nullptr;
  }

  void take_subcommand(const std::string& word) {
    const auto named =
        root_.get_subcommands([&word](const CLI::App* subcommand) { return subcommand->get_name() == word; });
    if (!named.empty()) app_ = named.front();
  }

  Completion subcommands() const {
    Completion found;
    for (const auto* subcommand : root_.get_subcommands([](const CLI::App*) { return true; })) {
      found.candidates.push_back({subcommand->get_name(), subcommand->get_description()});
    }
    return found;
  }

  Completion options() const {
    Completion found;
    add_options_of(*app_, found);
    if (app_ != &root_) add_options_of(root_, found);
    return found;
  }

  void add_options_of(const CLI::App& app, Completion& found) const {
    for (const auto* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) {
        const bool is_of_subcommand = &app == &root_ && option_named("--" + name) != option;
        const bool is_version = app_ != &root_ && name == "version";
        if (!is_of_subcommand && !is_version)
          found.candidates.push_back({"--" + name, option->get_description()});
      }
    }
  }

  /// The last one may stand several times, or not at all again.
  Completion positional() const {
    const auto all = positionals_of(*app_);
    if (all.empty()) return {};
    const auto* option = all[std::min(positionals_, all.size() - 1)];
    if (positionals_ >= all.size() && option->get_items_expected_max() <= 1) return {};
    return values_of(*option, option->get_name(true), "");
  }

  /// By what the help calls it. `prefix` goes before each candidate.
  Completion values_of(const CLI::Option& option, const std::string& kind, const std::string& prefix) const {
    Completion found;
    if (kind == "PATH" || kind == "FILE" || kind == "DATA_DIR" || kind == "COMMAND") found.takes_files = true;
    if (kind == "CACHE") {
      for (const auto& name : cache_names_(socket_)) found.candidates.push_back({prefix + name, "cache"});
    }
    if (kind.find('|') != std::string::npos) {
      for (const auto& word : CLI::detail::split(kind, '|'))
        found.candidates.push_back({prefix + word, option.get_description()});
    }
    return found;
  }

  const CLI::App& root_;
  const CLI::App* app_;  ///< the subcommand, once there is one
  const CacheNames& cache_names_;
  const CLI::Option* awaiting_ = nullptr;  ///< whose value comes next
  std::size_t positionals_ = 0;
  bool has_only_positionals_ = false;
  std::string socket_;
};

}  // namespace

Completion complete(const CLI::App& app, std::span<const std::string> words, const CacheNames& cache_names) {
  if (words.empty()) return {};
  TypedLine line(app, cache_names);
  for (const auto& word : words.first(words.size() - 1)) line.take(word);
  return line.at(words.back());
}

std::string text_of(const Completion& completion) {
  std::string text;
  for (const auto& [candidate, description] : completion.candidates)
    text.append(candidate).append("\t").append(description).append("\n");
  if (completion.takes_files) text += std::string(kFilesLine) + "\n";
  return text;
}

std::vector<std::string> cache_names_at(const std::string& socket) {
  std::vector<std::string> names;
  try {
    ClientOptions options{.path = socket, .pool_size = 1, .client_name = "pannier"};
    options.connect_timeout = options.request_timeout = kCompletionPatience;
    for (const auto& [name, cache] : Client(options).info().caches) names.push_back(name);
  } catch (const Error&) {
    // Nobody asked for a message in the middle of a line.
  }
  return names;
}

}  // namespace pannier::cli
