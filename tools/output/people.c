// SPDX-License-Identifier: Apache-2.0
/* -o table and -o wide: for people, in the words of each command. */
#include "output/format.h"

static int show(const struct printer *p, const void *item)
{
	return p->kind->show(item, !p->n, false);
}

static int show_wide(const struct printer *p, const void *item)
{
	return p->kind->show(item, !p->n, true);
}

const struct format format_table = { .name = "table", .for_people = true, .item = show };
const struct format format_wide = {
	.name = "wide",
	.for_people = true,
	.wide = true,
	.item = show_wide,
};
