// SPDX-License-Identifier: Apache-2.0
/*
 * Parts of the live source that need no kernel: order, symbols of hostile files, names of
 * containers.
 */
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/live/backlog.h"
#include "capture/live/elf.h"
#include "capture/live/live.h"
#include "capture/host/proc.h"
#include "capture/live/ring.h"
#include "capture/host/cgroup.h"
#include "capture/host/container.h"
#include "capture/host/pids.h"
#include "capture/live/preexisting.h"
#include "capture/live/process_wide.h"
#include "capture/live/reorder.h"
#include "capture/live/syscalls.h"
#include "capture/live/tls_library.h"
#include "capture/live/ways.h"

/* ---- window ---- */

static struct dfl_k_head head(uint64_t ts_ns, uint16_t cpu, uint8_t seq_class, uint64_t seq)
{
	return (struct dfl_k_head){ .size = sizeof(struct dfl_k_head),
				    .ts_ns = ts_ns,
				    .cpu = cpu,
				    .seq_class = seq_class,
				    .seq = seq };
}

static void test_window_sorts(void **state)
{
	struct dfl_reorder w = { 0 };
	struct dfl_k_head h, *got;
	uint64_t last = 0;
	unsigned seed = 1;

	for (int i = 0; i < 5000; i++) {
		h = head(1 + rand_r(&seed) % 1000, 0, 0, i);
		assert_int_equal(dfl_reorder_put(&w, &h), 0);
	}
	assert_int_equal(w.bytes, 5000 * sizeof(h));
	for (int i = 0; i < 5000; i++) {
		assert_ptr_equal(dfl_reorder_peek(&w), w.heap[0]);
		got = dfl_reorder_pop(&w);
		assert_true(got->ts_ns >= last);
		last = got->ts_ns;
		dfl_reorder_release(got);
	}
	assert_null(dfl_reorder_pop(&w));
	assert_null(dfl_reorder_peek(&w));
	assert_int_equal(w.bytes, 0);
	dfl_reorder_fini(&w);
}

/* Pieces of one call carry one time: their order is that of their numbers. */
static void test_window_keeps_pieces(void **state)
{
	static const int order[] = { 4, 0, 3, 1, 2 };
	struct dfl_reorder w = { 0 };
	struct dfl_k_head h, *got;

	for (int i = 0; i < 5; i++) {
		h = head(7, 1, 0, 100 + order[i]);
		assert_int_equal(dfl_reorder_put(&w, &h), 0);
		h = head(7, 0, 2, 200 + order[i]);
		assert_int_equal(dfl_reorder_put(&w, &h), 0);
	}
	for (int i = 0; i < 10; i++) {
		got = dfl_reorder_pop(&w);
		assert_int_equal(got->cpu, i / 5);
		assert_int_equal(got->seq, i < 5 ? 200 + i : 95 + i);
		dfl_reorder_release(got);
	}
	dfl_reorder_fini(&w);
}

static void test_window_drops_what_it_holds(void **state)
{
	struct dfl_reorder w = { 0 };
	struct dfl_k_head h = head(1, 0, 0, 1);

	assert_int_equal(dfl_reorder_put(&w, &h), 0);
	dfl_reorder_fini(&w);
	assert_int_equal(w.n, 0);
	dfl_reorder_release(NULL);
}

/* ---- backlog ---- */

struct worked {
	uint64_t records, bytes, ticks, last_tick_ns, last_ns, most_between_ticks_ns;
	unsigned in_slice, slice; /* records in this slice; it is over after so many */
};

static int worked_record(void *ud, const struct dfl_k_head *rec)
{
	struct worked *w = ud;

	assert_true(rec->ts_ns >= w->last_ns);
	assert_true(rec->ts_ns >= w->last_tick_ns);
	w->last_ns = rec->ts_ns;
	w->records++;
	w->in_slice++;
	if (rec->type == DFL_K_DATA)
		w->bytes += ((const struct dfl_k_data *)rec)->copied;
	return 0;
}

