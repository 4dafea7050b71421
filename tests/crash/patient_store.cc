#include "tests/crash/patient_store.h"

#include <utility>

namespace pannier::test {

using storage::CacheId;
using storage::LevelDbStore;
using storage::StoreError;

namespace {

/// More than any fault lasts.
constexpr int kAttemptsMax = 1'000;

bool has_failed(const std::optional<StoreError>& outcome) { return outcome.has_value(); }
template <typename... Answers>
bool has_failed(const std::variant<Answers...>& outcome) {
  return std::holds_alternative<StoreError>(outcome);
}

}  // namespace

storage::LevelDbOptions smallest() {
  storage::LevelDbOptions options;
  options.block_cache_bytes = std::size_t{16} << 10;
  options.write_buffer_bytes = std::size_t{64} << 10;
  options.open_files_max = 0;
  options.syncs_beside = false;  // only the calling thread lives on in a process that is forked
  return options;
}

PatientStore::PatientStore(CrashEnv& env, std::string path) : env_(env), path_(std::move(path)) {}

std::optional<StoreError> PatientStore::ready() const {
  if (store_) return is_failing_ ? store_->reopen() : std::nullopt;
  auto opened = LevelDbStore::open(path_, smallest(), &env_,
                                   [this](const std::string& path) { return env_.sync_directory(path); });
  if (auto* error = std::get_if<StoreError>(&opened)) return std::move(*error);
  store_ = std::move(std::get<0>(opened));
  return std::nullopt;
}

template <typename Attempt>
auto PatientStore::once(Attempt attempt) const -> decltype(attempt()) {
  auto outcome = [&]() -> decltype(attempt()) {
    if (auto error = ready()) return std::move(*error);
    return attempt();
  }();
  is_failing_ = has_failed(outcome);
  env_.settle();
  return outcome;
}

template <typename Attempt>
auto PatientStore::until_done(Attempt attempt) const -> decltype(attempt()) {
  auto outcome = once(attempt);
  for (int number = 1; has_failed(outcome) && number < kAttemptsMax; ++number) outcome = once(attempt);
  return outcome;
}

std::variant<std::vector<storage::Definition>, StoreError> PatientStore::definitions() const {
  return until_done([&] { return store_->definitions(); });
}
std::variant<std::vector<CacheId>, StoreError> PatientStore::unfinished_drops() const {
  return until_done([&] { return store_->unfinished_drops(); });
}
std::optional<StoreError> PatientStore::define(CacheId id, std::string_view name,
                                               const storage::Settings& settings) {
  return until_done([&] { return store_->define(id, name, settings); });
}
std::optional<StoreError> PatientStore::begin_drop(CacheId id) {
  return until_done([&] { return store_->begin_drop(id); });
}
std::optional<StoreError> PatientStore::end_drop(CacheId id) {
  return until_done([&] { return store_->end_drop(id); });
}
std::variant<std::vector<storage::Wrote>, StoreError> PatientStore::write(
    std::span<const storage::Batch> batches) {
  return once([&] { return store_->write(batches); });
}
std::variant<storage::ErasedSome, StoreError> PatientStore::erase_some(const storage::EraseRange& range,
                                                                       std::uint64_t steps_max) {
  return until_done([&]() -> std::variant<storage::ErasedSome, StoreError> {
    auto outcome = store_->erase_some(range, steps_max);
    auto* erased = std::get_if<storage::ErasedSome>(&outcome);
    if (erased != nullptr && erased->unreadable) return std::move(*erased->unreadable);
    return outcome;
  });
}
std::variant<storage::Record, storage::Absent, StoreError> PatientStore::load(CacheId cache,
                                                                              std::string_view key) const {
  return until_done([&] { return store_->load(cache, key); });
}
std::variant<storage::Scanned, StoreError> PatientStore::scan(CacheId cache, std::string_view prefix,
                                                              std::string_view from_key,
                                                              std::uint64_t keys_max) const {
  return until_done([&]() -> std::variant<storage::Scanned, StoreError> {
    auto outcome = store_->scan(cache, prefix, from_key, keys_max);
    auto* scanned = std::get_if<storage::Scanned>(&outcome);
    if (scanned != nullptr && scanned->unreadable) return std::move(*scanned->unreadable);
    return outcome;
  });
}
std::variant<std::shared_ptr<const storage::StoreImage>, StoreError> PatientStore::open_image() {
  return until_done([&] { return store_->open_image(); });
}
std::variant<storage::Version, StoreError> PatientStore::reserved_versions() const {
  return until_done([&] { return store_->reserved_versions(); });
}
std::optional<StoreError> PatientStore::reserve_versions(storage::Version bound) {
  return until_done([&] { return store_->reserve_versions(bound); });
}
std::variant<std::string, StoreError> PatientStore::identity() const {
  return until_done([&] { return store_->identity(); });
}
std::variant<storage::Rested, StoreError> PatientStore::rest() {
  return until_done([&] { return store_->rest(); });
}
std::optional<StoreError> PatientStore::reopen() {
  store_.reset();
  return until_done([] { return std::optional<StoreError>(); });
}

}  // namespace pannier::test
