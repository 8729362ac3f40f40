// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the dynamic symbols of an ELF file with pread: mapping it would let its owner raise SIGBUS.
 */
#include "capture/live/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HEADERS 4096
#define MAX_STRINGS (64u << 20)

/* All of it or an error. */
static int read_at(int fd, void *buf, size_t len, uint64_t at)
{
	ssize_t n;

	if (at > INT64_MAX - len)
		return -EBADMSG;
	for (size_t done = 0; done < len; done += n) {
		n = pread(fd, (char *)buf + done, len - done, at + done);
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG;
	}
	return 0;
}

/* Reads n things of this size into new memory, which the caller frees. */
static int read_array(int fd, uint64_t at, size_t n, size_t size, void **ret)
{
	void *p = calloc(n ? n : 1, size);
	int r;

	if (!p)
		return -ENOMEM;
	r = read_at(fd, p, n * size, at);
	if (r) {
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

struct elf {
	int fd;
	Elf64_Ehdr eh;
	Elf64_Phdr *ph;
	Elf64_Shdr *sh;
	Elf64_Sym *sym;
	size_t n_sym;
	char *str;
	size_t str_len;
};

static void elf_fini(struct elf *e)
{
	free(e->ph);
	free(e->sh);
	free(e->sym);
	free(e->str);
}

/* Every count and size that is used later is checked here or where it is used. */
static int read_headers(struct elf *e)
{
	int r = read_at(e->fd, &e->eh, sizeof(e->eh), 0);

	if (r)
		return r;
	if (memcmp(e->eh.e_ident, ELFMAG, SELFMAG) || e->eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->eh.e_phentsize != sizeof(Elf64_Phdr) || e->eh.e_shentsize != sizeof(Elf64_Shdr) ||
	    e->eh.e_phnum > MAX_HEADERS || e->eh.e_shnum > MAX_HEADERS)
		return -EBADMSG;
	r = read_array(e->fd, e->eh.e_phoff, e->eh.e_phnum, sizeof(Elf64_Phdr), (void **)&e->ph);
	return r ? r :
		   read_array(e->fd, e->eh.e_shoff, e->eh.e_shnum, sizeof(Elf64_Shdr),
			      (void **)&e->sh);
}

/* The table of dynamic symbols, and the strings that it points into. */
static int read_symbols(struct elf *e)
{
	const Elf64_Shdr *dyn = NULL, *str;
	int r;

	for (size_t i = 0; i < e->eh.e_shnum && !dyn; i++)
		if (e->sh[i].sh_type == SHT_DYNSYM)
			dyn = &e->sh[i];
	if (!dyn || dyn->sh_link >= e->eh.e_shnum)
		return -EBADMSG;
	str = &e->sh[dyn->sh_link];
	e->n_sym = dyn->sh_size / sizeof(Elf64_Sym);
	e->str_len = str->sh_size;
	if (e->n_sym > DFL_ELF_MAX_SYMBOLS || e->str_len > MAX_STRINGS)
		return -EBADMSG;
	r = read_array(e->fd, dyn->sh_offset, e->n_sym, sizeof(Elf64_Sym), (void **)&e->sym);
	return r ? r : read_array(e->fd, str->sh_offset, e->str_len, 1, (void **)&e->str);
}

/* Probes are set by offset in the file; symbols have addresses. Only what is loaded as code counts.
 * 0: it is not. */
static uint64_t file_offset(const struct elf *e, uint64_t addr)
{
	for (size_t i = 0; i < e->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &e->ph[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X && addr >= p->p_vaddr &&
		    addr - p->p_vaddr < p->p_filesz)
			return addr - p->p_vaddr + p->p_offset;
	}
	return 0;
}

/* The name has to end inside the strings, its NUL included. */
static bool is_named(const struct elf *e, const Elf64_Sym *s, const char *name)
{
	size_t len = strlen(name) + 1;

	return s->st_name < e->str_len && e->str_len - s->st_name >= len &&
	       !memcmp(e->str + s->st_name, name, len);
}

static int find(const struct elf *e, const char *const *names, size_t n, uint64_t *ret_offsets)
{
	int found = 0;

	for (size_t i = 0; i < e->n_sym; i++) {
		const Elf64_Sym *s = &e->sym[i];

		if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx == SHN_UNDEF)
			continue;
		for (size_t k = 0; k < n; k++)
			if (!ret_offsets[k] && is_named(e, s, names[k])) {
				ret_offsets[k] = file_offset(e, s->st_value);
				found += ret_offsets[k] != 0;
			}
	}
	return found;
}

int dfl_elf_find(int fd, const char *const *names, size_t n, uint64_t *ret_offsets)
{
	struct elf e = { .fd = fd };
	int r = read_headers(&e);

	memset(ret_offsets, 0, n * sizeof(*ret_offsets));
	if (!r)
		r = read_symbols(&e);
	if (!r)
		r = find(&e, names, n, ret_offsets);
	elf_fini(&e);
	return r;
}