static int worked_tick(void *ud, uint64_t ts_ns)
{
	struct worked *w = ud;

	if (w->ticks++ && ts_ns - w->last_tick_ns > w->most_between_ticks_ns)
		w->most_between_ticks_ns = ts_ns - w->last_tick_ns;
	w->last_tick_ns = ts_ns;
	return 0;
}

static bool worked_enough(void *ud)
{
	struct worked *w = ud;

	return w->in_slice >= w->slice;
}

static const struct dfl_backlog_ops worked_ops = { worked_record, worked_tick, worked_enough };

static int put_data(struct dfl_backlog *b, uint64_t ts_ns, enum dfl_backlog_worth worth)
{
	struct {
		struct dfl_k_data data;
		uint8_t bytes[1000];
	} rec = { .data = { .head = { .type = DFL_K_DATA, .size = sizeof(rec), .ts_ns = ts_ns },
			    .len = sizeof(rec.bytes),
			    .copied = sizeof(rec.bytes) } };

	return dfl_backlog_put(b, &rec.data.head, worth);
}

/* Ten seconds of events that come faster than they are worked off: it is never idle. */
static void test_time_goes_on_in_a_backlog(void **state)
{
	const uint64_t ms = 1000000;
	struct dfl_backlog b = { .max_bytes = 64 << 20, .max_records = 1000, .tick_ns = 50 * ms };
	struct worked w = { .slice = 10 };

	for (uint64_t now = ms; now < 10000 * ms;) {
		for (int i = 0; i < 20 && dfl_backlog_room(&b); i++, now += ms)
			assert_int_equal(put_data(&b, now, DFL_BACKLOG_INBOUND), 0);
		b.watermark_ns = now;
		w.in_slice = 0;
		assert_int_equal(dfl_backlog_work(&b, 4096, &worked_ops, &w), 10);
		assert_true(b.more);
	}
	assert_true(w.ticks > 170);
	assert_true(w.most_between_ticks_ns <= 51 * ms);
	assert_int_equal(b.early, 0);
	w.slice = 1 << 20;
	assert_true(dfl_backlog_work(&b, 1 << 20, &worked_ops, &w) > 450);
	assert_false(b.more);
	assert_true(w.last_tick_ns + 50 * ms > b.watermark_ns);
	dfl_backlog_fini(&b);
}

static void test_backlog_sheds_by_worth(void **state)
{
	struct dfl_backlog b = {
		.max_bytes = 64 << 20, .max_records = 400, .tick_ns = 50, .pressed = true
	};
	struct worked w = { .slice = 1 << 20 };
	uint64_t now = 1;

	while (dfl_backlog_room(&b)) /* one of each in turn */
		assert_int_equal(put_data(&b, now, now % DFL_BACKLOG_N_WORTH), 0), now++;
	assert_int_equal(b.window.n, 400);
	assert_in_range(b.shed[DFL_BACKLOG_FILE_READ].records, 66, 68); /* of the upper half */
	assert_in_range(b.shed[DFL_BACKLOG_OTHER].records, 32, 34);	/* of the last quarter */
	assert_int_equal(b.shed[DFL_BACKLOG_FILE_READ].bytes,
			 1000 * b.shed[DFL_BACKLOG_FILE_READ].records);
	assert_int_equal(b.shed[DFL_BACKLOG_INBOUND].records, 0);
	b.watermark_ns = now;
	assert_int_equal(dfl_backlog_work(&b, 4096, &worked_ops, &w), 400);
	assert_int_equal(w.bytes, 1000 * (400 - b.shed[DFL_BACKLOG_FILE_READ].records -
					  b.shed[DFL_BACKLOG_OTHER].records));
	dfl_backlog_fini(&b);
}

/*
 * Bytes fill it too; and what is full goes before its time. As long as the ring has room, nothing
 * is shed.
 */
