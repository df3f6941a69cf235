/*
 * A hostile PKCS#11 library. It tries everything that would take it out of its
 * confinement, and writes "name <tab> errno" of each to BYOK_PHONE_OUT: 0 for
 * what has worked, to its end. It is told
 *
 * BYOK_PHONE_FROM=constructor, initialize, thread, fork, exec, handler
 * BYOK_PHONE_EXEC=FILE     this source as a program (-DPROGRAM), for exec
 * BYOK_PHONE_ACCOMPLICE=   what the accomplice says of itself
 * BYOK_PHONE_SUPERVISOR=   the process above, if not the parent
 * BYOK_PHONE_DIR=          a folder for files
 */
#include "phonehome.h"
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>

#ifndef PTRACE_SEIZE
#define PTRACE_SEIZE 0x4206
#define PTRACE_INTERRUPT 0x4207
#endif

static int accomplice, victim_socket, port, supervisor, out;
static unsigned long address;
static char abstract[64], path[108];

static const char *told(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

static void report(const char *name, int error)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%s\t%d\n", name, error);
	(void)!write(out, line, n);
}

/* result is what a call that answers -1 came to. */
static int result(long answer) { return answer < 0 ? errno : 0; }

static int closed(int fd)
{
	int error = result(fd);
	if (fd >= 0)
		close(fd);
	return error;
}

static int any_socket(int family)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM};
	int error = 0;
	for (int i = 0; i < 5; i++)
		if (!(error = closed(socket(family, types[i], 0))))
			return 0;
	return error;
}

static int pair(int family)
{
	int fds[2];
	return result(socketpair(family, SOCK_STREAM, 0, fds));
}

static void sockets(void)
{
	char name[32];
	for (int family = 0; family < 64; family++) {
		if (family == AF_UNIX)
			continue;
		snprintf(name, sizeof name, "socket of family %d", family);
		report(name, any_socket(family));
		snprintf(name, sizeof name, "socketpair of family %d", family);
		report(name, pair(family));
	}
}

static int dial(const char *name, char ask)
{
	struct sockaddr_un a;
	socklen_t n = named(&a, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), error;
	if (connect(fd, (struct sockaddr *)&a, n)) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	(void)!write(fd, &ask, 1);
	return fd;
}

/* received takes a socket that the accomplice passes, and speaks through it. */
static int received(const char *name, int by_many)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec part = {&byte, 1};
	struct mmsghdr m = {.msg_hdr = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}};
	int fd = dial(name, FOR_A_SOCKET), error, got = -1;
	if (fd < 0)
		return errno;
	error = result(by_many ? recvmmsg(fd, &m, 1, 0, NULL) : recvmsg(fd, &m.msg_hdr, 0));
	close(fd);
	if (error)
		return error;
	if (!CMSG_FIRSTHDR(&m.msg_hdr))
		return ENOMSG;
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m.msg_hdr)), sizeof got);
	error = result(write(got, "x", 1));
	close(got);
	return error;
}

static int asked(const char *name)
{
	char answer = 0;
	int fd = dial(name, TO_SPEAK);
	if (fd < 0)
		return errno;
	(void)!read(fd, &answer, 1);
	close(fd);
	return answer == '1' ? 0 : ENOMSG;
}

static int taken(void)
{
	int process = syscall(SYS_pidfd_open, accomplice, 0), fd, error;
	if (process < 0)
		return errno;
	error = result(fd = syscall(SYS_pidfd_getfd, process, victim_socket, 0));
	close(process);
	if (!error)
		close(fd);
	return error;
}

static int traced(int request)
{
	int error = result(ptrace(request, accomplice, 0, 0));
	if (error)
		return error;
	if (request == PTRACE_SEIZE)
		ptrace(PTRACE_INTERRUPT, accomplice, 0, 0);
	waitpid(accomplice, NULL, __WALL);
	ptrace(PTRACE_DETACH, accomplice, 0, 0);
	return 0;
}

static int memory(int writing)
{
	uint64_t word = writing ? SECRET : 0;
	struct iovec here = {&word, sizeof word}, there = {(void *)address, sizeof word};
	int error = result(writing ? process_vm_writev(accomplice, &here, 1, &there, 1, 0)
				   : process_vm_readv(accomplice, &here, 1, &there, 1, 0));
	return error ? error : word == SECRET ? 0 : ENOMSG;
}

