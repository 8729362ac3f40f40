# SPDX-License-Identifier: Apache-2.0
# Tab in bash and zsh: commands, options, values, ids, files.
make_store store.db chat-block-en
make_store store.db flow-stream-ja
cp "$GOLDEN/chat-block-en.pcap" chat.pcap
mkdir folder
export DFLOW_STORE=$PWD/store.db
lines=('dflow tr' 'dflow trace 436' 'dflow trace --wai' 'dflow ls --color=al' 'dflow ls --color al' 'dflow --no-p' 'dflow ls -o js'
	'dflow ls --id 073' 'dflow replay cha' 'dflow replay --store=sto' 'dflow help rep' 'dflow completion z' 'dflow record --cgroup fol'
	'dflow record -- dflo' 'dflow --store nowhere.db trace 436')
for shell in bash zsh; do
	echo "$shell:"
	python3 "$ROOT/tests/cli/complete.py" $shell "${lines[@]}"
done
# What the scripts ask. Every option of --help is offered.
for command in record trace ls doctor replay completion help; do
	diff <("$DFLOW" __complete $command - | cut -f 1 | sort) \
		<("$DFLOW" $command --help | grep -oE '^  (    |-., )--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort) &&
		echo "$command: all options"
done
run __complete trace ''
run __complete trace 0
run __complete --color = a
run __complete
