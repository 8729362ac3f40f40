// SPDX-License-Identifier: Apache-2.0
/*
 * The key of the fingerprints: a file beside the store, made once. Who has the store alone cannot
 * even test a guess. Two keys come of it, one to make fingerprints with and one to seal what the
 * table holds.
 */
#include "store/key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "DFKEY\r\n\x1a"
#define MAGIC_LEN 8
#define CONTEXT "dflowkey" /* crypto_kdf(3): what the subkeys are for */

struct key_file {
	uint8_t magic[MAGIC_LEN];
	uint8_t master[crypto_kdf_KEYBYTES];
};
_Static_assert(sizeof(struct key_file) == 40, "as docs/formats.md says");

static int derive(const struct key_file *f, struct dfl_store_key *ret_key)
{
	uint8_t id[crypto_kdf_BYTES_MIN];

	_Static_assert(sizeof(ret_key->id) == 2 * sizeof(id) + 1, "");
	if (crypto_kdf_derive_from_key(ret_key->print, sizeof(ret_key->print), 1, CONTEXT,
				       f->master) ||
	    crypto_kdf_derive_from_key(ret_key->seal, sizeof(ret_key->seal), 2, CONTEXT,
				       f->master) ||
	    crypto_kdf_derive_from_key(id, sizeof(id), 3, CONTEXT, f->master))
		return -EIO;
	sodium_bin2hex(ret_key->id, sizeof(ret_key->id), id, sizeof(id));
	return 0;
}

static int sync_folder(const char *path)
{
	char folder[4096];
	char *slash;
	int fd, r;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

/* Whole or not at all: written beside, then renamed. */
static int make_key(const char *path, struct key_file *ret_file, struct dfl_err *err)
{
	char beside[4096 + 8];
	int fd, r = 0;

	memcpy(ret_file->magic, MAGIC, MAGIC_LEN);
	randombytes_buf(ret_file->master, sizeof(ret_file->master));
	snprintf(beside, sizeof(beside), "%s.new", path);
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return dfl_err_set(err, errno, "cannot create %s: %m", beside);
	if (write(fd, ret_file, sizeof(*ret_file)) != sizeof(*ret_file) || fsync(fd) ||
	    rename(beside, path) || sync_folder(path))
		r = dfl_err_set(err, errno ? errno : EIO, "cannot write %s: %m", path);
	close(fd);
	return r;
}

/*
 * Whoever knows the key can test guesses: one that another may have put there, or read, is not
 * used.
 */
static int check_private(const struct stat *st, const char *path, struct dfl_err *err)
{
	if (st->st_uid != geteuid() && st->st_uid)
		return dfl_err_set(err, EACCES,
				   "%s is the file of another user (uid %u), who could test "
				   "guesses with it; make it your own, or "
				   "remove it: then earlier texts are not known again",
				   path, st->st_uid);
	if (st->st_mode & 077)
		return dfl_err_set(err, EACCES,
				   "%s may be read or written by others (mode %04o); if none of "
				   "them did, make it private (chmod "
				   "600), else remove it: then earlier texts are not known again",
				   path, st->st_mode & 07777);
	return 0;
}

static int read_key(int fd, const char *path, struct key_file *ret_file, struct dfl_err *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return dfl_err_set(err, errno, "cannot read %s: %m", path);
	r = check_private(&st, path, err);
	if (r)
		return r;
	if (!S_ISREG(st.st_mode) || st.st_size != sizeof(*ret_file) ||
	    read(fd, ret_file, sizeof(*ret_file)) != sizeof(*ret_file) ||
	    memcmp(ret_file->magic, MAGIC, MAGIC_LEN))
		return dfl_err_set(err, EBADMSG,
				   "%s is no key of a dflow store, or it is damaged; put the right "
				   "one there, or remove it: "
				   "then earlier texts are not known again",
				   path);
	return 0;
}

int dfl_store_key_open(const char *store_path, struct dfl_store_key *ret_key, struct dfl_err *err)
{
	struct key_file file;
	char path[4096];
	int fd, r;

	if (sodium_init() < 0)
		return dfl_err_set(err, EIO, "libsodium cannot be used");
	if (snprintf(path, sizeof(path), "%s.key", store_path) >= (int)sizeof(path))
		return dfl_err_set(err, ENAMETOOLONG, "the path of the store is too long");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
		return dfl_err_set(err, errno, "cannot read %s: %m", path);
	r = fd < 0 ? make_key(path, &file, err) : read_key(fd, path, &file, err);
	if (fd >= 0)
		close(fd);
	if (!r && derive(&file, ret_key))
		r = dfl_err_set(err, EIO, "the key %s cannot be used", path);
	explicit_bzero(&file, sizeof(file));
	return r;
}
