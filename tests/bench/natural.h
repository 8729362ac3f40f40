/* SPDX-License-Identifier: Apache-2.0 */
/* Chats of natural texts, some of them under way at a time, with what was said before in each. */
#pragma once

#include "../accuracy/chat.h"

#define NATURAL_PART 64 /* chats: the next message of a conversation comes so many later */
#define NATURAL_MAX_IN_FLIGHT 1024

struct natural {
	unsigned begun, ended;
	unsigned in_flight; /* at most; 1 to NATURAL_MAX_IN_FLIGHT */
};

/* Reads the texts of manpages.py from standard input. Ends the process when there are too few. */
void natural_read_texts(void);
/* One step of one chat. New ones begin as others end, as long as fewer than `last` have begun. */
void natural_step(struct natural *n, unsigned last);
