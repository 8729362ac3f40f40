# SPDX-License-Identifier: Apache-2.0
# Long output goes through $PAGER, on a terminal only.
make_store store.db chat-block-en
export DFLOW_STORE=store.db PAGER='sed "s/^/paged: /"'
run_in_terminal 99 ls
run_in_terminal 99 ls --no-pager
run_in_terminal 99 --no-pager ls
run ls
run_in_terminal 99 trace 436d9c97 | sed -n '2,3p'
run_in_terminal 60 ls -o csv | cut -c 1-40
# Messages and statuses stay.
run_in_terminal 99 ls --until 2001-01-01
run_in_terminal 99 trace --wait=0 nothing
PAGER= run_in_terminal 99 ls
PAGER=cat run_in_terminal 99 ls
PAGER=./no-such-pager run_in_terminal 99 ls | sed 's/^[^:]*: 1: //'
# The user leaves the pager before the end.
PAGER='head -n 1' run_in_terminal 99 trace 436d9c97
# Without $PAGER it is less, with FRX.
mkdir bin
printf '#!/bin/sh\necho "less, LESS=$LESS"\nexec cat\n' >bin/less
chmod +x bin/less
unset PAGER
export TERM=xterm NO_COLOR=1
PATH=$PWD/bin:$PATH run_in_terminal 99 ls | head -n 2
LESS=i PATH=$PWD/bin:$PATH run_in_terminal 99 ls | head -n 2
TERM=dumb PATH=$PWD/bin:$PATH run_in_terminal 99 ls | head -n 2 # it would ask there