static void test_backlog_is_bounded_in_bytes(void **state)
{
	struct dfl_backlog b = { .max_bytes = 100000, .max_records = 1000, .tick_ns = 50 };
	struct worked w = { .slice = 1 << 20 };
	uint64_t now = 1;

	while (dfl_backlog_room(&b))
		assert_int_equal(put_data(&b, now++, DFL_BACKLOG_FILE_READ), 0);
	assert_in_range(b.window.bytes, 50000, 52000);
	assert_in_range(dfl_backlog_work(&b, 4096, &worked_ops, &w), 1, 3);
	assert_in_range(b.early, 1, 3);
	assert_true(dfl_backlog_room(&b));
	assert_int_equal(b.shed[DFL_BACKLOG_FILE_READ].records, 0);
	dfl_backlog_fini(&b);
}

/* ---- symbols ---- */

static const char *const names[] = { "SSL_read", "SSL_write", "none_such" };

static int memory_file(const void *data, size_t len)
{
	int fd = memfd_create("elf", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	return fd;
}

/* The smallest file with two functions. */
struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	Elf64_Shdr sh[3];
	Elf64_Sym sym[3];
	char str[32];
	char code[64];
};

static struct image image(void)
{
	struct image i = { .eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64 },
				   .e_phoff = offsetof(struct image, ph),
				   .e_phnum = 1,
				   .e_phentsize = sizeof(Elf64_Phdr),
				   .e_shoff = offsetof(struct image, sh),
				   .e_shnum = 3,
				   .e_shentsize = sizeof(Elf64_Shdr) },
			   .ph = { .p_type = PT_LOAD,
				   .p_flags = PF_X | PF_R,
				   .p_vaddr = 0x10000,
				   .p_offset = offsetof(struct image, code),
				   .p_filesz = 64 },
			   .str = "\0SSL_read\0SSL_write" };

	i.sh[1] = (Elf64_Shdr){ .sh_type = SHT_DYNSYM,
				.sh_link = 2,
				.sh_offset = offsetof(struct image, sym),
				.sh_size = sizeof(i.sym) };
	i.sh[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				.sh_offset = offsetof(struct image, str),
				.sh_size = sizeof(i.str) };
	i.sym[1] = (Elf64_Sym){ .st_name = 1,
				.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				.st_shndx = 1,
				.st_value = 0x10010 };
	i.sym[2] = (Elf64_Sym){ .st_name = 10,
				.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				.st_shndx = 1,
				.st_value = 0x10020 };
	return i;
}

static int find_in(const void *data, size_t len, uint64_t *ret_offsets)
{
	int fd = memory_file(data, len), r = dfl_elf_find(fd, names, 3, ret_offsets);

	close(fd);
	return r;
}

static void test_elf_finds(void **state)
{
	struct image i = image();
	uint64_t at[3];

	assert_int_equal(find_in(&i, sizeof(i), at), 2);
	assert_int_equal(at[0], offsetof(struct image, code) + 0x10);
	assert_int_equal(at[1], offsetof(struct image, code) + 0x20);
	assert_int_equal(at[2], 0);
}

static void test_elf_outside_of_code(void **state)
{
	struct image i = image();
	uint64_t at[3];

	i.sym[1].st_value = 0x10000 + 64; /* one past the segment */
	i.sym[2].st_value = 1;
	assert_int_equal(find_in(&i, sizeof(i), at), 0);
	i = image();
	i.sym[1].st_name = sizeof(i.str) - 4; /* a name that runs out of the table */
	assert_int_equal(find_in(&i, sizeof(i), at), 1);
	i = image();
	i.sym[1].st_shndx = SHN_UNDEF; /* imported, not here */
	assert_int_equal(find_in(&i, sizeof(i), at), 1);
}

static void test_elf_every_length(void **state)
{
	struct image i = image();
	uint64_t at[3];

	for (size_t len = 0; len < offsetof(struct image, code); len++)
		assert_true(find_in(&i, len, at) < 0);
}

