/* The C interface: values, a counter, and a lease, by which one process on the host computes for all.
   Usage: from_c   (the socket is $PANNIER_SOCKET, or the default) */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pannier/pannier.h"

static int fail(const char* what, const pannier_error* error) {
  fprintf(stderr, "%s: %s: %s\n", what, pannier_status_name(error->status), error->text);
  return 1;
}

/* The report as text, computed by whoever has the lease. A value is one MessagePack object: here a short str, whose
   first byte is 0xa0 and its length. */
static int print_report(pannier_client* client, pannier_error* error) {
  static const char key[] = "example:c-report";
  pannier_buffer packed = {0};
  pannier_lease* lease = NULL;
  pannier_lease_options options = {.size = sizeof options, .duration_ms = 30000};
  pannier_status status =
      pannier_lease_get(client, "lru", key, strlen(key), &options, &packed, NULL, &lease, error);
  if (status == PANNIER_OK && lease) {
    puts("computing");
    pannier_put_options hour = {.size = sizeof hour, .ttl_ms = 3600 * 1000};
    status = pannier_lease_put(lease, "\xa8" "42 pages", 9, &hour, NULL, error);
  }
  pannier_lease_free(lease);
  pannier_buffer_free(&packed);
  if (status > PANNIER_NOTHING) return fail("the report", error);

  pannier_buffer report = {0};
  status = pannier_get_bytes(client, "lru", key, strlen(key), &report, error);
  if (status > PANNIER_NOTHING) return fail("the report", error);
  printf("report: %s\n", status == PANNIER_OK ? report.data : "none yet");
  pannier_buffer_free(&report);
  return 0;
}

int main(void) {
  pannier_error error = {.size = sizeof error};
  pannier_client* client = pannier_client_new(NULL, &error);
  if (!client) return fail("a client", &error);

  pannier_put_options five_minutes = {.size = sizeof five_minutes, .ttl_ms = 5 * 60 * 1000};
  int result = 0;
  int64_t visits = 0;
  if (pannier_put_bytes(client, "lru", "example:c", 9, "Ada", 3, &five_minutes, NULL, &error) != PANNIER_OK)
    result = fail("a put", &error);
  else if (pannier_increment(client, "lru", "example:c-visits", 16, 1, &visits, &error) != PANNIER_OK)
    result = fail("a counter", &error);
  else
    printf("visits: %" PRId64 "\n", visits);

  if (result == 0) result = print_report(client, &error);
  pannier_client_free(client);
  return result;
}
