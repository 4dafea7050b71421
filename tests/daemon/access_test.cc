#include "daemon/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "daemon/account.h"

namespace pannier::daemon {
namespace {

const Peer kAlice{1'000, {1'000, 2'000}};
const Peer kBob{1'001, {1'001}};

AccessList users(std::vector<uid_t> uids) { return {false, std::move(uids), {}}; }
AccessList group(gid_t gid) { return {false, {}, {gid}}; }

TEST(AccessList, has_users_members_of_its_groups_and_nobody_else) {
  EXPECT_TRUE(users({1'000}).has(kAlice));
  EXPECT_FALSE(users({1'000}).has(kBob));
  EXPECT_TRUE(group(2'000).has(kAlice));
  EXPECT_FALSE(group(2'000).has(kBob));
  EXPECT_FALSE(AccessList().has(kAlice));
  EXPECT_TRUE(AccessList::everybody().has(kBob));
}

TEST(AccessList, does_not_take_an_unknown_peer_for_a_user) {
  EXPECT_FALSE(users({Peer::kNobody}).has(Peer()));
  EXPECT_TRUE(AccessList::everybody().has(Peer()));
}

TEST(Access, without_lists_everybody_reads_and_writes_and_operators_alone_are_named) {
  const Access access;
  EXPECT_TRUE(access.is_open());
  EXPECT_TRUE(access.readers_of("any").has(kBob));
  EXPECT_TRUE(access.writers_of("any").has(kBob));
  EXPECT_TRUE(access.reads_all(kBob));
  EXPECT_FALSE(access.operators.has(kBob));
}

TEST(Access, of_a_cache_is_its_own_and_else_that_of_all) {
  Access access;
  access.readers = users({1'001});
  access.caches["mine"].readers = users({1'000});
  EXPECT_TRUE(access.readers_of("mine").has(kAlice));
  EXPECT_FALSE(access.readers_of("mine").has(kBob));
  EXPECT_FALSE(access.readers_of("other").has(kAlice));
  EXPECT_FALSE(access.reads_all(kAlice));
  EXPECT_FALSE(access.reads_all(kBob));
}

TEST(Access, writers_that_are_not_named_are_the_readers) {
  Access access;
  access.caches["mine"].readers = users({1'000});
  EXPECT_FALSE(access.writers_of("mine").has(kBob));
  EXPECT_TRUE(access.writers_of("other").has(kBob));
  access.caches["open"].writers = users({1'000});
  EXPECT_TRUE(access.readers_of("open").has(kBob));
  access.readers = users({1'000});
  EXPECT_FALSE(access.writers_of("other").has(kBob));
}

TEST(Access, is_not_open_once_anything_is_narrower) {
  for (const auto& narrow : std::vector<void (*)(Access&)>{
           [](Access& access) { access.admins = {}; }, [](Access& access) { access.readers = {}; },
           [](Access& access) { access.writers = AccessList(); },
           [](Access& access) { access.caches["c"].readers = AccessList(); },
           [](Access& access) { access.caches["c"].writers = AccessList(); }}) {
    Access access;
    narrow(access);
    EXPECT_FALSE(access.is_open());
  }
}

TEST(Access, digests_tell_rules_of_reading_apart) {
  Access narrow;
  narrow.caches["c"].readers = users({1'000});
  Access other = narrow;
  other.caches["c"].readers = group(1'000);
  Access same = narrow;
  same.writers = users({1});
  EXPECT_NE(Access().readers_digest(), narrow.readers_digest());
  EXPECT_NE(narrow.readers_digest(), other.readers_digest());
  EXPECT_EQ(narrow.readers_digest(), same.readers_digest());
}

TEST(Access, changes_are_told_by_the_keys_of_their_lists) {
  Access before;
  before.caches["gone"].writers = users({1});
  Access after;
  after.admins = {};
  after.caches["new"].readers = users({1});
  EXPECT_THAT(changed_lists(before, after),
              testing::ElementsAre("access.admins", "cache.gone.writers", "cache.new.readers"));
  EXPECT_TRUE(changed_lists(after, after).empty());
}

TEST(Account, is_a_name_a_group_a_number_or_everybody) {
  AccessList list;
  for (const auto* written : {"root", "@root", "1000", "@2000"})
    EXPECT_EQ(add_account(list, written), std::nullopt);
  EXPECT_THAT(list.uids, testing::ElementsAre(0U, 1'000U));
  EXPECT_THAT(list.gids, testing::ElementsAre(0U, 2'000U));
  EXPECT_FALSE(list.is_everybody);
  EXPECT_EQ(add_account(list, "*"), std::nullopt);
  EXPECT_TRUE(list.is_everybody);
}

TEST(Account, that_is_not_there_is_named) {
  AccessList list;
  EXPECT_EQ(add_account(list, "no-such-user"), "there is no user \"no-such-user\"");
  EXPECT_EQ(add_account(list, "@no-such-group"), "there is no group \"no-such-group\"");
  EXPECT_EQ(add_account(list, "@"), "\"@\" names nobody");
  EXPECT_NE(add_account(list, ""), std::nullopt);
  EXPECT_NE(add_account(list, "4294967295"), std::nullopt);
  EXPECT_NE(add_account(list, "-1"), std::nullopt);
  EXPECT_TRUE(list.uids.empty() && list.gids.empty());
}

}  // namespace
}  // namespace pannier::daemon
