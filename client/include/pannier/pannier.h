// The C interface to pannierd: libpannier_c, for C and for languages that call C. C11 or C++.
//
//   pannier_client* client = pannier_client_new(NULL, NULL);
//   pannier_error error = {.size = sizeof error};
//   if (pannier_put_bytes(client, "lru", "user:7", 6, "Ada", 3, NULL, NULL, &error) != PANNIER_OK)
//     fprintf(stderr, "%s\n", error.text);
//   pannier_buffer name = {0};
//   if (pannier_get_bytes(client, "lru", "user:7", 6, &name, NULL) == PANNIER_OK) puts(name.data);
//   pannier_buffer_free(&name);
//   pannier_client_free(client);
//
// Values are MessagePack, each exactly one object, stored byte for byte; the functions in _bytes store the
// bytes they are given as a bin, and read a bin or a str. Keys are 1 to 65,535 bytes, names of caches are
// strings of 1 to 255 printable ASCII characters. What goes in is needed during the call only.
//
// Every function that can fail returns a pannier_status. PANNIER_OK: done. PANNIER_NOTHING: the expected
// absence that the function names (a miss, say). All others are errors, of which `error`, if it is not NULL,
// tells more. Outputs are written on PANNIER_OK alone; they may be NULL where that is said.
//
// Thread-safety: any number of threads may use one client at once. Anything else is for one thread at a time.
// Fork: a child may go on using a client; leases are void in it. Cancellation (pthread_cancel) of a thread
// that is inside a function begins when that has returned.
//
// The interface only grows: functions are never changed or removed, statuses keep their numbers, and structs
// get new members at their end, which is why they begin with their size, to be set to sizeof by the caller:
// so programs and libraries of different age work together; what a program has set and an older library does
// not know is PANNIER_INVALID_ARGUMENT. All other members of options may be 0 (or NULL, or false), which
// stands for the default. Memory that is returned is given back by this library.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t pannier_status;
enum {
  PANNIER_OK = 0,
  PANNIER_NOTHING = 1,
  // The daemon refused, and nothing was changed: see protocol/PROTOCOL.md.
  PANNIER_BAD_REQUEST = 10,
  PANNIER_UNKNOWN_METHOD = 11,
  PANNIER_UNKNOWN_CACHE = 12,
  PANNIER_TOO_LARGE = 13,
  PANNIER_CONFLICT = 14,
  PANNIER_NOT_A_NUMBER = 15,
  PANNIER_DENIED = 16,
  PANNIER_OVERLOADED = 17,
  PANNIER_OUT_OF_MEMORY = 18,
  PANNIER_STORAGE = 19,
  PANNIER_UNSUPPORTED = 20,
  PANNIER_SHUTTING_DOWN = 21,
  PANNIER_OTHER = 22,  // a code that this library does not know
  // No answer came; pannier_error tells whether the request may have been executed.
  PANNIER_CONNECTION = 40,
  PANNIER_TIMEOUT = 41,
  PANNIER_PROTOCOL = 42,
  // Found by this library.
  PANNIER_INVALID_ARGUMENT = 60,  // nothing was sent
  PANNIER_WRONG_TYPE = 61,        // the value is there, but is no bin and no str
  PANNIER_NO_MEMORY = 62,         // in this process
  PANNIER_INTERNAL = 63           // a fault of this library
};

/// The status as a word, e.g. "unknown_cache"; "other" for a number that is none.
const char* pannier_status_name(pannier_status status);
/// The release of this library, e.g. "0.1.0".
const char* pannier_version(void);

typedef struct pannier_error {
  size_t size;
  pannier_status status;
  /// No answer came, and the daemon may or may not have executed the request.
  bool may_have_run;
  /// Of PANNIER_CONNECTION: the errno, 0 if the daemon closed.
  int32_t system_error;
  /// A sentence, UTF-8, one line; cut where it is longer.
  char text[512];
} pannier_error;

/// Bytes that this library allocated, with a zero behind them that is not counted.
typedef struct pannier_buffer {
  char* data;
  size_t size;
} pannier_buffer;
/// Leaves it empty. An empty one, and NULL, are nothing to do.
void pannier_buffer_free(pannier_buffer* buffer);

