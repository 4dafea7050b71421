#include "storage/entry.h"

#include <set>
#include <vector>

#include "tests/storage/arena_fixture.h"

namespace pannier::storage {
namespace {

/// Bytes of which no two stretches of this length are the same.
std::string bytes_of(std::size_t count, std::size_t salt) {
  std::string bytes(count, '\0');
  std::uint64_t state = salt * 2 + 1;
  for (char& byte : bytes) {
    state = state * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

class EntryTest : public ArenaFixture {
 protected:
  std::uint64_t largest() const { return arena_->classes().largest_bytes(); }
  std::uint64_t piece_capacity() const { return largest() - sizeof(Piece); }

  static Fields fields_of(int kind) {
    Fields fields;
    if (kind & 1) fields.deadline = kNow + 12'345;
    if (kind & 2) fields.stale_ms = 987'654'321'000;
    if (kind & 4) fields.is_durable = true;
    return fields;
  }

  /// Bytes of key and value where something changes: the end of the largest slot, and of each piece.
  std::set<std::size_t> boundaries(std::uint32_t shape) const {
    std::set<std::size_t> sizes;
    const std::uint64_t whole = largest() - Entry::body_offset(shape);
    const std::uint64_t here = largest() - Entry::body_offset(shape | Entry::kHasPieces | Entry::kHasDue);
    for (std::uint64_t around :
         {whole, here, here + piece_capacity(), here + 2 * piece_capacity(), here + 7 * piece_capacity()}) {
      for (std::uint64_t size = around - 2; size <= around + 2; ++size) sizes.insert(size);
    }
    return sizes;
  }

  void expect_bytes(EntryAt entry, const std::string& key, const std::string& value) {
    const BytesView key_view = key_of(*arena_, entry);
    const BytesView value_view = value_of(*arena_, entry);
    ASSERT_EQ(key_view.size(), key.size());
    ASSERT_EQ(value_view.size(), value.size());
    ASSERT_EQ(key_view.str(), key);
    ASSERT_EQ(value_view.str(), value);
    ASSERT_TRUE(key_view == key);
    ASSERT_TRUE(value_view == value);
    std::string scratch;
    ASSERT_EQ(value_view.whole(scratch), value);
    ASSERT_EQ(scratch.empty(), value_view.is_whole());
    std::string joined;
    value_view.for_each_part([&](std::string_view part) { joined += part; });
    ASSERT_EQ(joined, value);
  }

  /// Each byte that is compared counts, and no other.
  void expect_equality(EntryAt entry, std::string key, std::string value) {
    ASSERT_TRUE(key_equals(*arena_, entry, key));
    ASSERT_FALSE(key_equals(*arena_, entry, key + "x"));
    ASSERT_FALSE(key_equals(*arena_, entry, std::string_view(key).substr(1)));
    for (const std::size_t at : {std::size_t{0}, key.size() / 2, key.size() - 1}) {
      key[at] = static_cast<char>(key[at] ^ 1);
      ASSERT_FALSE(key_equals(*arena_, entry, key)) << at;
      ASSERT_FALSE(key_of(*arena_, entry) == key) << at;
      key[at] = static_cast<char>(key[at] ^ 1);
    }
    for (std::size_t at = 0; at < value.size(); at += 1 + value.size() / 50) {
      value[at] = static_cast<char>(value[at] ^ 1);
      ASSERT_FALSE(value_of(*arena_, entry) == value) << at;
      value[at] = static_cast<char>(value[at] ^ 1);
    }
  }

  void free(EntryAt entry) {
    {
      const Transaction transaction(*arena_);
      writer_.free(entry);
    }
    while (slots_.free_garbage()) {
    }
  }
};

TEST_F(EntryTest, every_shape_keeps_its_fields_and_its_bytes) {
  for (int kind = 0; kind < 8; ++kind) {
    Fields fields = fields_of(kind);
    fields.key = "key";
    fields.value = "value";
    fields.ordinal = 4'095;
    fields.version = kVersionMax;
    fields.on_disk = OnDisk::kUnknown;
    const EntryAt entry = make(fields);
    EXPECT_EQ(entry->shape(), static_cast<std::uint32_t>(kind)) << kind;
    EXPECT_EQ(entry->deadline(), fields.deadline) << kind;
    EXPECT_EQ(entry->stale_ms(), fields.stale_ms) << kind;
    EXPECT_EQ(entry->dirty_since(), kNever) << kind;
    EXPECT_EQ(entry->version(), kVersionMax);
    EXPECT_EQ(entry->ordinal(), 4'095U);
    EXPECT_EQ(entry->on_disk(), OnDisk::kUnknown);
    EXPECT_EQ(entry->list(), Entry::List::kNone);
    EXPECT_EQ(entry->kind(), Entry::Kind::kRecord);
    ASSERT_NO_FATAL_FAILURE(expect_bytes(entry, "key", "value"));
  }
}

TEST_F(EntryTest, what_is_set_changes_nothing_else) {
  const EntryAt entry = make(Fields{.key = "k", .value = "v", .version = 5, .deadline = kNow});
  const Transaction transaction(*arena_);
  set_place(*arena_, entry, Entry::kPlaceMax);
  EXPECT_EQ(entry->deadline(), kNow);
  set_deadline(*arena_, entry, kNow + 1);
  EXPECT_EQ(entry->place(), Entry::kPlaceMax);
  EXPECT_EQ(entry->deadline(), kNow + 1);
  set_deadline(*arena_, entry, kNever);
  EXPECT_EQ(entry->deadline(), kNever);
  EXPECT_EQ(entry->place(), Entry::kPlaceMax);
  set_version(*arena_, entry, kVersionMax);
  set_on_disk(*arena_, entry, OnDisk::kYes);
  set_kind(*arena_, entry, Entry::Kind::kTombstone);
  EXPECT_EQ(entry->version(), kVersionMax);
  EXPECT_EQ(entry->on_disk(), OnDisk::kYes);
  EXPECT_EQ(entry->kind(), Entry::Kind::kTombstone);
  EXPECT_EQ(entry->list(), Entry::List::kNone);
  EXPECT_EQ(value_of(*arena_, entry).str(), "v");
}

TEST_F(EntryTest, far_deadlines_are_kept_to_256_ms_and_farther_ones_are_never) {
  const TimeMs fine_end = TimeMs{1} << 47;
  const TimeMs longest = kNow + (TimeMs{1} << 53);
  for (const TimeMs deadline : {kNow, fine_end - 1, fine_end, fine_end + 255, longest}) {
    const TimeMs kept = later(0, static_cast<std::uint64_t>(deadline));
    EXPECT_LE(kept, deadline);
    EXPECT_LT(deadline - kept, deadline < fine_end ? 1 : 256);
    EXPECT_EQ(make(Fields{.key = "k", .deadline = kept})->deadline(), kept);
  }
  EXPECT_EQ(make(Fields{.key = "k", .deadline = kNever - 1})->deadline(), kNever);
  EXPECT_EQ(later(kNow, 5), kNow + 5);
  EXPECT_EQ(later(kNow, std::uint64_t{1} << 55), kNever);
  EXPECT_EQ(later(kNow, UINT64_MAX), kNever);
  EXPECT_EQ(later(kNever, 0), kNever);
}

TEST_F(EntryTest, a_long_value_is_kept_at_every_boundary) {
  for (int kind = 0; kind < 8; ++kind) {
    for (const std::size_t body : boundaries(static_cast<std::uint32_t>(kind))) {
      SCOPED_TRACE("shape " + std::to_string(kind) + ", " + std::to_string(body) + " bytes");
      const std::string key = bytes_of(5, body);
      const std::string value = bytes_of(body - 5, body + 1);
      Fields fields = fields_of(kind);
      fields.key = key;
      fields.value = value;
      const EntryAt entry = make(fields);
      const bool is_larger = Entry::body_offset(static_cast<std::uint32_t>(kind)) + body > largest();
      ASSERT_EQ(entry->has(Entry::kHasPieces), is_larger);
      ASSERT_EQ(entry->deadline(), fields.deadline);
      ASSERT_EQ(entry->stale_ms(), fields.stale_ms);
      ASSERT_NO_FATAL_FAILURE(expect_bytes(entry, key, value));
      ASSERT_NO_FATAL_FAILURE(expect_equality(entry, key, value));
      free(entry);
    }
  }
}

TEST_F(EntryTest, a_long_key_is_kept_at_every_boundary) {
  for (const std::size_t body : boundaries(0)) {
    for (const std::size_t value_bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{600}}) {
      SCOPED_TRACE(std::to_string(body) + " bytes of key, " + std::to_string(value_bytes) + " of value");
      const std::string key = bytes_of(body, body);
      const std::string value = bytes_of(value_bytes, body + 1);
      const EntryAt entry = make(key, value);
      ASSERT_NO_FATAL_FAILURE(expect_bytes(entry, key, value));
      ASSERT_NO_FATAL_FAILURE(expect_equality(entry, key, value));
      free(entry);
    }
  }
}

TEST_F(EntryTest, the_longest_key_is_found_by_the_index) {
  const std::string key = bytes_of(65'535, 3);
  std::string other = key;
  other.back() = static_cast<char>(other.back() ^ 1);
  const EntryAt entry = link(make(key, "value"));
  EXPECT_EQ(find(key), entry);
  EXPECT_FALSE(find(other));
}

TEST_F(EntryTest, all_slots_of_an_entry_become_free) {
  const std::uint64_t before = slots_.free_bytes();
  for (const std::size_t bytes : {1U, 100U, 481U, 3'000U, 100'000U}) {
    const std::string value(bytes, 'v');
    const Fields fields{.key = "k", .value = value};
    const EntryAt entry = make(fields);
    // The rest of pages that were taken for it is free as well, but for what no slot of theirs covers.
    EXPECT_LE(slots_.free_bytes(), before - writer_.plan(fields).slot_bytes) << bytes;
    free(entry);
    EXPECT_EQ(slots_.free_bytes(), before) << bytes;
  }
}

TEST_F(EntryTest, pieces_of_a_value_go_and_those_of_a_key_stay) {
  const std::string value(3'000, 'v');
  const EntryAt short_key = make("k", value);
  const std::string key = bytes_of(1'000, 4);
  const EntryAt long_key = make(key, value);
  {
    const Transaction transaction(*arena_);
    writer_.drop_pieces_of_value(short_key);
    writer_.drop_pieces_of_value(long_key);
  }
  EXPECT_EQ(short_key->first_piece(), kNoRef);
  EXPECT_EQ(writer_.piece_slot_bytes(*short_key), 0U);
  EXPECT_EQ(key_of(*arena_, short_key).str(), "k");
  EXPECT_NE(long_key->first_piece(), kNoRef);
  EXPECT_EQ(key_of(*arena_, long_key).str(), key);
}

TEST_F(EntryTest, a_draft_that_is_discarded_is_garbage) {
  const std::uint64_t before = slots_.free_bytes();
  const std::string value(3'000, 'v');
  const Fields fields{.key = "k", .value = value};
  const EntryWriter::Plan plan = writer_.plan(fields);
  Ref last = kNoRef;
  std::uint64_t done_bytes = 0;
  for (int i = 0; i < 3; ++i) {
    ready();
    ASSERT_TRUE(writer_.write_piece(plan, fields, done_bytes, last));
    ASSERT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
  }
  writer_.discard_draft(arena_->header().draft);
  EXPECT_EQ(arena_->header().draft, kNoRef);
  EXPECT_EQ(slots_.free_bytes(), before);
  EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
}

TEST_F(EntryTest, a_piece_that_has_no_page_is_not_written) {
  const std::string value(2 * kMiB, 'v');
  const Fields fields{.key = "k", .value = value};
  const EntryWriter::Plan plan = writer_.plan(fields);
  Ref last = kNoRef;
  std::uint64_t done_bytes = 0;
  while (slots_.ready_pages() > 0 || slots_.ready_page()) {
    while (writer_.write_piece(plan, fields, done_bytes, last)) {
    }
  }
  const std::uint64_t done_before = done_bytes;
  EXPECT_FALSE(writer_.write_piece(plan, fields, done_bytes, last));
  EXPECT_EQ(done_bytes, done_before);
  EXPECT_EQ(ArenaCheck(*arena_).fault(), std::nullopt);
}

}  // namespace
}  // namespace pannier::storage
