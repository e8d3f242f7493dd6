/* A server that is never the limit: it gives each complete request on a kept connection to `answer`, which writes the whole
   HTTP answer into a room and returns its length. */
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
#define ANSWER_ROOM 4096

typedef int (*answering)(const char *request, int length, char *room);

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

/* Serve 127.0.0.1 for ever; return where the port cannot be had. */
static int serve(int port, answering answer) {
  char room[ANSWER_ROOM];
  int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
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
        int length = answer(client->data, taken, room);
        if (write(file, room, length) != length) close(file);
        client->length -= taken;
        memmove(client->data, client->data + taken, client->length);
      }
    }
  }
}
