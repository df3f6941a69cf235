/* Sockets as the libraries of HSMs open them: to a network, by USB (libusb listens on AF_NETLINK), to a daemon. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

static const struct {
	const char *name;
	int family;
} families[] = { { "inet", AF_INET }, { "inet6", AF_INET6 }, { "netlink", AF_NETLINK }, { "unix", AF_UNIX } };

static int refused_family(int family)
{
	int s = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s >= 0)
		close(s);
	return s < 0 && errno == EACCES;
}

/* refused_message is about the call by which another process hands over a socket. */
static int refused_message(void)
{
	struct msghdr none = { 0 };
	return recvmsg(-1, &none, 0) < 0 && errno == EPERM;
}

int refused_socket(const char *list)
{
	if (!list)
		return 1; /* nothing depends on it */
	if (strstr(list, "recvmsg") && refused_message())
		return 1;
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
			size_t n = strlen(families[i].name);
			if (!strncmp(at, families[i].name, n) && (at[n] == ',' || !at[n]) && refused_family(families[i].family))
				return 1;
		}
	}
	return 0;
}
