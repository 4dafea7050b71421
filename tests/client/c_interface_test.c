/* The C interface against the daemon at $PANNIER_SOCKET, as a C11 program. Prints each claim that does not hold;
   exit code 0: all hold. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "pannier/pannier.h"

static int failures = 0;

static void check(bool holds, const char* claim, int line) {
  if (holds) return;
  fprintf(stderr, "line %d: %s\n", line, claim);
  ++failures;
}
#define CHECK(claim) check((claim), #claim, __LINE__)

static bool buffer_is(const pannier_buffer* buffer, const char* bytes, size_t size) {
  return buffer->size == size && buffer->data && memcmp(buffer->data, bytes, size) == 0 && buffer->data[size] == 0;
}

static void value_that_was_put_is_got(pannier_client* client) {
  pannier_buffer value = {0};
  uint64_t version = 0;
  CHECK(pannier_get(client, "lru", "k", 1, &value, NULL) == PANNIER_NOTHING);
  CHECK(pannier_put(client, "lru", "k", 1, "\x93\x01\x02\x03", 4, NULL, &version, NULL) == PANNIER_OK);
  CHECK(version > 0);
  CHECK(pannier_get(client, "lru", "k", 1, &value, NULL) == PANNIER_OK);
  CHECK(buffer_is(&value, "\x93\x01\x02\x03", 4));
  pannier_buffer_free(&value);
  CHECK(value.data == NULL && value.size == 0);
  CHECK(pannier_erase(client, "lru", "k", 1, version + 1, NULL) == PANNIER_NOTHING);
  CHECK(pannier_erase(client, "lru", "k", 1, version, NULL) == PANNIER_OK);
}

static void bytes_come_back_whatever_they_are(pannier_client* client) {
  pannier_buffer value = {0};
  CHECK(pannier_put_bytes(client, "lru", "b", 1, "a\0\xff", 3, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_get_bytes(client, "lru", "b", 1, &value, NULL) == PANNIER_OK);
  CHECK(buffer_is(&value, "a\0\xff", 3));
  pannier_buffer_free(&value);
  CHECK(pannier_put_bytes(client, "lru", "b", 1, NULL, 0, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_get_bytes(client, "lru", "b", 1, &value, NULL) == PANNIER_OK);
  CHECK(buffer_is(&value, "", 0));
  pannier_buffer_free(&value);
  CHECK(pannier_put(client, "lru", "b", 1, "\x07", 1, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_get_bytes(client, "lru", "b", 1, &value, NULL) == PANNIER_WRONG_TYPE);
  CHECK(value.data == NULL);
}

static void options_of_a_put_count(pannier_client* client) {
  pannier_put_options options = {.size = sizeof options, .ttl_ms = 60000, .flags = PANNIER_IF_ABSENT};
  int64_t ttl_ms = 0;
  uint64_t version = 0;
  pannier_buffer value = {0};
  CHECK(pannier_put(client, "lru", "o", 1, "\x01", 1, &options, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_put(client, "lru", "o", 1, "\x02", 1, &options, NULL, NULL) == PANNIER_NOTHING);
  CHECK(pannier_get_entry(client, "lru", "o", 1, &value, &version, &ttl_ms, NULL) == PANNIER_OK);
  CHECK(buffer_is(&value, "\x01", 1));
  CHECK(ttl_ms > 50000 && ttl_ms <= 60000);
  pannier_buffer_free(&value);
  CHECK(pannier_touch(client, "lru", "o", 1, PANNIER_TTL_NONE, NULL) == PANNIER_OK);
  CHECK(pannier_get_entry(client, "lru", "o", 1, &value, NULL, &ttl_ms, NULL) == PANNIER_OK);
  CHECK(ttl_ms == PANNIER_TTL_NONE);
  pannier_buffer_free(&value);

  pannier_put_options over = {.size = sizeof over, .if_version = version};
  CHECK(pannier_put(client, "lru", "o", 1, "\x03", 1, &over, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_put(client, "lru", "o", 1, "\x04", 1, &over, NULL, NULL) == PANNIER_NOTHING);
  over.flags = PANNIER_IF_PRESENT;
  CHECK(pannier_put(client, "lru", "o", 1, "\x05", 1, &over, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  over.flags = UINT64_C(1) << 40;
  CHECK(pannier_put(client, "lru", "o", 1, "\x05", 1, &over, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
}

static void structs_of_another_age_are_understood(pannier_client* client) {
  /* An older program, whose options end behind ttl_ms. */
  pannier_put_options older;
  memset(&older, 0xff, sizeof older);
  older.size = offsetof(pannier_put_options, stale_ms);
  older.ttl_ms = 60000;
  CHECK(pannier_put(client, "lru", "age", 3, "\x01", 1, &older, NULL, NULL) == PANNIER_OK);
  /* A newer one, with a member that this library does not know. */
  struct {
    pannier_put_options options;
    uint64_t later;
  } newer = {.options = {.size = sizeof newer}};
  CHECK(pannier_put(client, "lru", "age", 3, "\x01", 1, &newer.options, NULL, NULL) == PANNIER_OK);
  newer.later = 7;
  CHECK(pannier_put(client, "lru", "age", 3, "\x01", 1, &newer.options, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  pannier_put_options none = {.size = 0};
  CHECK(pannier_put(client, "lru", "age", 3, "\x01", 1, &none, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  none.size = (size_t)0xdeadbeef;
  CHECK(pannier_put(client, "lru", "age", 3, "\x01", 1, &none, NULL, NULL) == PANNIER_INVALID_ARGUMENT);

  pannier_error small;
  memset(&small, 'x', sizeof small);
  small.size = offsetof(pannier_error, text);
  CHECK(pannier_get(client, "none", "k", 1, &(pannier_buffer){0}, &small) == PANNIER_UNKNOWN_CACHE);
  CHECK(small.status == PANNIER_UNKNOWN_CACHE && small.size == offsetof(pannier_error, text));
  CHECK(small.text[0] == 'x');
}

static void error_tells_what_was_wrong(pannier_client* client) {
  pannier_error error = {.size = sizeof error};
  pannier_buffer value = {0};
  CHECK(pannier_get(client, "none", "k", 1, &value, &error) == PANNIER_UNKNOWN_CACHE);
  CHECK(error.status == PANNIER_UNKNOWN_CACHE && !error.may_have_run);
  CHECK(strstr(error.text, "there is no cache \"none\"") != NULL);
  CHECK(strcmp(pannier_status_name(error.status), "unknown_cache") == 0);
  CHECK(pannier_put(client, "lru", "k", 1, "\x92\x01", 2, NULL, NULL, &error) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get(client, NULL, "k", 1, &value, &error) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get(NULL, "lru", "k", 1, &value, &error) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_put(client, "lru", "long", 4, "\x01", 1, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_get(client, "lru", "long", 4, NULL, &error) == PANNIER_INVALID_ARGUMENT);
  CHECK(strcmp(pannier_status_name(12345), "other") == 0);
}

static void bytes_that_cannot_be_there_are_refused(pannier_client* client) {
  pannier_buffer value = {0};
  const pannier_key key = {NULL, 3};
  CHECK(pannier_get(client, "lru", NULL, 3, &value, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get(client, "lru", "k", (size_t)-1, &value, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get_many(client, "lru", &key, 1, &value, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get_many(client, "lru", NULL, 1, &value, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get_many(client, "lru", NULL, 0, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_put_bytes(client, "lru", "k", 1, NULL, 5, NULL, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_clear(client, "lru", NULL, 4, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_get(client, "lru", NULL, 0, &value, NULL) == PANNIER_BAD_REQUEST);
}

static void times_that_are_negative_are_refused(pannier_client* client) {
  const pannier_client_options options = {.size = sizeof options, .request_timeout_ms = -1};
  pannier_error error = {.size = sizeof error};
  CHECK(pannier_client_new(&options, &error) == NULL && error.status == PANNIER_INVALID_ARGUMENT);
  const pannier_lease_options wait = {.size = sizeof wait, .wait_ms = -2};
  pannier_lease* lease = NULL;
  pannier_buffer value = {0};
  CHECK(pannier_lease_get(client, "lru", "t", 1, &wait, &value, NULL, &lease, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_touch(client, "lru", "t", 1, -2, NULL) == PANNIER_BAD_REQUEST);
}

/* What programs are compiled with must never change. */
#if UINTPTR_MAX == UINT64_MAX
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)
AT(pannier_error, status, 8);
AT(pannier_error, may_have_run, 12);
AT(pannier_error, system_error, 16);
AT(pannier_error, text, 20);
AT(pannier_buffer, data, 0);
AT(pannier_buffer, size, 8);
AT(pannier_client_options, path, 8);
AT(pannier_client_options, connect_timeout_ms, 16);
AT(pannier_client_options, request_timeout_ms, 24);
AT(pannier_client_options, slow_request_timeout_ms, 32);
AT(pannier_client_options, pool_size, 40);
AT(pannier_client_options, reply_bytes_max, 48);
AT(pannier_cache_settings, tier, 8);
AT(pannier_cache_settings, policy, 16);
AT(pannier_cache_settings, max_entries, 24);
AT(pannier_cache_settings, max_bytes, 32);
AT(pannier_cache_settings, max_age_ms, 40);
AT(pannier_cache_settings, stale_ms, 48);
AT(pannier_cache_settings, reserved_bytes, 56);
AT(pannier_cache_settings, flags, 64);
AT(pannier_put_options, ttl_ms, 8);
AT(pannier_put_options, stale_ms, 16);
AT(pannier_put_options, if_version, 24);
AT(pannier_put_options, lease, 32);
AT(pannier_put_options, flags, 40);
AT(pannier_key, data, 0);
AT(pannier_key, size, 8);
AT(pannier_lease_options, duration_ms, 8);
AT(pannier_lease_options, wait_ms, 16);
#endif

static void daemon_that_is_away_is_an_error_with_its_errno(void) {
  pannier_client_options options = {.size = sizeof options, .path = "/nonexistent/pannier.sock"};
  pannier_error error = {.size = sizeof error};
  pannier_client* client = pannier_client_new(&options, &error);
  CHECK(client != NULL);
  CHECK(pannier_sync(client, NULL, &error) == PANNIER_CONNECTION);
  CHECK(error.system_error == ENOENT && !error.may_have_run);
  CHECK(strstr(error.text, "/nonexistent/pannier.sock") != NULL);
  pannier_client_free(client);
}

static void text_of_an_error_is_cut_between_characters(void) {
  char path[90 * 8 + 1] = "";
  for (int i = 0; i < 90; ++i) strcat(path, "\xe2\x82\xac\xe2\x82\xac/a");
  pannier_client_options options = {.size = sizeof options, .path = path};
  pannier_error error = {.size = sizeof error};
  pannier_client* client = pannier_client_new(&options, NULL);
  CHECK(pannier_sync(client, NULL, &error) == PANNIER_CONNECTION);
  const size_t length = strlen(error.text);
  CHECK(length < sizeof error.text && length > sizeof error.text - 4);
  const unsigned char last = (unsigned char)error.text[length - 1];
  CHECK(last < 0x80 || (last == 0xac && (unsigned char)error.text[length - 3] == 0xe2));
  pannier_client_free(client);
}

static void caches_are_opened_cleared_and_dropped(pannier_client* client) {
  pannier_cache_settings settings = {.size = sizeof settings, .tier = "ttl", .policy = "fifo", .max_age_ms = 60000};
  CHECK(pannier_open(client, "c", &settings, NULL) == PANNIER_OK);
  CHECK(pannier_open(client, "c", &settings, NULL) == PANNIER_NOTHING);
  settings.max_entries = 5;
  CHECK(pannier_open(client, "c", &settings, NULL) == PANNIER_CONFLICT);
  settings.flags = PANNIER_ALTER;
  CHECK(pannier_open(client, "c", &settings, NULL) == PANNIER_NOTHING);
  settings.tier = "disk";
  CHECK(pannier_open(client, "c", &settings, NULL) == PANNIER_INVALID_ARGUMENT);
  CHECK(pannier_open(client, "c", NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  uint64_t count = 0;
  CHECK(pannier_put(client, "c", "a1", 2, "\x01", 1, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_put(client, "c", "b1", 2, "\x01", 1, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_clear(client, "c", "a", 1, &count, NULL) == PANNIER_OK && count == 1);
  CHECK(pannier_clear(client, "c", NULL, 0, &count, NULL) == PANNIER_OK && count == 1);
  CHECK(pannier_drop(client, "c", NULL) == PANNIER_OK);
  CHECK(pannier_drop(client, "c", NULL) == PANNIER_NOTHING);
  CHECK(pannier_sync(client, "durable", NULL) == PANNIER_OK);
  CHECK(pannier_sync(client, "lru", NULL) == PANNIER_UNSUPPORTED);
}

static bool count_key(const void* key, size_t key_size, void* context) {
  (void)key;
  *(size_t*)context += key_size;
  return true;
}

static void many_keys_are_got_and_walked(pannier_client* client) {
  CHECK(pannier_put(client, "lru", "many:1", 6, "\x01", 1, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_put(client, "lru", "many:22", 7, "\x02", 1, NULL, NULL, NULL) == PANNIER_OK);
  const pannier_key keys[] = {{"many:22", 7}, {"many:none", 9}, {"many:1", 6}};
  pannier_buffer values[3];
  CHECK(pannier_get_many(client, "lru", keys, 3, values, NULL) == PANNIER_OK);
  CHECK(buffer_is(&values[0], "\x02", 1));
  CHECK(values[1].data == NULL);
  CHECK(buffer_is(&values[2], "\x01", 1));
  for (int i = 0; i < 3; ++i) pannier_buffer_free(&values[i]);
  size_t bytes = 0;
  CHECK(pannier_each_key(client, "lru", "many:", 5, count_key, &bytes, NULL) == PANNIER_OK && bytes == 13);
}

static void lease_is_granted_put_and_waited_for(pannier_client* client) {
  pannier_lease* lease = NULL;
  pannier_lease* second = NULL;
  pannier_buffer value = {0};
  bool stale = true;
  const pannier_lease_options no_wait = {.size = sizeof no_wait, .wait_ms = PANNIER_NO_WAIT};
  CHECK(pannier_lease_get(client, "lru", "l", 1, NULL, &value, &stale, &lease, NULL) == PANNIER_OK);
  CHECK(lease && !stale && value.data == NULL);
  CHECK(pannier_lease_get(client, "lru", "l", 1, &no_wait, &value, NULL, &second, NULL) == PANNIER_NOTHING);
  pannier_lease_free(lease);
  CHECK(pannier_lease_get(client, "lru", "l", 1, NULL, &value, NULL, &lease, NULL) == PANNIER_OK && lease);
  CHECK(pannier_lease_put(lease, "\x07", 1, NULL, NULL, NULL) == PANNIER_OK);
  CHECK(pannier_lease_put(lease, "\x07", 1, NULL, NULL, NULL) == PANNIER_INVALID_ARGUMENT);
  pannier_lease_free(lease);
  CHECK(pannier_lease_get(client, "lru", "l", 1, NULL, &value, NULL, &lease, NULL) == PANNIER_OK);
  CHECK(lease == NULL && buffer_is(&value, "\x07", 1));
  pannier_buffer_free(&value);
}

static void any_method_is_called(pannier_client* client) {
  pannier_buffer result = {0};
  CHECK(pannier_call(client, "ping", "\x90", 1, &result, NULL) == PANNIER_OK);
  CHECK(buffer_is(&result, "\xa4pong", 5));
  pannier_buffer_free(&result);
  CHECK(pannier_call(client, "no_such", "\x90", 1, &result, NULL) == PANNIER_UNKNOWN_METHOD);
  CHECK(strlen(pannier_version()) >= 5);
}

/* A number below 128, behind its name in a packed map; -1 if it is not there. */
static int small_number(const pannier_buffer* map, const char* name) {
  for (size_t i = 0; i + strlen(name) < map->size; ++i) {
    if (memcmp(map->data + i, name, strlen(name)) == 0) return (unsigned char)map->data[i + strlen(name)];
  }
  return -1;
}

static void hits_are_read_out_of_memory_as_the_options_say(void) {
  pannier_client_options options = {.size = sizeof options, .shared_reads = 3};
  pannier_error error = {.size = sizeof error};
  CHECK(pannier_client_new(&options, &error) == NULL);
  CHECK(error.status == PANNIER_INVALID_ARGUMENT);
  const pannier_cache_settings settings = {.size = sizeof settings, .tier = "lru"};
  int hits = 0;
  for (int32_t shared_reads = PANNIER_SHARED_READS_WHEN_IT_PAYS; shared_reads <= PANNIER_SHARED_READS_NEVER; ++shared_reads) {
    options.shared_reads = shared_reads;
    pannier_client* client = pannier_client_new(&options, NULL);
    CHECK(client != NULL);
    CHECK(pannier_open(client, "shared", &settings, NULL) != PANNIER_INVALID_ARGUMENT);
    CHECK(pannier_put_bytes(client, "shared", "k", 1, "v", 1, NULL, NULL, NULL) == PANNIER_OK);
    for (int i = 0; i < 20; ++i) {
      pannier_buffer value = {0};
      CHECK(pannier_get_bytes(client, "shared", "k", 1, &value, NULL) == PANNIER_OK);
      CHECK(buffer_is(&value, "v", 1));
      pannier_buffer_free(&value);
    }
    pannier_buffer info = {0};
    CHECK(pannier_call(client, "info", "\x91\xa6shared", 8, &info, NULL) == PANNIER_OK);
    const int more = small_number(&info, "shared_hits") - hits;
    CHECK(shared_reads != PANNIER_SHARED_READS_WHEN_IT_PAYS || (more > 0 && more < 5));
    CHECK(shared_reads != PANNIER_SHARED_READS_AT_ONCE || more >= 19);
    CHECK(shared_reads != PANNIER_SHARED_READS_NEVER || more == 0);
    hits += more;
    pannier_buffer_free(&info);
    pannier_client_free(client);
  }
}

static void* count_up(void* client) {
  for (int i = 0; i < 100; ++i) {
    if (pannier_increment(client, "lru", "threads", 7, 1, NULL, NULL) != PANNIER_OK) return client;
  }
  return NULL;
}

static void threads_share_a_client(pannier_client* client) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], NULL, count_up, client) == 0);
  for (int i = 0; i < 4; ++i) {
    void* failed = NULL;
    pthread_join(threads[i], &failed);
    CHECK(failed == NULL);
  }
  int64_t sum = 0;
  CHECK(pannier_increment(client, "lru", "threads", 7, 0, &sum, NULL) == PANNIER_OK && sum == 400);
}

typedef struct waiter {
  pannier_client* client;
  pannier_lease* lease;
  pannier_status status;
} waiter;

static void* wait_for_lease(void* context) {
  waiter* self = context;
  pannier_buffer value = {0};
  self->status = pannier_lease_get(self->client, "lru", "cancel", 6, NULL, &value, NULL, &self->lease, NULL);
  pthread_testcancel();
  return NULL;
}

static void thread_is_canceled_when_it_has_left_the_library(pannier_client* client) {
  pannier_buffer value = {0};
  pannier_lease* held = NULL;
  CHECK(pannier_lease_get(client, "lru", "cancel", 6, NULL, &value, NULL, &held, NULL) == PANNIER_OK && held);
  waiter waits = {.client = client, .status = -1};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, wait_for_lease, &waits) == 0);
  thrd_sleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  CHECK(pthread_cancel(thread) == 0);
  thrd_sleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  pannier_lease_free(held);
  void* result = NULL;
  pthread_join(thread, &result);
  CHECK(result == PTHREAD_CANCELED && waits.status == PANNIER_OK && waits.lease);
  pannier_lease_free(waits.lease);
}

static void nothing_is_freed_twice(void) {
  pannier_buffer_free(NULL);
  pannier_client_free(NULL);
  pannier_lease_free(NULL);
}

int main(void) {
  pannier_client* client = pannier_client_new(NULL, NULL);
  if (!client) return EXIT_FAILURE;
  value_that_was_put_is_got(client);
  bytes_come_back_whatever_they_are(client);
  options_of_a_put_count(client);
  structs_of_another_age_are_understood(client);
  error_tells_what_was_wrong(client);
  bytes_that_cannot_be_there_are_refused(client);
  times_that_are_negative_are_refused(client);
  daemon_that_is_away_is_an_error_with_its_errno();
  text_of_an_error_is_cut_between_characters();
  caches_are_opened_cleared_and_dropped(client);
  many_keys_are_got_and_walked(client);
  lease_is_granted_put_and_waited_for(client);
  any_method_is_called(client);
  hits_are_read_out_of_memory_as_the_options_say();
  threads_share_a_client(client);
  thread_is_canceled_when_it_has_left_the_library(client);
  nothing_is_freed_twice();
  pannier_client_free(client);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
