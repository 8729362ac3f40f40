/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that may be shown: names come from traced processes and their requests, so whoever wrote
 * them could try to steer the terminal or the page of the person who reads them.
 *
 * Not printable are: C0 and DEL (ECMA-48; escape sequences begin with them), C1 (U+0080 to U+009F:
 * U+009B is a CSI in one character), line and paragraph separators, the characters that Unicode
 * lists as Bidi_Control (UAX 9; they show "exe.txt" for "txt.exe"), and bytes that are no UTF-8
 * (RFC 3629).
 */
#pragma once

#include <stdbool.h>

/* Is every character of the text printable? */
bool dfl_is_printable(const char *text);

/* Replaces each character or byte that is not printable by '?', in place. The text may shrink. */
void dfl_printable(char *text);
