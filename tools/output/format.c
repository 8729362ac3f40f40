// SPDX-License-Identifier: Apache-2.0
/* Output formats: choosing one, and printing items in it. */
#include "output/format.h"

#include <string.h>

#include "cli/common.h"
#include "cli/standard_output.h"
#include "cli/status.h"

#define ROW(name) &format_##name,
static const struct format *const formats[] = { FORMATS(ROW) };
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

/* For completion, suggestions and --help. */
static const char *const *format_words(void)
{
	static const char *words[N_FORMATS + 1];

	for (size_t i = 0; i < N_FORMATS; i++)
		words[i] = formats[i]->name;
	return words;
}

static int take_format(const struct value_type *type, const char *text, void *into)
{
	if (!strcmp(text, "text")) /* what the table was called in dflow 0.1 */
		text = format_table.name;
	for (size_t i = 0; i < N_FORMATS; i++)
		if (!strcmp(text, formats[i]->name)) {
			*(const struct format **)into = formats[i];
			return 0;
		}
	return -1;
}

const struct value_type value_format = { NULL, take_format, COMPLETE_WORDS, format_words };

/* -o, else the first row of FORMATS. */
static const struct format *chosen(void)
{
	return settings.format ? settings.format : formats[0];
}

int print_begin(struct printer *p, const struct kind *kind, bool endless)
{
	*p = (struct printer){ .kind = kind, .endless = endless };
	if (!endless)
		start_pager();
	if (chosen()->wide)
		set_page_unlimited();
	return chosen()->begin ? chosen()->begin(p) : STATUS_OK;
}

int print_item(struct printer *p, const void *item)
{
	int status = chosen()->item(p, item);

	p->n++;
	return status || !p->endless ? status : flush_output();
}

int print_end(struct printer *p)
{
	return chosen()->end ? chosen()->end(p) : STATUS_OK;
}

bool is_for_people(void)
{
	return chosen()->for_people;
}

bool prints_more(const struct printer *p)
{
	return chosen()->has_more && p->kind->list && !p->endless;
}