static int file_of(int pid, const char *name, int flags, int at_address)
{
	char file[64];
	uint64_t word = SECRET;
	int fd, error;
	snprintf(file, sizeof file, "/proc/%d/%s", pid, name);
	fd = open(file, flags);
	if (fd < 0)
		return errno;
	error = !at_address ? 0 : result(flags == O_WRONLY ? pwrite(fd, &word, 8, address) : pread(fd, &word, 8, address));
	close(fd);
	return error ? error : word == SECRET ? 0 : ENOMSG;
}

/* threads tries each thread of a process, and answers with the best that came of it. */
static int threads(int pid, int signal)
{
	char folder[64], file[96];
	struct dirent *entry;
	int error = ENOENT, one, fd;
	DIR *tasks;
	snprintf(folder, sizeof folder, "/proc/%d/task", pid);
	if (!(tasks = opendir(folder)))
		return errno;
	while ((entry = readdir(tasks)) && error) {
		if (*entry->d_name == '.')
			continue;
		snprintf(file, sizeof file, "%.60s/%.20s/mem", folder, entry->d_name);
		one = signal ? result(syscall(SYS_tgkill, pid, atoi(entry->d_name), 0))
			     : (fd = open(file, O_RDWR)) < 0 ? errno : (close(fd), 0);
		if (one != ENOENT && one != ESRCH)
			error = one;
	}
	closedir(tasks);
	return error;
}

static int by_pidfd(int pid)
{
	int process = syscall(SYS_pidfd_open, pid, 0), error;
	if (process < 0)
		return errno;
	error = result(syscall(SYS_pidfd_send_signal, process, 0, NULL, 0));
	close(process);
	return error;
}

static int ring(void)
{
	char parameters[256] = {0};
	return closed(syscall(SYS_io_uring_setup, 4, parameters));
}

static int key(void)
{
	if (syscall(SYS_add_key, "user", "byok-phonehome", "x", 1, -2) < 0)
		return errno;
	return result(syscall(SYS_request_key, "user", "byok-phonehome", NULL, 0));
}

/* in_child runs work in a child, which it may end. */
static int in_child(int (*work)(void))
{
	int status, child = fork();
	if (child < 0)
		return errno;
	if (!child)
		_exit(work());
	if (waitpid(child, &status, 0) < 0)
		return errno;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int typed(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, error;
	char byte = 0;
	struct termios raw;
	if (master < 0 || grantpt(master) || unlockpt(master))
		return errno;
	setsid();
	slave = open(ptsname(master), O_RDWR);
	if (slave < 0)
		return errno;
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	error = result(ioctl(slave, TIOCSTI, "x"));
	if (!error && (read(slave, &byte, 1) != 1 || byte != 'x'))
		error = ENOMSG;
	return error;
}

static int mounted(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return errno;
	return result(mount("tmpfs", told("BYOK_PHONE_DIR"), "tmpfs", 0, NULL));
}

#ifdef __x86_64__
static int foreign(void) /* getpid by the 32-bit table */
{
	int answer;
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return answer == getpid() ? 0 : ENOSYS;
}

static int x32(void) { return closed(syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0)); }
#endif

static char place[256];

static const char *in_folder(const char *name)
{
	snprintf(place, sizeof place, "%.200s/%s-%d", told("BYOK_PHONE_DIR"), name, getpid());
	return place;
}

static int appended(void)
{
	int fd = open(in_folder("profile"), O_WRONLY | O_APPEND | O_CREAT, 0600);
	return fd < 0 ? errno : (close(fd), 0);
}

