// SPDX-License-Identifier: Apache-2.0
/*
 * Prints which decoder takes which protocol, as a table for docs/accuracy.md: per cent of the plays
 * of a stream. Usage: confusion [tests/golden]. Exit status 1 when a stream went to a wrong
 * decoder.
 */
#include <stdio.h>

#include "confusion.h"
#include "decode/decoders.h"

static void print_row(void *ud, const struct confusion *c)
{
	unsigned *wrong = ud;

	printf("| %s | %u | %u |", c->protocol, c->streams, c->plays);
	for (int i = 0; dfl_decoders[i]; i++)
		if (c->claims[i])
			printf(" %.4g%s |", 100.0 * c->claims[i] / c->plays,
			       c->allowed >> i & 1 ? "" : " **wrong**");
		else
			printf(" |");
	printf(" %.4g |\n", c->plays ? 100.0 * c->none / c->plays : 0);
	*wrong += c->wrong;
	if (c->wrong)
		fprintf(stderr, "%s\n", c->first_wrong);
}

int main(int argc, char **argv)
{
	unsigned wrong = 0;

	printf("| protocol | streams | plays |");
	for (int i = 0; dfl_decoders[i]; i++)
		printf(" %s |", dfl_decoders[i]->name);
	printf(" none |\n|---|---|---|");
	for (int i = 0; dfl_decoders[i]; i++)
		printf("---|");
	printf("---|\n");
	confusion_golden(argc > 1 ? argv[1] : "tests/golden", print_row, &wrong);
	confusion_foreign(print_row, &wrong);
	return wrong != 0;
}