// ---- A client --------------------------------------------------------------------------------------------

typedef struct pannier_client pannier_client;

/// When a client reads entries out of the daemon's memory itself, which makes a hit many times faster and
/// changes nothing else: it maps that memory read-only, and has one connection more.
#define PANNIER_SHARED_READS_WHEN_IT_PAYS INT32_C(0)  // from the seventeenth get on
#define PANNIER_SHARED_READS_AT_ONCE INT32_C(1)
#define PANNIER_SHARED_READS_NEVER INT32_C(2)

/// The defaults stand beside.
typedef struct pannier_client_options {
  size_t size;
  const char* path;                 // $PANNIER_SOCKET, else /run/pannier/pannier.sock
  int64_t connect_timeout_ms;       // 1000
  int64_t request_timeout_ms;       // 5000, for a request as a whole
  int64_t slow_request_timeout_ms;  // 60000, for what waits for the disk or goes through a whole cache
  uint64_t pool_size;               // 4 connections that requests share
  uint64_t reply_bytes_max;         // 2^30; a longer reply is PANNIER_PROTOCOL
  int32_t shared_reads;             // PANNIER_SHARED_READS_WHEN_IT_PAYS
} pannier_client_options;

/// Does not connect. NULL: PANNIER_INVALID_ARGUMENT, PANNIER_NO_MEMORY. `options` may be NULL.
pannier_client* pannier_client_new(const pannier_client_options* options, pannier_error* error);
/// Leases live on. NULL is nothing to do.
void pannier_client_free(pannier_client* client);

// ---- Caches ----------------------------------------------------------------------------------------------

/// Flag: set bounds and ages of a cache that is there, instead of PANNIER_CONFLICT.
#define PANNIER_ALTER UINT64_C(1)

typedef struct pannier_cache_settings {
  size_t size;
  const char* tier;    // "lru", "ttl" or "durable"; must be given
  const char* policy;  // "lru" or "fifo"
  uint64_t max_entries;
  uint64_t max_bytes;
  int64_t max_age_ms;  // must be given for tier ttl
  int64_t stale_ms;
  uint64_t reserved_bytes;
  uint64_t flags;
} pannier_cache_settings;

/// PANNIER_NOTHING: it was there with these settings, or was altered. PANNIER_CONFLICT: it is there with
/// others.
pannier_status pannier_open(pannier_client* client, const char* cache, const pannier_cache_settings* settings,
                            pannier_error* error);
/// Removes the cache and what is in it. PANNIER_NOTHING: there was none.
pannier_status pannier_drop(pannier_client* client, const char* cache, pannier_error* error);
/// Removes the entries whose keys begin with `prefix`; `count`, which may be NULL, is how many there were.
pannier_status pannier_clear(pannier_client* client, const char* cache, const void* prefix,
                             size_t prefix_size, uint64_t* count, pannier_error* error);
/// What was acknowledged before is on disk when it returns; of all durable caches if `cache` is NULL.
pannier_status pannier_sync(pannier_client* client, const char* cache, pannier_error* error);

// ---- Entries ---------------------------------------------------------------------------------------------

/// Time until a deadline, in milliseconds from 1 to 2^53; 0: as the cache has it; or this: no deadline.
#define PANNIER_TTL_NONE INT64_C(-1)

/// Flags of a put; of conditions, if_version among them, there is one at most.
#define PANNIER_KEEP_TTL UINT64_C(1)    // keep deadline and stale window of an entry that is there
#define PANNIER_IF_ABSENT UINT64_C(2)   // write only where no entry is
#define PANNIER_IF_PRESENT UINT64_C(4)  // write only where one is
#define PANNIER_SYNC UINT64_C(8)        // answered when the entry is on disk (tier durable alone)

typedef struct pannier_put_options {
  size_t size;
  int64_t ttl_ms;
  int64_t stale_ms;     // how long after its deadline a lease may answer the entry; 0: as the cache has it
  uint64_t if_version;  // write only over this version; 0: over any
  uint64_t lease;       // write only while this is the token of the key's lease; 0: whatever leases there are
  uint64_t flags;
} pannier_put_options;

