/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where functions stand in an ELF file. The file belongs to a traced process: nothing in it is
 * trusted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DFL_ELF_MAX_SYMBOLS (1u << 20) /* larger symbol tables are not read */

/*
 * Looks the names up among the dynamic symbols of the 64-bit ELF file at fd; ret_offsets[i] is the
 * file offset of names[i], 0 when it is not there. Returns the number found, or -EBADMSG, -ENOMEM,
 * -errno.
 */
int dfl_elf_find(int fd, const char *const *names, size_t n, uint64_t *ret_offsets);
