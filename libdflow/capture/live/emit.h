/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which events leave the live source. */
#pragma once

#include "capture/live/live_priv.h"

/*
 * Gives the event to the caller of dispatch or finish. An event that is older than the last tick
 * gets the tick's time and is counted as late: time never goes backwards for the stages. Returns
 * what the caller's function returns.
 */
int dfl_live_emit(struct dfl_live *l, struct dfl_event *ev);
