# SPDX-License-Identifier: Apache-2.0
# dflow.h, libdflow.map and the library name the same functions; dflow.h is C99 and C++; the ABI is that of the snapshot.
cd "$ROOT" || exit
tr '\n' ' ' <libdflow/include/dflow.h | grep -o 'DFLOW_API [^;(]*(' | grep -oE 'dflow_[a-z_]+\($' | tr -d '(' | sort >/tmp/dflow-abi-$$.header
grep -oE '^	dflow_[a-z_]+' libdflow/libdflow.map | tr -d '\t' | sort >/tmp/dflow-abi-$$.map
nm -D --defined-only "$(dirname "$DFLOW")/../libdflow/libdflow.so" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort \
	>/tmp/dflow-abi-$$.library
echo "header: $(wc -l </tmp/dflow-abi-$$.header) functions"
diff /tmp/dflow-abi-$$.header /tmp/dflow-abi-$$.map && echo "map: the same"
diff /tmp/dflow-abi-$$.header /tmp/dflow-abi-$$.library && echo "library: the same"
nm -D --undefined-only "$(dirname "$DFLOW")/../libdflow/libdflow.so" | grep -wE '_?exit|_Exit' || echo "library: never exits"
rm -f /tmp/dflow-abi-$$.*
objdump -p "$(dirname "$DFLOW")/../libdflow/libdflow.so" | awk '$1 == "SONAME" {print $1, $2}'
for language in 'c -std=c99' 'c -std=c17' 'c++ -std=c++11' 'c++ -std=c++20'; do
	cc -x $language -pedantic -Wall -Wextra -Werror -fsyntax-only libdflow/include/dflow.h && echo "$language: fine"
done
BUILD=$(dirname "$DFLOW")/.. "$ROOT/tests/abi-snapshot"
