/* An MCP server of revision 2026-07-28 with two tools, `search` that only reads and `note` that does not say so; every call has
   the same result. It looks for the method and the id where JSON without blanks has them.

   cc -O2 -o mcp_upstream mcp_upstream.c && ./mcp_upstream PORT */
#include "answering.h"

#define META "\"resultType\":\"complete\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"raw\",\"version\":\"1\"}}"
#define KEEP "\"ttlMs\":600000,\"cacheScope\":\"public\","
#define SCHEMA \
  "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"index\":{\"type\":\"string\"},\"query\":{\"type\":\"string\"}," \
  "\"limit\":{\"type\":\"integer\"}},\"required\":[\"index\",\"query\"]}"

static const char DISCOVER[] = "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}," KEEP META "}";
static const char LIST[] =
    "{\"tools\":[{\"name\":\"search\",\"description\":\"Finds documents.\"," SCHEMA ",\"annotations\":{\"readOnlyHint\":true}},"
    "{\"name\":\"note\",\"description\":\"Keeps a document.\"," SCHEMA "}]," KEEP META "}";
static const char CALL[] =
    "{\"content\":[{\"type\":\"text\",\"text\":\"Three documents were found, and this is the text of ordinary length that says so, "
    "with some words about each of them, as a tool gives to a model that has asked a short question.\"}],\"isError\":false,"
    "\"structuredContent\":{\"found\":3,\"documents\":[\"a/1\",\"b/2\",\"c/3\"]}," META "}";

static int is(const char *body, int length, const char *method) {
  return memmem(body, length, method, strlen(method)) != NULL;
}

static int answer(const char *request, int length, char *room) {
  const char *body = (const char *)memmem(request, length, "\r\n\r\n", 4) + 4;
  int rest = request + length - body, digits = 0;
  const char *id = memmem(body, rest, "\"id\":", 5);
  if (id == NULL) return sprintf(room, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  id += 5;
  while (id + digits < request + length && id[digits] != ',' && id[digits] != '}') digits++;
  const char *result = is(body, rest, "\"method\":\"tools/call\"")        ? CALL
                       : is(body, rest, "\"method\":\"tools/list\"")      ? LIST
                       : is(body, rest, "\"method\":\"server/discover\"") ? DISCOVER
                                                                            : NULL;
  const char *name = result ? "result" : "error", *status = result ? "200 OK" : "404 Not Found";
  if (result == NULL) result = "{\"code\":-32601,\"message\":\"not offered\"}";
  int size = 27 + digits + strlen(name) + strlen(result);
  return sprintf(
      room, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"%s\":%s}",
      status, size, digits, id, name, result
  );
}

int main(int count, char **words) { return count == 2 ? serve(atoi(words[1]), answer) : 2; }
