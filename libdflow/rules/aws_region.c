// SPDX-License-Identifier: Apache-2.0
/* The AWS region that an endpoint names. */
#include "rules/aws_region.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "rules/glob.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* AWS regions (docs.aws.amazon.com/global-infrastructure/latest/regions). */
static const char *const aws_regions[] = {
	"af-south-1",	  "ap-east-1",	    "ap-east-2",      "ap-northeast-1", "ap-northeast-2",
	"ap-northeast-3", "ap-south-1",	    "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
	"ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-central-1",	  "ca-west-1",	    "cn-north-1",     "cn-northwest-1", "eu-central-1",
	"eu-central-2",	  "eu-north-1",	    "eu-south-1",     "eu-south-2",	"eu-west-1",
	"eu-west-2",	  "eu-west-3",	    "il-central-1",   "me-central-1",	"me-south-1",
	"mx-central-1",	  "sa-east-1",	    "us-east-1",      "us-east-2",	"us-gov-east-1",
	"us-gov-west-1",  "us-west-1",	    "us-west-2",
};

/* ElastiCache's spelling: "ap-northeast-1" is "apne1". */
static void abbreviate_region(const char *region, char ret_short[static 16])
{
	size_t n = 0;

	for (const char *p = region; *p && n < 14; p += strcspn(p, "-"), p += *p == '-') {
		size_t len = strcspn(p, "-");

		if (p == region)
			len = len < 2 ? len : 2;
		else if (len > 5 &&
			 (!strncmp(p, "north", 5) || !strncmp(p, "south", 5))) { /* "northeast"
										    is
										    "ne"
										  */
			ret_short[n++] = p[0];
			ret_short[n++] = p[5];
			continue;
		} else
			len = 1;
		memcpy(ret_short + n, p, len);
		n += len;
	}
	ret_short[n] = 0;
}

/* Is the label at p (up to the next dot) this word? */
static bool is_label(const char *p, const char *word)
{
	size_t len = strlen(word);

	return !strncasecmp(p, word, len) && p[len] == '.';
}

/* Regional endpoints of AWS carry their region as one label of the name. */
const char *dfl_aws_region(const char *name)
{
	bool cache = dfl_glob("*.cache.amazonaws.com", name);
	char abbreviated[16];

	if (!dfl_glob("*.amazonaws.com|*.amazonaws.com.cn|*.api.aws", name))
		return NULL;
	for (const char *p = name; p; p = strchr(p, '.')) {
		p += *p == '.';
		for (size_t i = 0; i < ARRAY_LEN(aws_regions); i++) {
			abbreviate_region(aws_regions[i], abbreviated);
			if (is_label(p, aws_regions[i]) || (cache && is_label(p, abbreviated)))
				return aws_regions[i];
		}
	}
	return NULL;
}
