// SPDX-License-Identifier: Apache-2.0
/* Ctrl-C (SIGINT) and SIGTERM while a command waits or follows: it ends cleanly. */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* A pipe to itself: a signal handler may write to it, and poll() sees it. */
static int pipe_fd[2] = { -1, -1 };
static volatile sig_atomic_t came; /* the signal; 0: none */

static void on_signal(int signal)
{
	int saved = errno;

	came = signal;
	if (write(pipe_fd[1], "", 1) < 0)
		came = signal; /* the pipe is full: it is readable already */
	errno = saved;
}

void watch_interrupt(void)
{
	/* Without SA_RESTART, so that poll() returns. A second Ctrl-C ends the process at once. */
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };

	if (pipe_fd[0] >= 0 || pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK))
		return;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
	return came;
}

int interrupt_fd(void)
{
	return pipe_fd[0];
}

bool sleep_or_interrupt(int ms)
{
	poll(&(struct pollfd){ pipe_fd[0], POLLIN }, 1, ms);
	return came;
}

void die_of_interrupt(void)
{
	if (!came)
		return;
	signal(came, SIG_DFL);
	raise(came);
}
