// SPDX-License-Identifier: Apache-2.0
/* Standard output: write errors are never lost, and long output goes through a pager. */
#include "cli/standard_output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/complain.h"

#define DEFAULT_PAGER "less"
/* less -F: none if all fits on the screen; -R: colours; -X: the text stays on the terminal. */
#define LESS_OPTIONS "FRX"
#define CANNOT_RUN 126 /* the shell's status for a program that it cannot start; 127: not found */

static pid_t pager; /* 0: none */
static int error;   /* errno of the first failed write; 0: none */

/* stdio forgets the errno of a failed write, and goes on. This keeps it. */
static ssize_t write_all(void *cookie, const char *buffer, size_t size)
{
	size_t done = 0;

	while (done < size && !error) {
		ssize_t n = write(STDOUT_FILENO, buffer + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			error = errno;
	}
	return (ssize_t)done; /* fopencookie(3): fewer than `size` is an error */
}

/*
 * Puts write_all() under stdout. If memory is short, stdout stays as it is: then only the errno of
 * a failed write is lost, not the failure.
 */
static void keep_errors(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_all });

	if (!f)
		return;
	setvbuf(f, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
	stdout = f;
}

void guard_standard_output(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Standard output is opened for reading, so that a write fails. */
		int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", flags) != fd) /* the lowest free number */
			_exit(STATUS_ENVIRONMENT);
	}
	keep_errors();
}

/* As execvp(3) would find it. */
static bool is_in_path(const char *name)
{
	char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), *rest = path, *folder;
	char file[4096];
	bool found = false;

	while (!found && (folder = strsep(&rest, ":"))) {
		snprintf(file, sizeof(file), "%s/%s", *folder ? folder : ".", name);
		found = !access(file, X_OK);
	}
	free(path);
	return found;
}

/* NULL: none is to be used. */
static const char *pager_command(void)
{
	const char *command = getenv("PAGER");

	if (settings.no_pager || !isatty(STDOUT_FILENO))
		return NULL;
	if (!command) /* on a dumb terminal less asks before it shows anything */
		return !is_dumb_terminal() && is_in_path(DEFAULT_PAGER) ? DEFAULT_PAGER : NULL;
	return *command && strcmp(command, "cat") ? command : NULL;
}

/* In the child. The shell splits the command, as man(1) and git(1) have it done. */
static void become_pager(const char *command, const int pipe_fd[2])
{
	dup2(pipe_fd[0], STDIN_FILENO);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	setenv("LESS", LESS_OPTIONS, false);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(CANNOT_RUN);
}

void start_pager(void)
{
	const char *command = pager_command();
	int fd[2];

	if (!command || pager)
		return;
	page_columns(); /* the terminal is asked for its width while it is there */
	if (pipe(fd))
		return;
	pager = fork();
	if (!pager)
		become_pager(command, fd);
	if (pager > 0)
		dup2(fd[1], STDOUT_FILENO);
	else
		pager = 0;
	close(fd[0]);
	close(fd[1]);
	if (!pager)
		return;
	/*
	 * Ctrl-C is for the pager, which is to end first: else the terminal is left in its state.
	 *
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

int flush_output(void)
{
	if (fflush(stdout) && !error)
		error = errno;
	if (ferror(stdout) && !error)
		error = EIO; /* only without write_all() */
	return error ? STATUS_STORE : STATUS_OK;
}

/* Returns the status of the pager. */
static int wait_for_pager(void)
{
	int status = 0;

	close(STDOUT_FILENO); /* it sees the end of its input */
	while (waitpid(pager, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

int finish_output(int status)
{
	int r = flush_output();

	if (pager) {
		int pager_status = wait_for_pager();

		if (pager_status == CANNOT_RUN || pager_status == CANNOT_RUN + 1)
			return complain(STATUS_STORE,
					"cannot run the pager '%s'; --no-pager prints without one",
					getenv("PAGER") ? getenv("PAGER") : DEFAULT_PAGER);
		if (error == EPIPE)
			return status;
	}
	if (r && error != EPIPE)
		return complain(STATUS_STORE, "cannot write to standard output: %s",
				strerror(error));
	return r ? r : status;
}