/// PANNIER_NOTHING: a miss.
pannier_status pannier_get(pannier_client* client, const char* cache, const void* key, size_t key_size,
                           pannier_buffer* value, pannier_error* error);
pannier_status pannier_get_bytes(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 pannier_buffer* value, pannier_error* error);
/// The same with the entry's version, and the time it has left: PANNIER_TTL_NONE if it has no deadline. Both
/// may be NULL.
pannier_status pannier_get_entry(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 pannier_buffer* value, uint64_t* version, int64_t* ttl_ms,
                                 pannier_error* error);

typedef struct pannier_key {
  const void* data;
  size_t size;
} pannier_key;
/// `values` has room for `count`; the data of a miss is NULL.
pannier_status pannier_get_many(pannier_client* client, const char* cache, const pannier_key* keys,
                                size_t count, pannier_buffer* values, pannier_error* error);

/// PANNIER_NOTHING: a condition did not hold or the lease is over, and nothing was written. `options` and
/// `version`, the entry's new one, may be NULL.
pannier_status pannier_put(pannier_client* client, const char* cache, const void* key, size_t key_size,
                           const void* value, size_t value_size, const pannier_put_options* options,
                           uint64_t* version, pannier_error* error);
pannier_status pannier_put_bytes(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 const void* bytes, size_t bytes_size, const pannier_put_options* options,
                                 uint64_t* version, pannier_error* error);
/// PANNIER_NOTHING: there was no entry, or none of version `if_version` (0: of any).
pannier_status pannier_erase(pannier_client* client, const char* cache, const void* key, size_t key_size,
                             uint64_t if_version, pannier_error* error);
/// Uses the entry and sets its deadline anew. PANNIER_NOTHING: there is none.
pannier_status pannier_touch(pannier_client* client, const char* cache, const void* key, size_t key_size,
                             int64_t ttl_ms, pannier_error* error);
/// Adds to an integer, from 0 where there is none, in one step for everybody. `sum` may be NULL.
pannier_status pannier_increment(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 int64_t delta, int64_t* sum, pannier_error* error);
/// Calls `visit` with each key that begins with `prefix`, until it returns false. It may use the client, and
/// must return by return.
pannier_status pannier_each_key(pannier_client* client, const char* cache, const void* prefix,
                                size_t prefix_size,
                                bool (*visit)(const void* key, size_t key_size, void* context), void* context,
                                pannier_error* error);

// ---- Leases ----------------------------------------------------------------------------------------------

/// The right, and the duty, to compute one key while all others who ask for it wait.
typedef struct pannier_lease pannier_lease;

#define PANNIER_NO_WAIT INT64_C(-1)

typedef struct pannier_lease_options {
  size_t size;
  int64_t duration_ms;  // of a lease that is granted; 0: 10000
  int64_t wait_ms;      // while another one computes; 0: as long as the duration
} pannier_lease_options;

/// PANNIER_OK: `value` is set if there is one (stale, if `*stale`), and `*lease` if this caller is to compute
/// it: one of them or both. PANNIER_NOTHING: another one is still computing and the wait is over. `options`
/// and `stale` may be NULL.
pannier_status pannier_lease_get(pannier_client* client, const char* cache, const void* key, size_t key_size,
                                 const pannier_lease_options* options, pannier_buffer* value, bool* stale,
                                 pannier_lease** lease, pannier_error* error);
/// Stores the value and ends the lease. PANNIER_NOTHING: the lease was over, nothing was written. `options`
/// (its `lease` does not count) and `version` may be NULL. The lease is still to be freed.
pannier_status pannier_lease_put(pannier_lease* lease, const void* value, size_t value_size,
                                 const pannier_put_options* options, uint64_t* version, pannier_error* error);
/// Ends the lease without a value unless it was put: the next who waits gets it. NULL is nothing to do.
void pannier_lease_free(pannier_lease* lease);

// ---- Anything else ---------------------------------------------------------------------------------------

/// Any method of the daemon; `params` is one MessagePack array, and so is what comes back one object.
pannier_status pannier_call(pannier_client* client, const char* method, const void* params,
                            size_t params_size, pannier_buffer* result, pannier_error* error);

#ifdef __cplusplus
}
#endif
