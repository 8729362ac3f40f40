/* SPDX-License-Identifier: Apache-2.0 */
/* Completion in the shell: what may stand at the cursor. */
#pragma once

/*
 * Prints one candidate a line for the last of the words (what is typed so far, "" at its
 * beginning); the others stand before it on the command line, without "dflow". A tab and a short
 * explanation may follow a candidate. Instead of candidates a line ":files", ":folders" or
 * ":commands" asks the shell to complete those itself.
 *
 * bash gives "--color=al" as three words (COMP_WORDBREAKS); then a candidate is what follows the
 * "=". Other shells give one word; then it is all of it.
 */
void print_candidates(int n_words, char **words);
