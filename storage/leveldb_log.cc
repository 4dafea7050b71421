#include "storage/leveldb_log.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace pannier::storage {
namespace {

using leveldb::Status;

// doc/log_format.md of LevelDB: blocks of 32 KiB; a record is one fragment (kFull) or several, none of which
// crosses the end of a block. Before each stand a masked CRC32C of type and content, the content's size, and
// the type.
constexpr std::size_t kBlockBytes = std::size_t{32} << 10;
constexpr std::size_t kHeaderBytes = 7;
enum class Type : std::uint8_t { kNone, kFull, kFirst, kMiddle, kLast };

constexpr std::array<std::uint32_t, 256> crc_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}

std::uint32_t masked_crc(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff];
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

std::uint32_t byte_at(std::string_view log, std::size_t at) { return static_cast<std::uint8_t>(log[at]); }

struct Fragment {
  Type type = Type::kNone;  ///< kNone: there is no whole one
  std::size_t end = 0;
};

Fragment fragment_at(std::string_view log, std::size_t at) {
  const std::size_t block_end = std::min(log.size(), at - at % kBlockBytes + kBlockBytes);
  if (at + kHeaderBytes > block_end) return {};
  const std::uint32_t type = byte_at(log, at + 6);
  const std::size_t end = at + kHeaderBytes + byte_at(log, at + 4) + (byte_at(log, at + 5) << 8);
  if (type < 1 || type > 4 || end > block_end) return {};
  const std::uint32_t crc =
      byte_at(log, at) | byte_at(log, at + 1) << 8 | byte_at(log, at + 2) << 16 | byte_at(log, at + 3) << 24;
  if (crc != masked_crc(log.substr(at + 6, end - at - 6))) return {};
  return {static_cast<Type>(type), end};
}

/// After the few bytes at the end of a block that no header fits into.
std::size_t next_header(std::size_t at) {
  const std::size_t left = kBlockBytes - at % kBlockBytes;
  return left < kHeaderBytes ? at + left : at;
}

/// Whether a record begins anywhere from there on.
bool has_record(std::string_view log, std::size_t from) {
  for (std::size_t at = from; at + kHeaderBytes <= log.size(); ++at) {
    const auto type = static_cast<Type>(byte_at(log, at + 6));
    if (type != Type::kFull && type != Type::kFirst) continue;
    if (fragment_at(log, at).type != Type::kNone) return true;
  }
  return false;
}

Status replace(leveldb::Env& env, const std::string& name, std::string_view content) {
  const std::string made = name + ".tmp";
  leveldb::WritableFile* opened = nullptr;
  Status status = env.NewWritableFile(made, &opened);
  if (!status.ok()) return status;
  const std::unique_ptr<leveldb::WritableFile> file(opened);
  status = file->Append(leveldb::Slice(content.data(), content.size()));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  return status.ok() ? env.RenameFile(made, name) : status;
}

}  // namespace

std::optional<std::size_t> torn_at(std::string_view log) {
  std::size_t whole = 0;  // the end of the last whole record
  bool is_within = false;
  for (std::size_t at = 0; at < log.size();) {
    const Fragment fragment = fragment_at(log, at);
    const bool continues = fragment.type == Type::kMiddle || fragment.type == Type::kLast;
    if (!is_within && log.find_first_not_of('\0', at) == log.npos) return std::nullopt;
    if (fragment.type == Type::kNone || continues != is_within) {
      if (has_record(log, at)) return std::nullopt;
      return whole;
    }
    is_within = fragment.type == Type::kFirst || fragment.type == Type::kMiddle;
    at = next_header(fragment.end);
    if (!is_within) whole = fragment.end;
  }
  return is_within ? std::optional(whole) : std::nullopt;
}

std::variant<std::vector<std::string>, Status> cut_torn_ends(leveldb::Env& env, const std::string& path) {
  std::vector<std::string> names;
  if (const Status status = env.GetChildren(path, &names); !status.ok()) return status;
  std::string manifest;
  if (const Status status = leveldb::ReadFileToString(&env, path + "/CURRENT", &manifest); !status.ok())
    return status;
  if (manifest.ends_with('\n')) manifest.pop_back();
  const std::string directory = path + "/";
  std::vector<std::string> cut;
  for (const std::string& name : names) {
    if (name != manifest && !name.ends_with(".log")) continue;
    const std::string file = directory + name;
    std::string content;
    if (const Status status = leveldb::ReadFileToString(&env, file, &content); !status.ok()) return status;
    const std::optional<std::size_t> torn = torn_at(content);
    if (!torn) continue;
    const Status status = replace(env, file, std::string_view(content).substr(0, *torn));
    if (!status.ok()) return status;
    cut.push_back("the last write before a power loss was left in pieces: cut " +
                  std::to_string(content.size() - *torn) + " bytes off the end of " + file);
  }
  return cut;
}

}  // namespace pannier::storage
