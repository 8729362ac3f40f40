#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Makes the man pages of section 3 from the comments of dflow.h: one for each function, and dflow(3) for the whole.

    docs/man3.py HEADER FOLDER VERSION

What it takes for granted about the header (tests/cli/cases/man3.sh notices when it is no longer so):

- The first comment that begins a line after the SPDX one is about the library. "/* ==== Title ==== */" begins a section.
- A comment that begins a line belongs to the declarations below it, up to a blank line or the next such comment. Functions
  that share a comment share a page.
- "Errors:" begins the errors: "-EINVAL what is wrong; -ENOENT, -EACCES what else". Two spaces or "- " begin a list.
- A page shows each struct and enum of the header that its functions mention, also through another one.
"""
import errno
import os
import pathlib
import re
import sys
import textwrap

IN_OVERVIEW = ["struct dflow_error", "enum dflow_about"]  # nearly every function has them; dflow(3) shows them
FUNCTION = re.compile(r"DFLOW_API\s+(?P<type>.*?)(?P<name>dflow_\w+)\((?P<arguments>.*?)\)\s*;", re.S)


class Item:
    """A comment with the declarations below it."""

    def __init__(self, section, comment, code):
        self.section = section
        self.comment = comment
        self.code = code
        self.functions = [m.group("name") for m in FUNCTION.finditer(code)]


def paragraphs(comment):
    """The text of a comment: a list of paragraphs, each one line; a list item is one of its own."""
    text = re.sub(r"^/\*+\s?|\s*\*+/$", "", comment.strip())
    found = [""]
    for line in text.split("\n"):
        line = re.sub(r"^\s*\*\s?", "", line).rstrip()
        if not line:
            found.append("")
        elif line.startswith(("- ", "Errors:")):
            found.append(line)
        else:
            found[-1] += (" " if found[-1] else "") + line.strip()
    return [p for p in found if p]


def read(header):
    """The paragraphs about the library, and the items."""
    body = header.split("#endif /* __cplusplus */")[0]
    parts = re.findall(r"^/\*.*?\*/|^(?!/\*)[^\n]*$", body, re.M | re.S)
    about, items, section, comment, code = None, [], None, None, []

    def flush():
        if comment and code:
            items.append(Item(section, comment, "\n".join(code)))

    for part in parts:
        title = re.match(r"/\* =+ (.*?) =+ \*/", part)
        if not part.strip() or part.startswith("/*"):
            if code:
                flush()
                comment, code = None, []
            if title:
                section = title.group(1)
                comment = None
            elif part.startswith("/*"):
                if about is None and "SPDX" not in part:
                    about = paragraphs(part)
                comment = part
        elif not part.startswith("#"):
            code.append(part)
    flush()
    return about, items


def definitions_of(header):
    """The text of each struct, enum and function type, by its name. Those with blank lines inside are whole, too."""
    found = {}
    for m in re.finditer(r"^((?:struct|enum) dflow_\w+) \{.*?\n?\};", header, re.M | re.S):
        found[m.group(1)] = m.group()
    for m in re.finditer(r"^typedef [^;]*?\(\*(dflow_\w+)\)\([^;]*\);", header, re.M):
        found[m.group(1)] = m.group()
    return found


def comment_above(name, header):
    """What the header says of a struct, as paragraphs."""
    m = re.search(r"(^/\*(?:(?!\*/).)*?\*/)\n(?=" + re.escape(name) + r" \{)", header, re.M | re.S)
    return paragraphs(m.group(1)) if m else []


def mentioned(code, definitions):
    """Names of the definitions that the code needs, in the order of the header."""
    need, todo = set(), [code]
    while todo:
        text = todo.pop()
        for name, definition in definitions.items():
            if name not in need and re.search(r"\b" + name + r"\b", text):
                need.add(name)
                todo.append(definition)
    return [name for name in definitions if name in need]


def roff(text):
    """Running text."""
    text = text.replace("\\", "\\e")
    text = re.sub(r"(?<![\w\\])-(?=E[A-Z0-9]+)", r"\\-", text)
    text = re.sub(r"\b(dflow_\w+)\(\)", r"\\fB\1\\fR()", text)
    return "\\&" + text if text.startswith((".", "'")) else text


def code_block(text):
    lines = text.expandtabs(8).replace("\\", "\\e").replace("-", "\\-").split("\n")
    return [".nf", ".ft CR"] + ["\\&" + line if line.startswith((".", "'")) else line for line in lines] + [".ft R", ".fi"]


def prose(found):
    out = []
    for i, p in enumerate(found):
        if p.startswith("- "):
            out += [".IP \\(bu 2", roff(p[2:])]
        else:
            out += [".PP"] if i else []
            out += [roff(p)]
    return out


def errors(text):
    """"-EINVAL what; …" as a list; what names no error is a sentence."""
    out = []
    for part in re.split(r";\s+", text.strip().rstrip(".")):
        m = re.match(r"((?:-E[A-Z0-9]+(?:, )?)+)\s*(.*)", part, re.S)
        if m:
            names = m.group(1).strip().rstrip(",")
            out += [".TP", ".B " + names.replace("-", "\\-"), roff(m.group(2) or os.strerror(getattr(errno, names.split(", ")[-1][1:])))]
        else:
            out += [".PP", roff(part[0].upper() + part[1:] + ".")]
    return out


def summary(found):
    """The first sentence, as NAME wants it."""
    first = re.split(r"\.\s|;\s|:\s", found[0])[0].rstrip(".:")
    return first[0].lower() + first[1:]


def heading(found):
    """The same as a sentence."""
    first = summary(found)
    return (first if first.startswith("dflow") else first[0].upper() + first[1:]) + "."


def wrap(lines):
    """Long lines of running text are folded; roff joins them again."""
    for line in lines:
        if line.startswith(".") or len(line) < 110:
            yield line
        else:
            yield from (l if not l.startswith((".", "'")) else "\\&" + l
                        for l in textwrap.wrap(line, 100, break_long_words=False, break_on_hyphens=False))


def prototype(code):
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.S).replace("DFLOW_API ", "")
    return re.sub(r"\s*\n\s*", " ", code).replace("; ", ";\n").strip()


def fold_prototype(line):
    return textwrap.wrap(line, 76, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def page(item, items, definitions, header, version):
    found = paragraphs(item.comment)
    text = [p for p in found if not p.startswith("Errors:")]
    failing = [p[len("Errors:"):] for p in found if p.startswith("Errors:")]
    needed = [name for name in mentioned(item.code, definitions) if name not in IN_OVERVIEW]
    others = [f for i in items if i.section == item.section for f in i.functions if f not in item.functions]
    out = [f'.TH {item.functions[0].upper()} 3 "" "dflow {version}" "libdflow"', ".SH NAME",
           ", ".join(item.functions) + " \\- " + roff(summary(text)), ".SH SYNOPSIS"]
    prototypes = [l for line in prototype(item.code).split("\n") for l in fold_prototype(line)]
    out += code_block("#include <dflow.h>\n\n" + "\n".join(prototypes))
    out += [".SH DESCRIPTION"] + prose(text)
    for name in needed:
        out += [".SS " + name] + prose(comment_above(name, header)) + [".PP"] + code_block(definitions[name])
    if re.search(r"^int ", prototype(item.code), re.M):
        out += [".SH RETURN VALUE",
                "0 (or a count, where the description says so) for success; a negative errno for failure. On failure outputs are"
                " untouched, but for ret_error, which then has a sentence for a person."]
    for p in failing:
        out += [".SH ERRORS"] + errors(p)
    out += [".SH SEE ALSO", " ,\n".join(f".BR {f} (3)" for f in ["dflow"] + others)]
    return "\n".join(wrap(out)) + "\n"


def overview(about, items, definitions, header, version):
    out = ['.TH DFLOW 3 "" "dflow %s" "libdflow"' % version, ".SH NAME",
           "dflow \\- library that tells where the text of a chat message has been", ".SH SYNOPSIS"]
    out += code_block("#include <dflow.h>\n\ncc program.c $(pkg-config --cflags --libs dflow)")
    out += [".SH DESCRIPTION"] + prose(about[1:])
    for section in dict.fromkeys(i.section for i in items if i.functions):
        out += [".SH " + section.upper()]
        for i in items:
            if i.section == section and i.functions:
                text = [p for p in paragraphs(i.comment) if not p.startswith("Errors:")]
                out += [".TP", ".BR " + ' "(3), " '.join(i.functions) + " (3)", roff(heading(text))]
    out += [".SH ERRORS"]
    for name in IN_OVERVIEW:
        out += [".PP"] + prose(comment_above(name, header)) + [".PP"] + code_block(definitions[name])
    out += [".SH SEE ALSO", ".BR dflow (1)"]
    return "\n".join(wrap(out)) + "\n"


def main():
    header_path, folder, version = sys.argv[1:]
    header = pathlib.Path(header_path).read_text()
    about, items = read(header)
    definitions = definitions_of(header)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.3"):
        old.unlink()
    (folder / "dflow.3").write_text(overview(about, items, definitions, header, version))
    for item in items:
        for name in item.functions[:1]:
            (folder / f"{name}.3").write_text(page(item, items, definitions, header, version))
        for name in item.functions[1:]:
            (folder / f"{name}.3").write_text(f".so man3/{item.functions[0]}.3\n")


if __name__ == "__main__":
    main()
