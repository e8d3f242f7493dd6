/* A model provider that is never the limit: answers each complete request on a kept connection with the same chat completion.

   cc -O2 -o upstream upstream.c && ./upstream PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 4096
#define ROOM (1 << 18)

static const char ANSWER[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
    "{\"role\":\"assistant\",\"content\":\"An answer of ordinary length, so that the whole of it, with everything that stands around "
    "it, comes to some five hundred bytes, as answers of this kind do when somebody asks a short question and is content with a "
    "short reply.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":40,\"completion_tokens\":60,\"total_tokens\":100}}";

struct client {
  char *data;
  int length;
};

static struct client clients[CONNECTIONS];

/* Length of the first request in the buffer, or 0 while it is not complete. */
static int complete(const struct client *client) {
  char *end = memmem(client->data, client->length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  int head = end - client->data + 4, body = 0;
  *end = 0;
  char *field = strcasestr(client->data, "\r\ncontent-length:");
  if (field != NULL) body = atoi(field + 17);
  *end = '\r';
  return client->length >= head + body ? head + body : 0;
}

int main(int count, char **words) {
  if (count != 2) return 2;
  char answer[2048];
  int length = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(ANSWER), ANSWER);
  int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listening, (struct sockaddr *)&address, sizeof address) || listen(listening, 1024)) return 1;
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, events[256];
  epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
  for (;;) {
    int ready = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int file = events[i].data.fd;
      if (file == listening) {
        int accepted = accept(listening, NULL, NULL);
        if (accepted < 0) continue;
        if (accepted >= CONNECTIONS) {
          close(accepted);
          continue;
        }
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (clients[accepted].data == NULL) clients[accepted].data = malloc(ROOM + 1);
        clients[accepted].length = 0;
        event = (struct epoll_event){.events = EPOLLIN, .data.fd = accepted};
        epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event);
        continue;
      }
      struct client *client = &clients[file];
      int got = read(file, client->data + client->length, ROOM - client->length);
      if (got <= 0) {
        close(file);
        continue;
      }
      client->length += got;
      for (int taken; (taken = complete(client)) > 0;) {
        if (write(file, answer, length) != length) close(file);
        client->length -= taken;
        memmove(client->data, client->data + taken, client->length);
      }
    }
  }
}
