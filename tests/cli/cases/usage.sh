# SPDX-License-Identifier: Apache-2.0
# Command lines that cannot be understood.
run
run --version
run frobnicate
run trace
run trace one two
run trace --bogus x
run trace --wait=soon x
run trace -o xml x
run ls extra
run ls -o xml
run ls --since=yesterday
run ls --limit=0
run ls --limit=many
run replay
run replay --store
run record
run record something
run record --pid=0
run record --pid=abc
run record --all --max-age=never
run record --all --memory=lots
run record --all --ready-fd=x
run doctor now
run doctor --pid=-3
