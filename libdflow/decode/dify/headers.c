// SPDX-License-Identifier: Apache-2.0
/* HTTP headers that only Dify uses. */
#include "decode/dify/headers.h"

#include <stddef.h>
#include <string.h>

static const char *const secret_headers[] = {
	"x-inner-api-key", /* between the API and the plugin daemon */
	"x-app-passport",  /* of a visitor of a web app */
};

bool dfl_headers_is_secret(const char *name)
{
	for (size_t i = 0; i < sizeof(secret_headers) / sizeof(secret_headers[0]); i++)
		if (!strcmp(name, secret_headers[i]))
			return true;
	return false;
}