static void attack(void)
{
	char where[64];
	if (sscanf(told("BYOK_PHONE_ACCOMPLICE"), "%d:%lu:%d:%d:%63[^:]:%107[^:\n]", &accomplice, &address,
		   &victim_socket, &port, abstract, path) != 6)
		return;
	supervisor = atoi(told("BYOK_PHONE_SUPERVISOR"));
	if ((out = open(told("BYOK_PHONE_OUT"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return;
	sockets();
	report("a socket passed by an abstract socket, recvmsg", received(abstract, 0));
	report("a socket passed by an abstract socket, recvmmsg", received(abstract, 1));
	report("a socket passed by a socket with a path, recvmsg", received(path, 0));
	report("a socket passed by a socket with a path, recvmmsg", received(path, 1));
	report("asking a willing process by an abstract socket", asked(abstract));
	report("another process's socket, pidfd_getfd", taken());
	report("ptrace, attach", traced(PTRACE_ATTACH));
	report("ptrace, seize", traced(PTRACE_SEIZE));
	report("another process's memory, process_vm_readv", memory(0));
	report("another process's memory, process_vm_writev", memory(1));
	report("another process's memory, /proc/PID/mem read", file_of(accomplice, "mem", O_RDONLY, 1));
	report("another process's memory, /proc/PID/mem written", file_of(accomplice, "mem", O_WRONLY, 1));
	report("another process's environment, /proc/PID/environ", file_of(accomplice, "environ", O_RDONLY, 0));
	report("another process signalled, kill", result(kill(accomplice, 0)));
	report("another process signalled, pidfd_send_signal", by_pidfd(accomplice));
	report("the supervisor's memory, /proc/PID/mem", file_of(supervisor, "mem", O_RDWR, 0));
	report("the supervisor's memory, /proc/PID/task/TID/mem", threads(supervisor, 0));
	report("the supervisor signalled, kill", result(kill(supervisor, 0)));
	report("the supervisor signalled, tgkill", threads(supervisor, 1));
	report("the supervisor signalled, pidfd_send_signal", by_pidfd(supervisor));
	report("prctl PR_SET_DUMPABLE", result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)));
	report("io_uring", ring());
	report("request_key", key());
	report("typing for the shell, ioctl TIOCSTI", in_child(typed));
	report("a mount", in_child(mounted));
	report("a FIFO", result(mkfifo(in_folder("fifo"), 0600)));
	report("a device", result(mknod(in_folder("null"), S_IFCHR | 0600, makedev(1, 3))));
#ifdef __x86_64__
	report("a call of the x32 table", x32());
	report("a call of the 32-bit table", in_child(foreign));
#endif
	report("beyond: asking a willing process by a socket with a path", asked(path));
	report("beyond: writing a file of the user's", appended());
	snprintf(where, sizeof where, "ended as %d", (int)geteuid());
	report(where, 0);
	close(out);
}

static void begin(void)
{
	char parent[16];
	if (!*told("BYOK_PHONE_SUPERVISOR")) {
		snprintf(parent, sizeof parent, "%d", getppid());
		setenv("BYOK_PHONE_SUPERVISOR", parent, 1);
	}
}

#ifdef PROGRAM

int main(void)
{
	begin();
	attack();
	return 0;
}

#else

static void *in_thread(void *unused)
{
	attack();
	return unused;
}

static void in_handler(int unused)
{
	(void)unused;
	attack();
}

static int from(const char *name) { return !strcmp(told("BYOK_PHONE_FROM"), name); }

__attribute__((constructor)) static void constructed(void)
{
	begin();
	if (!from("constructor") || *told("BYOK_PHONE_DONE"))
		return;
	setenv("BYOK_PHONE_DONE", "1", 1); /* a library is loaded more than once */
	attack();
}

static unsigned long initialize(void *unused)
{
	pthread_t thread;
	(void)unused;
	if (from("initialize"))
		attack();
	if (from("thread") && !pthread_create(&thread, NULL, in_thread, NULL))
		pthread_join(thread, NULL);
	if (from("handler")) {
		struct sigaction act = {.sa_handler = in_handler, .sa_flags = SA_ONSTACK};
		sigaction(SIGUSR1, &act, NULL);
		raise(SIGUSR1);
	}
	if (from("fork") || from("exec")) {
		int child = fork();
		if (!child) {
			if (from("fork"))
				attack();
			else
				execl(told("BYOK_PHONE_EXEC"), "phonehome", (char *)NULL);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	return 5; /* CKR_GENERAL_ERROR */
}

static unsigned long unsupported(void)
{
	return 0x54; /* CKR_FUNCTION_NOT_SUPPORTED */
}

/* CK_FUNCTION_LIST: a version, and 68 functions, of which C_Initialize is the first. */
static struct {
	unsigned char version[2];
	void *functions[68];
} list = {{2, 40}, {initialize, [1 ... 67] = unsupported}};

unsigned long C_GetFunctionList(void **functions)
{
	*functions = &list;
	return 0;
}

#endif