/* Each byte damaged in turn: no crash, and never an offset outside of the segment. */
static void test_elf_every_damage(void **state)
{
	struct image good = image(), bad;
	uint64_t at[3];

	for (size_t b = 0; b < offsetof(struct image, code); b++)
		for (int v = 0; v < 3; v++) {
			bad = good;
			((uint8_t *)&bad)[b] ^= (uint8_t[]){ 0xff, 0x01, 0x80 }[v];
			if (find_in(&bad, sizeof(bad), at) > 0)
				assert_int_equal(at[2], 0);
		}
}

static void test_elf_real(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	uint64_t at[3];

	assert_true(dfl_elf_find(fd, names, 3, at) >= 0);
	close(fd);
	assert_int_equal(dfl_elf_find(-1, names, 3, at), -EBADF);
}

/* ---- TLS libraries ---- */

static void test_library_names(void **state)
{
	assert_string_equal(dfl_tls_library_of("/usr/lib/libssl.so.3")->name, "OpenSSL");
	assert_string_equal(dfl_tls_library_of("/a/b/libssl-81ffa89e.so.1.1")->name, "OpenSSL");
	assert_string_equal(dfl_tls_library_of("/lib/libgnutls.so.30.34.3")->name, "GnuTLS");
	assert_null(dfl_tls_library_of("/lib/libcrypto.so.3"));
	assert_null(dfl_tls_library_of("/libssl/libc.so.6"));
	assert_null(dfl_tls_library_of(""));
}

/* The kernel's filter is the same as ours, for names of up to 8 bytes. */
static void test_library_files(void **state)
{
	struct dfl_k_tls_file files[DFL_K_MAX_TLS_FILES] = { { 0 } };
	const char *names_of_files[] = { "libssl.so.3", "libgnutls.so.30", "libc.so.6\0pad" };
	uint64_t name;

	dfl_tls_library_files(files);
	for (int i = 0; i < 3; i++) {
		bool found = false;

		memcpy(&name, names_of_files[i], sizeof(name));
		for (int k = 0; k < DFL_K_MAX_TLS_FILES && files[k].mask; k++)
			found |= (name & files[k].mask) == files[k].name;
		assert_int_equal(found, i < 2);
	}
	assert_int_equal(files[DFL_K_MAX_TLS_FILES - 1].mask, 0);
}

static void test_library_needs(void **state)
{
	const struct dfl_tls_library *lib = dfl_tls_library_of("/libssl.so");
	uint64_t at[DFL_TLS_LIBRARY_MAX_FUNCTIONS];
	struct image i = image();
	int fd = memory_file(&i, sizeof(i));

	assert_int_equal(dfl_tls_library_find(lib, fd, at), 0);
	assert_true(at[0] && at[1] && !at[2]);
	assert_int_equal(dfl_tls_library_find(dfl_tls_library_of("/libgnutls.so"), fd, at),
			 -ENOENT);
	close(fd);
	i.str[10] = 'X'; /* no SSL_write any more */
	fd = memory_file(&i, sizeof(i));
	assert_int_equal(dfl_tls_library_find(lib, fd, at), -ENOENT);
	close(fd);
	assert_int_equal(dfl_tls_library_find(lib, -1, at), -EBADF);
}

/* ---- the whole process ---- */

static unsigned printed, heard;

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	printed++;
	return 0;
}

static void hear(void *ud, enum dfl_log_level level, const char *line)
{
	assert_null(strchr(line, '\n'));
	heard++;
}

/* Makes libbpf say something. */
static void provoke(void)
{
	assert_null(bpf_object__open_file("/nonexistent", NULL));
}

static void *provoke_elsewhere(void *arg)
{
	provoke();
	return NULL;
}

