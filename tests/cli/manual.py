# SPDX-License-Identifier: Apache-2.0
"""
Compares the man pages with --help: commands, options with their values, and exit statuses are the same in both.

    tests/cli/manual.py DFLOW FOLDER        FOLDER has dflow.1 and dflow-COMMAND.1
"""
import pathlib
import re
import subprocess
import sys

NO_PAGE = ["help"]  # dflow(1) tells all about it

dflow, folder = sys.argv[1], pathlib.Path(sys.argv[2])
faults = 0


def complain(text):
    global faults
    faults += 1
    print(text)


def help_of(*command):
    return subprocess.run([dflow, *command, "--help"], capture_output=True, text=True, check=True).stdout


def options_of_help(text):
    """'-n, --limit=N' of each option: the text in front of the two blanks, or on a line of its own."""
    return {m.strip() for m in re.findall(r"^  (?:    |-\w, )--[a-z-]+\S*", text, re.M)}


def page(name):
    """The page as text without fonts."""
    text = (folder / f"{name}.1").read_text()
    text = re.sub(r"\\f[BIRP]", "", text)
    return text.replace(r"\-", "-").replace(r"\&", "")


def plain(line):
    """A line with fonts that change between words (.BI, .BR, …): words join, but for quoted blanks."""
    macro, _, rest = line.partition(" ")
    if macro in (".B", ".I"):
        return rest.strip('"')
    return "".join(quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', rest))


def headings(text, section):
    """The lines after .TP in the sections whose names begin so."""
    body = re.search(rf"^\.SH {section}.*?\n(.*?)(?=^\.SH |\Z)", text, re.M | re.S)
    return [plain(line) for line in re.findall(r"^\.TP\n(.*)$", body.group(1), re.M)] if body else []


def options_of_page(text):
    found = set()
    for heading in headings(text, "OPTIONS"):
        names = re.findall(r"-\w\b|--[a-z][a-z-]*", heading)
        value = re.search(r"--[a-z-]+(\[?=[A-Z]+\]?)", heading)
        if names:
            found.add(", ".join(names) + (value.group(1) if value else ""))
    return found


def compare(what, in_help, in_page):
    for thing in sorted(in_help - in_page):
        complain(f"{what}: '{thing}' is in --help and not in the man page")
    for thing in sorted(in_page - in_help):
        complain(f"{what}: '{thing}' is in the man page and not in --help")


def statuses_of_help(text):
    return set(re.findall(r"^ +(\d+)  ", text[text.index("Exit status:"):], re.M))


def main():
    top = help_of()
    commands = re.findall(r"^  ([a-z]+) ", top, re.M)
    common = options_of_help(help_of("trace").split("Options of every command:")[1])
    compare("dflow(1): commands", set(commands), {h.split()[0].split("[")[0] for h in headings(page("dflow"), "COMMANDS")})
    compare("dflow(1): options", options_of_help(top) | common, options_of_page(page("dflow")))
    statuses = set()
    for command in commands:
        text = help_of(command)
        statuses |= statuses_of_help(text)
        if command in NO_PAGE:
            continue
        name = f"dflow-{command}"
        compare(f"{name}(1): options", options_of_help(text) - common, options_of_page(page(name)))
        compare(f"{name}(1): exit statuses", statuses_of_help(text), set(headings(page(name), "EXIT STATUS")))
        if f".BR {name} (1)" not in page("dflow"):
            complain(f"dflow(1): SEE ALSO lacks {name}(1)")
    compare("dflow(1): exit statuses", statuses, set(headings(page("dflow"), "EXIT STATUS")))
    print(f"{len(commands)} commands, {faults} differences")


main()
