/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was open before the live source came. A channel that is in here did not begin under our
 * eyes: its first bytes and the side that connected are not known from system calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dfl_preexisting;

/* Makes an empty set. Returns 0 or -ENOMEM. */
int dfl_preexisting_new(struct dfl_preexisting **ret_set);
/*
 * Adds the sockets and pipes that the process has open, and the TCP ports on which anybody listens
 * in its network namespace. A process that is gone adds nothing. Returns 0 or -ENOMEM.
 */
int dfl_preexisting_add(struct dfl_preexisting *set, uint32_t pid);
/* Was this inode of a socket or pipe open? */
bool dfl_preexisting_has(const struct dfl_preexisting *set, uint64_t ino);
/* Did anybody in this network namespace (its inode) listen on this TCP port? */
bool dfl_preexisting_listens(const struct dfl_preexisting *set, uint64_t netns, uint16_t port);
/* Takes NULL. */
void dfl_preexisting_free(struct dfl_preexisting *set);
