// SPDX-License-Identifier: Apache-2.0
/* Character classes of the canonical form; Unicode 15.0, which fixes version 1 of the form. */
#include "match/canon/chars.h"

#include <stddef.h>

const uint8_t dfl_hex_plus1[256] = {
	['0'] = 1, 2,  3,  4,  5,  6,	       7,  8,  9,  10, ['A'] = 11,
	12,	   13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16,
};

/*
 * Above ASCII: White_Space (PropList.txt), Cc and Cf (DerivedGeneralCategory.txt), merged where
 * they touch.
 */
static const struct {
	uint32_t first, last;
} dropped[] = {
	{ 0x80, 0xa0 },	      { 0xad, 0xad },	    { 0x600, 0x605 },	  { 0x61c, 0x61c },
	{ 0x6dd, 0x6dd },     { 0x70f, 0x70f },	    { 0x890, 0x891 },	  { 0x8e2, 0x8e2 },
	{ 0x1680, 0x1680 },   { 0x180e, 0x180e },   { 0x2000, 0x200f },	  { 0x2028, 0x202f },
	{ 0x205f, 0x2064 },   { 0x2066, 0x206f },   { 0x3000, 0x3000 },	  { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb },   { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd }, { 0x13430, 0x1343f },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0001, 0xe0001 }, { 0xe0020, 0xe007f },
};

bool dfl_drops(uint32_t cp)
{
	if (cp < 0x80)
		return !dfl_is_alnum((uint8_t)cp);
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]) && cp >= dropped[i].first; i++)
		if (cp <= dropped[i].last)
			return true;
	return false;
}
