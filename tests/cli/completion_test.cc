// What may stand at the cursor, of a small command line with one of each kind.
#include "client/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace pannier::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    app_.add_option("--socket", text_)->type_name("PATH");
    app_.add_flag("--json", flag_);
    auto* open = app_.add_subcommand("open", "Open it");
    open->add_option("CACHE", text_)->required()->type_name("");
    open->add_option("--tier", text_, "Which one")->type_name("lru|ttl");
    open->add_option("--max-entries", text_)->type_name("COUNT");
    open->add_flag("--alter", flag_);
    auto* save = app_.add_subcommand("save", "Save them");
    save->add_option("FILE", text_)->required()->type_name("");
    save->add_option("CACHE", texts_)->type_name("");
  }

  Completion completion(const std::vector<std::string>& words) {
    return complete(app_, words, [this](const std::string& socket) {
      asked_at_.push_back(socket);
      return std::vector<std::string>{"lru", "mine"};
    });
  }

  std::vector<std::string> texts(const std::vector<std::string>& words) {
    std::vector<std::string> found;
    for (const auto& candidate : completion(words).candidates) found.push_back(candidate.text);
    return found;
  }

  CLI::App app_;
  std::string text_;
  std::vector<std::string> texts_;
  bool flag_ = false;
  std::vector<std::string> asked_at_;
};

TEST_F(CompletionTest, the_first_word_is_a_subcommand) {
  EXPECT_THAT(texts({""}), ElementsAre("open", "save"));
  EXPECT_THAT(texts({"--json", "o"}), ElementsAre("open", "save"));
  EXPECT_EQ(completion({""}).candidates[0].description, "Open it");
}

TEST_F(CompletionTest, a_hyphen_begins_an_option_of_the_subcommand_or_of_all) {
  EXPECT_THAT(texts({"-"}), ElementsAre("--help", "--socket", "--json"));
  EXPECT_THAT(texts({"open", "--t"}),
              ElementsAre("--help", "--tier", "--max-entries", "--alter", "--socket", "--json"));
}

TEST_F(CompletionTest, a_cache_is_one_of_the_daemon) {
  EXPECT_THAT(texts({"open", ""}), ElementsAre("lru", "mine"));
  EXPECT_THAT(texts({"open", "--alter", "--max-entries", "7", "l"}), ElementsAre("lru", "mine"));
  EXPECT_THAT(asked_at_, ElementsAre("", ""));
}

TEST_F(CompletionTest, the_daemon_is_the_one_that_the_line_names) {
  texts({"--socket", "/one", "open", ""});
  texts({"open", "--socket=/two", ""});
  EXPECT_THAT(asked_at_, ElementsAre("/one", "/two"));
}

TEST_F(CompletionTest, nobody_is_asked_where_no_cache_may_stand) {
  texts({"open", "--"});
  texts({"op"});
  texts({"save", ""});
  EXPECT_THAT(asked_at_, IsEmpty());
}

TEST_F(CompletionTest, an_option_of_few_words_takes_one_of_them) {
  EXPECT_THAT(texts({"open", "--tier", ""}), ElementsAre("lru", "ttl"));
  EXPECT_THAT(texts({"open", "--tier=l"}), ElementsAre("--tier=lru", "--tier=ttl"));
}

TEST_F(CompletionTest, the_value_of_another_option_is_somebodys_own) {
  EXPECT_THAT(texts({"open", "--max-entries", ""}), IsEmpty());
  EXPECT_THAT(texts({"open", "--no-such-option=l"}), IsEmpty());
}

TEST_F(CompletionTest, a_path_is_a_file) {
  EXPECT_TRUE(completion({"--socket", "/"}).takes_files);
  EXPECT_TRUE(completion({"save", ""}).takes_files);
  EXPECT_FALSE(completion({"save", "file", ""}).takes_files);
}

TEST_F(CompletionTest, the_last_argument_stands_again_only_where_it_may) {
  EXPECT_THAT(texts({"save", "file", "lru", ""}), ElementsAre("lru", "mine"));
  EXPECT_THAT(texts({"open", "lru", ""}), IsEmpty());
}

TEST_F(CompletionTest, behind_two_hyphens_nothing_is_an_option) {
  EXPECT_THAT(texts({"open", "--", "-"}), ElementsAre("lru", "mine"));
}

TEST(CompletionText, has_a_line_for_each_candidate_and_one_for_files) {
  EXPECT_EQ(text_of({{{"lru", "cache"}, {"mine", ""}}, true}), "lru\tcache\nmine\t\n:files\n");
  EXPECT_EQ(text_of({}), "");
}

}  // namespace
}  // namespace pannier::cli
