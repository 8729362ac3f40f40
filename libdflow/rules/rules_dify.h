/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in rules: how the processes and peers of a Dify deployment are recognised. */
#pragma once

#include <stddef.h>

#include "rules/rule.h"

/* Asked in this order, after the rules of the configuration; the first that matches decides. */
extern const struct dfl_rule dfl_process_rules[];
extern const size_t dfl_n_process_rules;
extern const struct dfl_rule dfl_peer_rules[];
extern const size_t dfl_n_peer_rules;
