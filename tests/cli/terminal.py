# SPDX-License-Identifier: Apache-2.0
"""
Runs a program in a terminal of its own and prints what it writes there.

    tests/cli/terminal.py COLUMNS PROGRAM [ARGUMENT]...

Standard input is no terminal. The exit status is that of the program, 128 + N when signal N ended it.
"""
import fcntl
import os
import pty
import struct
import sys
import termios

reader, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
child = os.fork()
if not child:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    os.execv(sys.argv[2], sys.argv[2:])
os.close(terminal)
try:
    while data := os.read(reader, 65536):
        os.write(1, data.replace(b"\r\n", b"\n"))
except OSError:  # EIO: nobody has the terminal open any more
    pass
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
