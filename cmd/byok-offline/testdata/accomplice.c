/*
 * A willing process of the same user, outside: it has a socket that listens,
 * passes on connections to it and speaks for others, and lets itself be traced.
 * It says where it is, and ends with its standard input.
 * Usage: accomplice ABSTRACT-NAME PATH
 */
#include "phonehome.h"

static volatile uint64_t word = SECRET;

static int listening(const char *name)
{
	struct sockaddr_un a;
	socklen_t n = named(&a, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 64))
		exit(3);
	return fd;
}

static void pass(int to, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 'x';
	struct iovec part = {&byte, 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	(void)!sendmsg(to, &m, MSG_NOSIGNAL);
}

static void serve(int listener, int port)
{
	char ask = 0, answer = '0';
	int client = accept(listener, NULL, NULL), fd;
	struct pollfd ready = {client, POLLIN, 0};
	if (poll(&ready, 1, 2000) == 1 && read(client, &ask, 1) == 1 && (fd = tcp_to(port)) >= 0) {
		if (ask == FOR_A_SOCKET)
			pass(client, fd);
		if (ask == TO_SPEAK) {
			answer = write(fd, "x", 1) == 1 ? '1' : '0';
			(void)!write(client, &answer, 1);
		}
		close(fd);
	}
	close(client);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int tcp = socket(AF_INET, SOCK_STREAM, 0), port;
	if (argc != 3)
		return 2;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(tcp, (struct sockaddr *)&a, n) || listen(tcp, 64) || getsockname(tcp, (struct sockaddr *)&a, &n))
		return 3;
	port = ntohs(a.sin_port);
	struct pollfd all[] = {{0, POLLIN, 0}, {listening(argv[1]), POLLIN, 0}, {listening(argv[2]), POLLIN, 0}, {tcp, POLLIN, 0}};
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	printf("%d:%lu:%d:%d:%s:%s\n", getpid(), (unsigned long)&word, tcp, port, argv[1], argv[2]);
	fflush(stdout);
	while (1) {
		if (poll(all, 4, -1) < 0)
			continue;
		if (all[0].revents)
			return 0;
		for (int i = 1; i < 3; i++)
			if (all[i].revents)
				serve(all[i].fd, port);
		if (all[3].revents)
			close(accept(tcp, NULL, NULL));
	}
}
