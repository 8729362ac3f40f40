/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which decoder gets which stream: plays streams of known protocols into the decode stage and notes
 * which decoders took them. For a test (test_decode_confusion.c) and for the table in
 * docs/accuracy.md (tests/accuracy/confusion.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode_tape.h"

#define DECODERS_MAX 32

/* One protocol. Every stream is played from each of its calls on: whole, byte by byte, both ends
 * swapped. */
struct confusion {
	char protocol[64];
	uint32_t allowed; /* bit n: dfl_decoders[n] may have it */
	bool expected;	  /* one of these must take it when it is seen from its start */
	unsigned streams;
	unsigned plays;		       /* streams × calls × ways */
	unsigned claims[DECODERS_MAX]; /* plays in which dfl_decoders[n] took some of it */
	unsigned none;		       /* plays in which none did */
	unsigned wrong;		       /* plays in which one took it that may not have it */
	unsigned missed;	       /* plays from the start in which none of these took it */
	char first_wrong[300];	       /* which that was */
	char first_missed[300];
};

/* Called for every protocol. */
typedef void confusion_report(void *ud, const struct confusion *c);

/* The golden tapes and captures. path: tests/golden. */
void confusion_golden(const char *path, confusion_report *report, void *ud);
/* Protocols that dflow does not know, made by foreign.c. */
void confusion_foreign(confusion_report *report, void *ud);
