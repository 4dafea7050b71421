/* Stores a value and reads it back, over the socket in $PANNIER_SOCKET. Exit code 0: they agree. */
#include <pannier/pannier.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  pannier_error error = {.size = sizeof error};
  pannier_client* client = pannier_client_new(NULL, &error);
  pannier_buffer value = {0};
  const bool agree = client &&
                     pannier_put_bytes(client, "lru", "c", 1, "Ada", 3, NULL, NULL, &error) == PANNIER_OK &&
                     pannier_get_bytes(client, "lru", "c", 1, &value, &error) == PANNIER_OK &&
                     strcmp(value.data, "Ada") == 0;
  puts(agree ? "C agrees" : error.text);
  pannier_buffer_free(&value);
  pannier_client_free(client);
  return agree ? 0 : 1;
}
