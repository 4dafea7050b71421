#include "client/cli/backup_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pannier::cli {
namespace {

using testing::HasSubstr;

const BackupCache kPlain{"durable", std::nullopt, 0, 0, 2};
const BackupCache kBounded{"other one", 7'200'000, 5, 1 << 20, 1};
const std::string kNil = "\xc0";
const std::string kMap = "\x81\xa1k\x92\x01\xc0";

std::vector<BackupRecord> records() {
  return {{0, "a", kNil, 1, std::nullopt, 0},
          {0, std::string_view("\0\xff", 2), kMap, 2, 1'700'000'000'000, 30},
          {1, "key", "\xa5hello", 3, -1, 0}};
}

std::string small_file() {
  std::string file;
  BackupEncoder encoder(1'700'000'000'123, [&file](std::string_view bytes) { file += bytes; });
  encoder.cache(kPlain);
  encoder.cache(kBounded);
  for (const auto& record : records()) encoder.record(record);
  encoder.end();
  return file;
}

BackupDecoder::Source source_of(const std::string& file) {
  return [&file, at = std::size_t{0}](char* to, std::size_t size) mutable {
    const std::size_t got = std::min(size, file.size() - at);
    std::copy_n(file.data() + at, got, to);
    at += got;
    return got;
  };
}

/// Nothing: it is whole.
std::optional<BackupFault> fault_of(const std::string& file) {
  BackupDecoder decoder(source_of(file));
  for (;;) {
    const auto part = decoder.next();
    if (const auto* fault = std::get_if<BackupFault>(&part)) return *fault;
    if (std::holds_alternative<BackupDecoder::End>(part)) return std::nullopt;
  }
}

TEST(BackupFormat, what_is_written_is_read) {
  const std::string file = small_file();
  BackupDecoder decoder(source_of(file));
  EXPECT_EQ(std::get<BackupDecoder::Start>(decoder.next()).made_at_ms, 1'700'000'000'123);
  EXPECT_EQ(std::get<BackupCache>(decoder.next()), kPlain);
  EXPECT_EQ(std::get<BackupCache>(decoder.next()), kBounded);
  const auto part = decoder.next();
  EXPECT_EQ(std::get<BackupDecoder::Records>(part).records, records());
  const auto end = std::get<BackupDecoder::End>(decoder.next());
  EXPECT_EQ(end.totals, (BackupTotals{2, 3, 19}));
}

TEST(BackupFormat, bytes_are_those_of_the_document) {
  std::string file;
  BackupEncoder encoder(1, [&file](std::string_view bytes) { file += bytes; });
  encoder.cache({"c", std::nullopt, 0, 0, 1});
  encoder.record({0, "k", kNil, 1, std::nullopt, 0});
  encoder.end();
  const std::string start("PANNIERB\0\0\0\1\0\0\0\0\0\0\0\1", 20);
  EXPECT_EQ(file.substr(0, 20), start);
  EXPECT_EQ(file.substr(28, 5), std::string("C\0\0\0\x22", 5));
  EXPECT_EQ(file.substr(28 + 5 + 33, 1), "c");
  EXPECT_EQ(file.substr(75, 5), std::string("R\0\0\0\x1d", 5));
  EXPECT_EQ(file.substr(80, 29),
            std::string("\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\1k\0\0\0\1\xc0", 29));
  EXPECT_EQ(file.size(), 80 + 29 + 8 + 5 + 24 + 8);
}

TEST(BackupFormat, the_end_tells_how_many_records_could_not_be_read) {
  std::string file;
  BackupEncoder encoder(1, [&file](std::string_view bytes) { file += bytes; });
  encoder.cache(kPlain);
  encoder.end(258);
  EXPECT_EQ(file.substr(file.size() - 16, 8), std::string("\0\0\0\0\0\0\1\2", 8));
  BackupDecoder decoder(source_of(file));
  decoder.next();
  decoder.next();
  const auto end = std::get<BackupDecoder::End>(decoder.next());
  EXPECT_EQ(end.totals, (BackupTotals{1, 0, 0, 258}));
  EXPECT_EQ(end.checksum, encoder.checksum());
}

TEST(BackupFormat, every_damaged_byte_is_noticed) {
  const std::string file = small_file();
  ASSERT_FALSE(fault_of(file));
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto fault = fault_of(damaged);
      ASSERT_TRUE(fault) << "byte " << at << ", bit " << bit;
      EXPECT_LE(fault->offset, at);
    }
  }
}

TEST(BackupFormat, every_truncation_is_noticed) {
  const std::string file = small_file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto fault = fault_of(file.substr(0, size));
    ASSERT_TRUE(fault) << size;
    EXPECT_THAT(fault->text, HasSubstr(size < 8 ? "no backup" : "cut short")) << size;
  }
}

TEST(BackupFormat, what_follows_the_end_is_noticed) {
  EXPECT_THAT(fault_of(small_file() + '\0')->text, HasSubstr("follows its end"));
  EXPECT_THAT(fault_of(small_file() + small_file())->text, HasSubstr("follows its end"));
}

/// A file with many blocks of records, and where they begin.
std::pair<std::string, std::vector<std::size_t>> file_of_blocks() {
  std::string file;
  std::vector<std::size_t> blocks;
  BackupEncoder encoder(1, [&](std::string_view bytes) {
    blocks.push_back(file.size());
    file += bytes;
  });
  encoder.cache(kPlain);
  const std::string value = "\xc6" + std::string("\0\4\0\0", 4) + std::string(1 << 18, 'x');
  for (int i = 0; i < 4; ++i) encoder.record({0, std::to_string(i), value, 1, std::nullopt, 0});
  encoder.end();
  return {file, blocks};
}

TEST(BackupFormat, blocks_that_are_left_out_doubled_or_moved_are_noticed) {
  const auto [file, blocks] = file_of_blocks();
  ASSERT_FALSE(fault_of(file));
  ASSERT_EQ(blocks.size(), 7);  // start, cache, four of records, end
  const std::size_t size = blocks[3] - blocks[2];
  const std::string block = file.substr(blocks[2], size);
  EXPECT_TRUE(fault_of(file.substr(0, blocks[2]) + file.substr(blocks[3])));
  EXPECT_TRUE(fault_of(file.substr(0, blocks[3]) + block + file.substr(blocks[3])));
  std::string moved = file;
  moved.replace(blocks[2], size, file.substr(blocks[3], size));
  moved.replace(blocks[3], size, block);
  const auto fault = fault_of(moved);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->offset, blocks[2]);
  EXPECT_THAT(fault->text, HasSubstr("checksum"));
}

TEST(BackupFormat, what_is_no_backup_or_a_newer_one_is_told) {
  EXPECT_THAT(fault_of("")->text, HasSubstr("no backup of Pannier"));
  EXPECT_THAT(fault_of("an ordinary text file, and not a short one")->text,
              HasSubstr("no backup of Pannier"));
  std::string newer = small_file();
  newer[11] = 2;
  EXPECT_THAT(fault_of(newer)->text, HasSubstr("has format 2, and this program reads 1"));
}

}  // namespace
}  // namespace pannier::cli
