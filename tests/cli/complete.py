# SPDX-License-Identifier: Apache-2.0
"""
Types command lines into an interactive shell, each with a Tab at its end, and prints what the shell makes of them.

    tests/cli/complete.py bash|zsh LINE...

$DFLOW is the tool; the shell finds it as "dflow".
"""
import os
import pty
import re
import select
import sys
import time

STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
LOADS = {
    "bash": "bind 'set enable-bracketed-paste off'; source <(dflow completion bash)",
    "zsh": "unsetopt zle_bracketed_paste prompt_sp; autoload -Uz compinit; compinit -u -D; source <(dflow completion zsh)",
}


def start(shell):
    child, fd = pty.fork()
    if not child:
        folder = os.path.dirname(os.environ["DFLOW"])
        os.environ.update(PATH=f"{folder}:{os.environ['PATH']}", TERM="dumb", COLUMNS="200", PS1="% ")
        os.execvp(STARTS[shell][0], STARTS[shell])
    return fd


def read_until(fd, pattern, seconds):
    """What comes until the pattern has been seen and nothing follows for a while."""
    out, end = "", time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.5)[0]:
            out += os.read(fd, 65536).decode(errors="replace")
        elif re.search(pattern, out):
            break
    return out


def main():
    shell, lines = sys.argv[1], sys.argv[2:]
    fd = start(shell)
    os.write(fd, f"PS1='% '; {LOADS[shell]}; echo rea''dy\n".encode())
    if "ready" not in read_until(fd, "\nready", 30):
        sys.exit(f"{shell} does not start")
    for line in lines:
        os.write(fd, line.encode() + b"\t")
        # Something more than the line itself has to come, else nothing was completed.
        out = read_until(fd, re.escape(line) + ".", 10)
        print(re.sub(r"\x07|\x1b\[[0-9;?]*[A-Za-z]", "", out).replace("\r", "").split("\n")[-1].removeprefix("% ").rstrip())
        os.write(fd, b"\x15")  # Ctrl-U: the line is empty again
        read_until(fd, "", 2)


main()