/* libbpf speaks to us during our calls, and to its owner before, after, and in other threads. */
static void test_print_is_put_back(void **state)
{
	struct dfl_log log = { hear, NULL };
	pthread_t thread;
	unsigned n;

	libbpf_set_print(print);
	provoke();
	assert_true(printed && !heard);
	n = printed;
	dfl_process_wide_listen(&log);
	dfl_process_wide_listen(NULL); /* nested: the outer log stays */
	dfl_process_wide_unlisten();
	provoke();
	assert_int_equal(printed, n);
	assert_true(heard);
	assert_int_equal(pthread_create(&thread, NULL, provoke_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(printed, 2 * n);
	dfl_process_wide_unlisten();
	provoke();
	assert_int_equal(printed, 3 * n);
	assert_ptr_equal(libbpf_set_print(NULL), print);
}

static void test_limits_are_put_back(void **state)
{
	struct dfl_process_wide a = { 0 }, b = { 0 };
	struct rlimit before, now, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ 64, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	dfl_process_wide_raise(&a);
	dfl_process_wide_raise(&b);
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, before.rlim_max);
	dfl_process_wide_lower(&a);
	dfl_process_wide_lower(&a);
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, before.rlim_max);
	dfl_process_wide_lower(&b);
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, 64);

	dfl_process_wide_raise(&a); /* somebody else changes it meanwhile: theirs stays */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 100, before.rlim_max }), 0);
	dfl_process_wide_lower(&a);
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- processes and containers ---- */

static void test_proc_self(void **state)
{
	struct dfl_proc_facts f;
	struct stat st;

	assert_int_equal(dfl_proc_read(getpid(), &f), 0);
	assert_int_equal(f.pid, getpid());
	assert_int_equal(f.ppid, getppid());
	assert_int_equal(dfl_proc_parent(getpid()), getppid());
	assert_non_null(strstr(f.exe, "test_capture"));
	assert_non_null(strstr(f.cmdline, "test_capture"));
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(f.netns, st.st_ino);
	assert_true(f.start_ns > 0);
	assert_int_equal(dfl_proc_read(0x7fffffff, &f), -ESRCH);
	assert_int_equal(dfl_proc_parent(0x7fffffff), 0);
}

