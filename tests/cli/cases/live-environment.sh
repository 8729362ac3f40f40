# SPDX-License-Identifier: Apache-2.0
# A kernel that does not show its types, and root without one capability.
mkdir empty
echo '$ dflow record, without BTF'
unshare -m sh -c 'mount --bind empty /sys/kernel/btf && exec "$DFLOW" record --store store.db --pid $$'
echo "[exit status $?]"
echo '$ dflow doctor, without BTF'
unshare -m sh -c 'mount --bind empty /sys/kernel/btf && exec "$DFLOW" doctor' | grep -A1 BTF
for cap in bpf perfmon sys_ptrace; do
	echo "\$ dflow record, without CAP_$cap"
	setpriv --bounding-set=-$cap,-sys_admin --inh-caps=-$cap,-sys_admin timeout -s INT 5 "$DFLOW" record --store store.db --pid $$
	echo "[exit status $?]"
done
ls
