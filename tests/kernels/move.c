// SPDX-License-Identifier: Apache-2.0
/* Inside the booted kernel: moves known bytes over TCP, a pipe and a file. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char bytes[100000];

static void check(int ok)
{
	if (!ok)
		exit(1);
}

static void read_all(int fd, size_t n)
{
	while (n) {
		ssize_t r = read(fd, bytes, n < 5000 ? n : 5000);

		check(r > 0);
		n -= r;
	}
}

static void over_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), d;
	struct iovec v[1000];
	socklen_t len = sizeof(a);

	check(!bind(s, (void *)&a, len) && !listen(s, 1) && !getsockname(s, (void *)&a, &len));
	check(!connect(c, (void *)&a, len));
	d = accept(s, NULL, NULL);
	for (int i = 0; i < 1000; i++)
		v[i] = (struct iovec){ bytes + i * 7, 7 };
	check(writev(c, v, 1000) == 7000);
	read_all(d, 7000);
	check(send(d, bytes, 70000, 0) == 70000);
	read_all(c, 70000);
	close(c);
	close(d);
}

int main(void)
{
	int p[2], f;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 'a' + i * 7 % 26;
	over_tcp();
	check(!pipe(p) && write(p[1], bytes, 3000) == 3000);
	read_all(p[0], 3000);
	f = open("/tmp/file", O_CREAT | O_RDWR | O_APPEND, 0600);
	check(f >= 0 && write(f, bytes, 2000) == 2000);
	return 0;
}
