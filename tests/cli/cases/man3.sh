# Each function of dflow.h has a page of section 3, made from the header; all format without a warning.
pages=$PWD/man3
python3 "$ROOT/docs/man3.py" "$ROOT/libdflow/include/dflow.h" "$pages" 0.1.0
for name in $(grep -oE '^	dflow_[a-z_]+' "$ROOT/libdflow/libdflow.map") dflow; do
	[ -s "$pages/$name.3" ] || echo "no page for $name"
done
for page in "$pages"/*.3; do
	grep -qF "$(basename "$page" .3)" "$ROOT/libdflow/libdflow.map" "$ROOT/libdflow/include/dflow.h" || echo "$page is of no function"
	warnings=$(man --warnings -l -Tutf8 "$page" 2>&1 >/dev/null)
	[ -z "$warnings" ] || echo "$(basename "$page"): $warnings"
done
# What a page has: both functions of a pair, the struct, each error.
man -l "$pages/dflow_cursor_next.3" | col -b | sed -n '/^NAME/,/^DESCRIPTION/p'
man -l "$pages/dflow_trace_place.3" | col -b | grep -E 'struct dflow_place \{|removed_ns|^ *-E'
