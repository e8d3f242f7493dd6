/* Answers questions about versions by dpkg's own library, as `dpkg --compare-versions` does: three words between tabs each in, one
 * character each out. */
#define LIBDPKG_VOLATILE_API 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dpkg/dpkg.h>
#include <dpkg/dpkg-db.h>
#include <dpkg/version.h>

/* dpkg warns of some versions, and compares them all the same; it knows of versions that are none, and those who ask here do not. */
static int read_version(struct dpkg_version *version, const char *text)
{
	struct dpkg_error error = DPKG_ERROR_INIT;

	return *text != '\0' && (parseversion(version, text, &error) >= 0 || error.type == DPKG_MSG_WARN);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		struct dpkg_version left, right;
		char *one, *two;
		int order;

		line[strcspn(line, "\n")] = '\0';
		one = strchr(line, '\t') + 1;
		two = strchr(one, '\t');
		*two++ = '\0';
		if (!read_version(&left, one) || !read_version(&right, two)) {
			puts("!");
			continue;
		}
		order = dpkg_version_compare(&left, &right);
		puts(order < 0 ? "<" : order > 0 ? ">" : "=");
	}
	free(line);
	return 0;
}
