/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stations: the places that data can be at. stations.def has one row for each; rules/README.md
 * tells how to add one.
 */
#pragma once

#include <stdbool.h>

#include "base/vocab.h"

/* The numbers are of this build: on disk and in JSON stands the word. */
enum dfl_station {
	DFL_ST_UNKNOWN, /* JSON null */
#define STATION(id, word, who, keeps, residency) DFL_ST_##id,
#include "base/stations.def"
#undef STATION
	DFL_N_STATION
};

/* Who runs it. */
enum dfl_who {
	DFL_WHO_OTHER,
	DFL_WHO_DIFY,	 /* Dify handles text there: a call from there is never a new request */
	DFL_WHO_OUTSIDE, /* another company: what goes there is external, whatever it does */
};

struct dfl_station_row {
	const char *word; /* as JSON, rules and stores spell it; NULL: unknown */
	enum dfl_who who;
	bool keeps; /* text that goes there may stay, so its places are listed */
	/*
	 * Of text that arrived there. What a store's operation says (a SETEX is a cache) goes
	 * before it; at a station that keeps nothing or is outside, the operation has no say.
	 */
	enum dfl_residency residency;
};

/* The row of a station. Static storage; of a number that is no station, that of the unknown one. */
const struct dfl_station_row *dfl_station_row(enum dfl_station s);
/* Its word; NULL: unknown. Static storage. */
const char *dfl_station_name(enum dfl_station s);
/* The station of a word; -1: there is none. */
int dfl_station_parse(const char *word);
/*
 * How text lies at a station where an operation of this residency (DFL_RES_UNKNOWN: it does not
 * say) brought it.
 */
enum dfl_residency dfl_station_residency(enum dfl_station s, enum dfl_residency of_operation);
