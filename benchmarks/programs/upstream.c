/* A model provider: answers every request with the same chat completion.

   cc -O2 -o upstream upstream.c && ./upstream PORT */
#include "answering.h"

static const char ANSWER[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
    "{\"role\":\"assistant\",\"content\":\"An answer of ordinary length, so that the whole of it, with everything that stands around "
    "it, comes to some five hundred bytes, as answers of this kind do when somebody asks a short question and is content with a "
    "short reply.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":40,\"completion_tokens\":60,\"total_tokens\":100}}";

static char whole[ANSWER_ROOM];
static int size;

static int answer(const char *request, int length, char *room) {
  (void)request, (void)length;
  memcpy(room, whole, size);
  return size;
}

int main(int count, char **words) {
  if (count != 2) return 2;
  size = sprintf(whole, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(ANSWER), ANSWER);
  return serve(atoi(words[1]), answer);
}
