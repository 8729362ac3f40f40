/* SPDX-License-Identifier: Apache-2.0 */
/* --help, made from the tables of commands and options. */
#pragma once

#include <stdio.h>

struct command;

/* The help of one command, on standard output. */
void print_help(const struct command *command);
/* The help of dflow itself: the list of commands. */
void print_program_help(FILE *to);
