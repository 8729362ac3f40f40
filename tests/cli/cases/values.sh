# SPDX-License-Identifier: Apache-2.0
# Sizes and times. The two requests began at 07:36:49.3 and 07:37:15.8.
make_store store.db chat-block-en
make_store store.db flow-stream-ja
export DFLOW_STORE=store.db
count() {
	echo "$* : $("$DFLOW" ls -o csv "$@" 2>&1 | grep -c '^2026')"
}
for time in 2026-11-24T07:37:00Z 2026-11-24t07:37:00z '2026-11-24 07:37:00Z' '2026-11-24 07:37:00' 2026-11-24T07:37:00.5Z \
	2026-11-24T16:37:00+09:00 2026-11-24T02:07:00-05:30 2026-11-24T07:37Z 2026-11-24T07:37; do
	count --since "$time"
	count --until "$time"
done
count --since 2026-11-24
count --until 2026-11-24
count --since 2026-11-25
count --since 36500d
# Until a millisecond ago: all of them, unless the clock of this machine stands before 2026-11-24.
[ "$(date +%s)" -lt 1795000000 ] || count --until 1ms
for time in yesterday 2026-13-01 2026-02-30 2026-11-24T25:00Z 2026-11-24T07:37:00X 2026-11-24T07:37:00+9 2026-11-24T07:37:00.Z \
	1969-12-31 '' 5x h 2h30 30m2h 1h1h -5 1e3 inf 0x10 99999999d; do
	run ls --since "$time"
done

# A size that can be read is followed by the next complaint.
size() {
	echo "$1 : $("$DFLOW" record --memory "$1" 2>&1 | head -n 1)"
}
for size in 1 4194304 4M 4m 4MiB 10G 1.5G 512K 2T 100B; do
	size $size
done
for size in 0 '' M 4MB 4X 4Mi -1 0x10 1e6 nan 4.M '4 M' 9223372036854775808 8589934592G; do
	size "$size"
done
for age in 30d 12h 1d12h 1s; do
	echo "$age : $("$DFLOW" record --max-age $age 2>&1 | head -n 1)"
done
run record --max-age 999ms
run trace --wait=1m99999999d x