static void test_join_args(void **state)
{
	char args[] = "python\0-m\0main\0\0\0";

	dfl_proc_join_args(args, sizeof(args) - 1);
	assert_string_equal(args, "python -m main");
	dfl_proc_join_args(args, 0);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "1d61a1d7-44e8-4a32-a20a-194ac0ae7754"

static char root[64];

static void put_file(const char *dir, const char *name, const char *text)
{
	char cmd[600], path[600];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "mkdir -p '%s/%s'", root, dir);
	assert_int_equal(system(cmd), 0);
	if (!name)
		return;
	snprintf(path, sizeof(path), "%s/%s/%s", root, dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_root(void **state)
{
	strcpy(root, "/tmp/dflow-test-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -r '%s'", root);
	return system(cmd);
}

static struct dfl_proc_facts in_cgroup(const char *path)
{
	struct dfl_proc_facts f = { .pid = 0x7fffffff };

	snprintf(f.cgroup, sizeof(f.cgroup), "%s", path);
	dfl_container_read(root, &f);
	return f;
}

static void test_kubernetes(void **state)
{
	struct dfl_proc_facts f;

	put_file("var/log/pods/dify_dify-api-6f7d9_" UID, NULL, NULL);
	f = in_cgroup("/kubepods.slice/kubepods-burstable.slice/"
		      "kubepods-burstable-pod1d61a1d7_44e8_4a32_a20a_"
		      "194ac0ae7754.slice/cri-containerd-" ID ".scope");
	assert_string_equal(f.container_id, ID);
	assert_string_equal(f.namespace_, "dify");
	assert_string_equal(f.pod, "dify-api-6f7d9");
	assert_string_equal(f.container_name, "");
	put_file("var/log/containers", "dify-api-6f7d9_dify_api-" ID ".log", "");
	f = in_cgroup("/kubepods/burstable/pod" UID "/" ID);
	assert_string_equal(f.container_name, "api");
	assert_string_equal(f.pod, "dify-api-6f7d9");
}

static void test_containerd(void **state)
{
	struct dfl_proc_facts f;

	put_file("run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID, "config.json",
		 "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"worker\",\"io."
		 "kubernetes.cri.image-name\":"
		 "\"langgenius/"
		 "dify-api:1.13.3\",\"io.kubernetes.cri.sandbox-name\":\"dify-worker-1\","
		 "\"io.kubernetes.cri.sandbox-namespace\":\"prod\"}}");
	f = in_cgroup("/system.slice/cri-containerd-" ID ".scope");
	assert_string_equal(f.container_name, "worker");
	assert_string_equal(f.image, "langgenius/dify-api:1.13.3");
	assert_string_equal(f.pod, "dify-worker-1");
	assert_string_equal(f.namespace_, "prod");
}

static void test_docker_and_ecs(void **state)
{
	struct dfl_proc_facts f;

	put_file("var/lib/docker/containers/" ID, "config.v2.json",
		 "{\"Name\":\"/ecs-dify-3-api-9cf\",\"Config\":{\"Image\":\"dify-api\",\"Labels\":{"
		 "\"com.amazonaws.ecs.task-arn\":\"arn:aws:ecs:ap-northeast-1:1:task/dify/"
		 "00112233445566778899aabbccddeeff\","
		 "\"com.amazonaws.ecs.container-name\":\"api\"}}}");
	f = in_cgroup("/ecs/00112233445566778899aabbccddeeff/" ID);
	assert_string_equal(f.container_id, ID);
	assert_string_equal(f.task, "00112233445566778899aabbccddeeff");
	assert_string_equal(f.container_name, "api");
	assert_string_equal(f.image, "dify-api");
	put_file("var/lib/docker/containers/" ID, "config.v2.json",
		 "{\"Name\":\"/redis\",\"Config\":");
	f = in_cgroup("/docker/" ID);
	assert_string_equal(f.container_id, ID); /* a damaged file names nothing */
	assert_string_equal(f.container_name, "");
}

static void test_no_container(void **state)
{
	struct dfl_proc_facts f = in_cgroup("/user.slice/user-1000.slice/session-2.scope");

	assert_string_equal(f.container_id, "");
	f = in_cgroup("/x" ID); /* 64 digits as part of a longer word are no id */
	assert_string_equal(f.container_id, "");
	f = in_cgroup("/" ID "0");
	assert_string_equal(f.container_id, "");
	f = in_cgroup("");
	assert_string_equal(f.container_id, "");
}

/* ---- targets ---- */

static void test_targets(void **state)
{
	struct dfl_pids pids = { 0 };
	struct dfl_cgroup cg;
	struct dfl_err err = { "" };
	bool found = false;

	assert_true(dfl_cgroup_find("/no/such/cgroup", &cg, &err) < 0);
	assert_true(strlen(err.msg) > 10);
	assert_int_equal(dfl_pids_of_tree(getpid(), &pids), 0);
	assert_int_equal(pids.pid[0], getpid());
	dfl_pids_fini(&pids);
	assert_int_equal(dfl_pids_all(&pids), 0);
	for (size_t i = 0; i < pids.n; i++)
		found |= pids.pid[i] == (uint32_t)getpid();
	assert_true(found);
	dfl_pids_fini(&pids);
}

static void test_existing(void **state)
{
	struct dfl_preexisting *e;
	struct stat st;
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(fstat(p[0], &st), 0);
	assert_int_equal(dfl_preexisting_new(&e), 0);
	assert_int_equal(dfl_preexisting_add(e, getpid()), 0);
	assert_int_equal(dfl_preexisting_add(e, 0x7fffffff), 0);
	assert_true(dfl_preexisting_has(e, st.st_ino));
	assert_false(dfl_preexisting_has(e, ~0ull));
	assert_false(dfl_preexisting_listens(e, 1, 1));
	dfl_preexisting_free(e);
	dfl_preexisting_free(NULL);
	close(p[0]);
	close(p[1]);
}

static void test_no_target(void **state)
{
	struct dfl_live_opts o = { 0 };
	struct dfl_event_source *s = NULL;
	struct dfl_err err = { "" };
	int r = dfl_live_open(&o, &s, &err);

	assert_true(r == -EINVAL || r == -EPERM || r == -ENOTSUP);
	assert_null(s);
	assert_true(strlen(err.msg) > 10);
}

/*
 * Every system call of the kernel headers is in the table; what is not there may carry bytes. What
 * is told as blind or is read as text is in the documentation by its name.
 */
static void test_syscalls(void **state)
{
	static const int known[] = {
#include "syscall_numbers.h" /* made of the kernel headers: tests/unit/meson.build */
	};
	static uint8_t calls[DFL_K_MAX_SYSCALL];
	static struct dfl_k_args args[DFL_K_MAX_SYSCALL];
	static char docs[65536];
	const char *name;
	char quoted[64];
	FILE *f = fopen(DFLOW_SOURCE "/docs/capture.md", "re");

	assert_non_null(f);
	assert_true(fread(docs, 1, sizeof(docs) - 1, f) > 0);
	fclose(f);
	dfl_syscalls_fill(calls, args);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_non_null(dfl_syscalls_name(known[i]));
	for (int nr = 0; nr < DFL_K_MAX_SYSCALL; nr++) {
		name = dfl_syscalls_name(nr);
		if (!name)
			assert_int_equal(calls[nr], DFL_K_CALL_UNKNOWN);
		if (!name || calls[nr] == DFL_K_CALL_NONE)
			continue;
		snprintf(quoted, sizeof(quoted), "`%s`", name);
		if (!strstr(docs, quoted))
			fail_msg("docs/capture.md does not name %s", quoted);
	}
}

static void test_ways(void **state)
{
	char word[DFL_WAYS_WORD];
	struct dfl_ev_blind ev;

	dfl_ways_blind(DFL_K_FAMILY, 40, word, &ev);
	assert_string_equal(ev.way, "socket family AF_VSOCK");
	dfl_ways_blind(DFL_K_FAMILY, 250, word, &ev);
	assert_string_equal(ev.way, "socket family 250");
	dfl_ways_blind(DFL_K_SYSCALL, 511, word, &ev);
	assert_string_equal(ev.way, "system call 511");
	assert_false(dfl_blind_lasts(ev.kind));
	dfl_ways_blind(DFL_K_IO_URING, 0, word, &ev);
	assert_true(ev.kind == DFL_BLIND_IO_URING && dfl_blind_lasts(ev.kind));
	for (int why = 0; why < DFL_K_N_BLIND; why++) {
		dfl_ways_blind(why, 1, word, &ev);
		assert_true(ev.kind < DFL_BLIND_LASTING || ev.way[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_sorts),
		cmocka_unit_test(test_window_keeps_pieces),
		cmocka_unit_test(test_window_drops_what_it_holds),
		cmocka_unit_test(test_time_goes_on_in_a_backlog),
		cmocka_unit_test(test_backlog_sheds_by_worth),
		cmocka_unit_test(test_backlog_is_bounded_in_bytes),
		cmocka_unit_test(test_elf_finds),
		cmocka_unit_test(test_elf_outside_of_code),
		cmocka_unit_test(test_elf_every_length),
		cmocka_unit_test(test_elf_every_damage),
		cmocka_unit_test(test_elf_real),
		cmocka_unit_test(test_print_is_put_back),
		cmocka_unit_test(test_limits_are_put_back),
		cmocka_unit_test(test_library_names),
		cmocka_unit_test(test_library_files),
		cmocka_unit_test(test_library_needs),
		cmocka_unit_test(test_proc_self),
		cmocka_unit_test(test_join_args),
		cmocka_unit_test_setup_teardown(test_kubernetes, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_containerd, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_docker_and_ecs, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_no_container, make_root, remove_root),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_existing),
		cmocka_unit_test(test_syscalls),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_no_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
