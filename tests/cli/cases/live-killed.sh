# SPDX-License-Identifier: Apache-2.0
# A recorder that is killed leaves a store that reads, and that the next one goes on with.
make_store store.db chat-block-en
start_recorder out --store store.db --pid $$ || exit
kill -KILL $recorder
wait $recorder 2>/dev/null
run ls --store store.db
start_recorder out --store store.db --pid $$ || exit
kill -TERM $recorder
wait $recorder
echo "[exit status $?]"
