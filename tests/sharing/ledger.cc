#include "tests/sharing/ledger.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pannier::tests {
namespace {

struct Head {
  std::uint64_t sum;  ///< of everything behind it
  std::uint64_t number;
  std::int64_t deadline;
  std::uint32_t key;
  std::uint32_t bytes;
};

std::uint64_t mixed(std::uint64_t key, std::uint64_t number) {
  const std::uint64_t words[] = {key, number};
  return XXH3_64bits(words, sizeof words);
}

}  // namespace

Operation operation(std::uint32_t key, std::uint64_t number) {
  using enum Operation::Kind;
  const std::uint64_t dice = mixed(key, number);
  Operation what{kPut, static_cast<std::uint32_t>(sizeof(Head) + dice % 300), 0};
  if (dice % 64 == 1) what.bytes = static_cast<std::uint32_t>(sizeof(Head) + dice / 64 % 8'000);
  if (dice % 1'024 == 2) what.bytes = static_cast<std::uint32_t>(sizeof(Head) + dice / 1'024 % 100'000);
  // Often of the size before, so that it is overwritten in its place.
  if (dice / 7 % 2 == 0) what.bytes = sizeof(Head) + 64;
  if (dice % 8 == 3) what.kind = kDelete;
  if (number == 0) what.kind = kDelete;  // before the first one there is nothing
  if (dice % 8 == 4) {
    what.kind = kPutForAMoment;
    what.ttl_ms = static_cast<std::uint32_t>(1 + dice / 8 % 8);
  }
  return what;
}

std::string key_text(std::uint32_t key) {
  std::string text = "key" + std::to_string(key);
  if (key % 4 == 0) text.append(key % 90, '.');
  return text;
}

std::string value_text(std::uint32_t key, std::uint64_t number, std::int64_t deadline, std::uint32_t bytes) {
  std::string text(std::max<std::size_t>(bytes, sizeof(Head)), '\0');
  for (std::size_t i = sizeof(Head); i < text.size(); i += sizeof number) {
    const std::uint64_t word = number * 0x9e3779b97f4a7c15 + i + key;
    std::memcpy(text.data() + i, &word, std::min(sizeof word, text.size() - i));
  }
  Head head{0, number, deadline, key, static_cast<std::uint32_t>(text.size())};
  std::memcpy(text.data(), &head, sizeof head);
  head.sum = XXH3_64bits(text.data() + sizeof head.sum, text.size() - sizeof head.sum);
  std::memcpy(text.data(), &head.sum, sizeof head.sum);
  return text;
}

std::optional<Value> value_from(std::string_view text) {
  Head head{};
  if (text.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, text.data(), sizeof head);
  if (head.bytes != text.size()) return std::nullopt;
  if (head.sum != XXH3_64bits(text.data() + sizeof head.sum, text.size() - sizeof head.sum))
    return std::nullopt;
  return Value{head.key, head.number, head.deadline};
}

void Ledger::report(const std::string& text) {
  if (is_faulty.exchange(true)) return;
  text.copy(fault, sizeof fault - 1);
  is_over = true;
}

std::string fault_of_hit(std::uint32_t key, std::string_view text, std::uint64_t done, std::uint64_t begun,
                         std::int64_t now_before) {
  const std::string of = " of key " + std::to_string(key) + ", done " + std::to_string(done) + ", begun " +
                         std::to_string(begun);
  const auto value = value_from(text);
  if (!value) return "a torn value of " + std::to_string(text.size()) + " bytes" + of;
  if (value->key != key) return "a value of key " + std::to_string(value->key) + " instead" + of;
  if (value->number < done) return "the value of " + std::to_string(value->number) + of;
  if (value->number > begun) return "a value from the future, " + std::to_string(value->number) + of;
  if (value->deadline <= now_before) return "a value that expired" + of;
  return {};
}

std::string fault_of_miss(std::uint32_t key, std::uint64_t done, std::uint64_t begun) {
  for (std::uint64_t number = done; number <= begun; ++number) {
    if (operation(key, number).kind != Operation::Kind::kPut) return {};
  }
  return "no value of key " + std::to_string(key) + ", done " + std::to_string(done) + ", begun " +
         std::to_string(begun);
}

}  // namespace pannier::tests
