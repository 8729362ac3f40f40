# SPDX-License-Identifier: Apache-2.0
run --help
for command in record trace ls doctor replay; do
	run $command --help
done
