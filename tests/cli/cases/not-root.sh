# SPDX-License-Identifier: Apache-2.0
run_unprivileged record --store store.db --all
run_unprivileged record --store store.db -- sh -c 'echo must not run'
run_unprivileged doctor | tail -n 2 | cut -c 1-60
ls
