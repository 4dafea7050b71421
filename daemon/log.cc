#include "daemon/log.h"

#include <systemd/sd-daemon.h>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <utility>

#include "daemon/journal.h"

namespace pannier::daemon {
namespace {

struct LevelRow {
  LogLevel level;
  std::string_view name;
  spdlog::level::level_enum spdlog_level;
  std::string_view journal_prefix;
};
constexpr std::array<LevelRow, 4> kLevels = {
    {{LogLevel::kDebug, "debug", spdlog::level::debug, SD_DEBUG},
     {LogLevel::kInfo, "info", spdlog::level::info, SD_INFO},
     {LogLevel::kWarning, "warning", spdlog::level::warn, SD_WARNING},
     {LogLevel::kError, "error", spdlog::level::err, SD_ERR}}};

const LevelRow& row_of(LogLevel level) { return kLevels.at(static_cast<std::size_t>(level)); }

bool is_control(char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }

std::string in_one_line(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string line;
  line.reserve(text.size());
  for (const char byte : text) {
    if (!is_control(byte)) {
      line += byte;
    } else if (byte == '\n') {
      line += "\\n";
    } else {
      const auto code = static_cast<unsigned char>(byte);
      line += {'\\', 'x', kDigits[code >> 4], kDigits[code & 15]};
    }
  }
  return line;
}

}  // namespace

std::optional<LogLevel> log_level_named(std::string_view name) {
  for (const LevelRow& row : kLevels) {
    if (row.name == name) return row.level;
  }
  return std::nullopt;
}

std::string log_level_names() {
  std::string names;
  for (const LevelRow& row : kLevels) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

class Log::Sink {
 public:
  Sink() : logger_("pannierd", std::make_shared<spdlog::sinks::stderr_sink_st>()) {
    logger_.set_level(spdlog::level::trace);
    logger_.set_pattern(is_journal_ ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
  }
  void write(const LevelRow& row, const std::string& line) {
    logger_.log(row.spdlog_level, is_journal_ ? std::string(row.journal_prefix) + line : line);
  }

 private:
  const bool is_journal_ = stderr_is_journal();
  spdlog::logger logger_;
};

Log::Log(LogLevel least) : least_(least), sink_(std::make_unique<Sink>()) {}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view text) {
  if (!shows(level)) return;
  sink_->write(row_of(level), in_one_line(text));
}

}  // namespace pannier::daemon
