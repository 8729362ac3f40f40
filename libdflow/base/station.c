// SPDX-License-Identifier: Apache-2.0
/* The table of stations and what it answers. */
#include "base/station.h"

#include <stddef.h>
#include <string.h>

static const struct dfl_station_row rows[DFL_N_STATION] = {
#define STATION(id, word, who, keeps, residency) [DFL_ST_##id] = { word, who, keeps, residency },
#include "base/stations.def"
#undef STATION
};

const struct dfl_station_row *dfl_station_row(enum dfl_station s)
{
	return &rows[(unsigned)s < DFL_N_STATION ? s : DFL_ST_UNKNOWN];
}

const char *dfl_station_name(enum dfl_station s)
{
	return dfl_station_row(s)->word;
}

int dfl_station_parse(const char *word)
{
	for (int s = DFL_ST_UNKNOWN + 1; s < DFL_N_STATION; s++)
		if (!strcmp(rows[s].word, word))
			return s;
	return -1;
}

enum dfl_residency dfl_station_residency(enum dfl_station s, enum dfl_residency of_operation)
{
	const struct dfl_station_row *row = dfl_station_row(s);

	if (row->keeps && row->who != DFL_WHO_OUTSIDE && of_operation != DFL_RES_UNKNOWN)
		return of_operation;
	return row->residency;
}
