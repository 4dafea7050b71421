// A small arena for tests, with one cache in it, and ways to make entries and to link them as a cache does.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "storage/arena.h"
#include "storage/arena_check.h"
#include "storage/cache_record.h"
#include "storage/deadlines.h"
#include "storage/entry_list.h"
#include "storage/entry_writer.h"
#include "storage/hash.h"
#include "storage/index.h"
#include "storage/settings.h"
#include "storage/slots.h"

namespace pannier::storage {

/// The arena, or the end of the test.
inline std::unique_ptr<Arena> arena_of(Arena::Made made) {
  if (const auto* fault = std::get_if<ArenaFault>(&made)) ADD_FAILURE() << fault->text;
  return std::get<std::unique_ptr<Arena>>(std::move(made));
}

/// All bytes of an arena's file.
inline std::string image_of(int fd, std::uint64_t bytes) {
  std::string image(bytes, '\0');
  EXPECT_EQ(pread(fd, image.data(), bytes, 0), static_cast<ssize_t>(bytes));
  return image;
}

/// A file in memory with these bytes.
inline int file_with(std::string_view image) {
  const int fd = memfd_create("arena-test", MFD_CLOEXEC);
  EXPECT_EQ(pwrite(fd, image.data(), image.size(), 0), static_cast<ssize_t>(image.size()));
  return fd;
}

class ArenaFixture : public testing::Test {
 protected:
  using Fields = EntryWriter::Fields;
  static constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  static constexpr TimeMs kNow = 1'700'000'000'000;

  explicit ArenaFixture(std::uint64_t bytes = kMiB) : arena_(arena_of(Arena::create(bytes))) {}
  void TearDown() override { expect_sound(); }

  void expect_sound() {
    if (!is_linked_) return;
    EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
  }

  /// Makes sure that so many pages are ready.
  void ready(std::uint64_t pages = Index::kPagesNeeded + 1) {
    while (slots_.ready_pages() < pages) ASSERT_TRUE(slots_.ready_page());
  }

  /// An entry that is linked nowhere.
  EntryAt make(const Fields& fields) {
    const EntryWriter::Plan plan = writer_.plan(fields);
    Ref last = kNoRef;
    for (std::uint64_t done_bytes = 0; done_bytes < plan.piece_bytes;) {
      ready();
      EXPECT_TRUE(writer_.write_piece(plan, fields, done_bytes, last));
    }
    ready();
    const Transaction transaction(*arena_);
    return writer_.write_head(plan, fields);
  }
  EntryAt make(std::string_view key, std::string_view value = "") {
    return make(Fields{.key = key, .value = value});
  }

  std::uint64_t hash(std::string_view key) const { return hash_of(key, arena_->header().hash_seed); }
  EntryAt find(std::string_view key) const { return index_.find(hash(key), key); }

  /// Into the index, the recency order and, with a deadline, the wheel.
  EntryAt link(EntryAt entry) {
    ready();
    {
      const Transaction transaction(*arena_);
      std::string scratch;
      index_.insert(hash(key_of(*arena_, entry).whole(scratch)), entry.ref);
      set_place(*arena_, entry, ++arena_->header().stamp);
      order_.push_newest(entry);
      if (entry->deadline() != kNever) deadlines_.insert(entry, entry->deadline(), kNow);
    }
    index_.maintain();
    is_linked_ = true;
    return entry;
  }

  void unlink_and_free(EntryAt entry) {
    ready();
    {
      const Transaction transaction(*arena_);
      std::string scratch;
      index_.erase(hash(key_of(*arena_, entry).whole(scratch)), entry.ref);
      order_.remove(entry);
      deadlines_.remove(entry);
      writer_.free(entry);
    }
    index_.maintain();
  }

  std::unique_ptr<Arena> arena_;
  Slots slots_{*arena_};
  EntryWriter writer_{*arena_, slots_};
  CacheRecord& record_ = make_record();
  EntryList order_{*arena_, record_.lists[0], Entry::List::kRecency};
  Deadlines deadlines_{*arena_, record_.wheel};
  Index index_{*arena_, slots_, record_.index};

 private:
  CacheRecord& make_record() {
    ready();
    const Transaction transaction(*arena_);
    const Ref ref = slots_.take(kBlockClass);
    auto& record = arena_->at<CacheRecord>(ref);
    record = {};
    record.state = CacheRecord::kOpen;
    record.id = 1;
    record.name_bytes = 1;
    record.name[0] = 'c';
    write_settings(*arena_, record, Settings{});
    arena_->set(arena_->header().id_last, 1);
    arena_->set(arena_->cache_ref(0), ref);
    return record;
  }

  bool is_linked_ = false;  ///< what is in no index is not sound
};

}  // namespace pannier::storage
