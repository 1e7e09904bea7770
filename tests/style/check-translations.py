#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every word for people can be translated, and every language is complete; prints TAP.

usage: check-translations.py SOURCE-FOLDER

A few words may be untranslated for a while (LATE), so that a new button does not wait for a translator;
they are named. `./dev translate` brings the files up to date."""
import glob
import os
import re
import subprocess
import sys
import tempfile

LATE = 25
MARKS = re.compile(r'\bN?_\("|\bC_\("|\bngettext\(|translatable="yes"')
KEYWORDS = ("_", "N_", "C_:1c,2", "ngettext:1,2")


def listed(top):
    with open(os.path.join(top, "po/POTFILES")) as file:
        return {line.strip() for line in file if line.strip() and not line.startswith("#")}


def unlisted(top):
    """Files with words for people that POTFILES does not name."""
    found = set()
    for pattern in ("manager/**/*.c", "ui/**/*.c", "ui/**/*.ui"):
        for name in glob.glob(os.path.join(top, pattern), recursive=True):
            with open(name) as file:
                if MARKS.search(file.read()):
                    found.add(os.path.relpath(name, top))
    return sorted(found - listed(top))


def template(top, folder):
    path = os.path.join(folder, "vitrine.pot")
    subprocess.run(["xgettext", "--from-code=UTF-8", *(f"-k{word}" for word in KEYWORDS), "-o", path,
                    *sorted(listed(top))], cwd=top, check=True)
    return path


def entries(path, *options):
    """(msgid, [msgstr...]) of what msgattrib leaves."""
    text = subprocess.run(["msgattrib", "--no-wrap", "--no-obsolete", *options, path], check=True,
                          capture_output=True, text=True).stdout
    for block in text.split("\n\n")[1:]:
        strings = re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) "(.*)"$', block, re.M)
        yield [s for k, s in strings if k == "msgid"][0], [s for k, s in strings if k.startswith("msgstr")]


def judge(path, pot, folder):
    """What is wrong with one language, and what is late."""
    problems = []
    done = subprocess.run(["msgfmt", "--check", "-o", os.devnull, path], capture_output=True, text=True)
    if done.returncode:
        problems.append(done.stderr.strip())
    merged = os.path.join(folder, os.path.basename(path))
    subprocess.run(["msgmerge", "-q", "--no-fuzzy-matching", "-o", merged, path, pot], check=True)
    late = [msgid for msgid, _ in entries(merged, "--untranslated")]
    if list(entries(merged, "--only-fuzzy")):
        problems.append("there are fuzzy entries")
    if len(late) > LATE:
        problems.append(f"{len(late)} words are not translated")
    for msgid, translations in entries(merged, "--translated"):
        for translation in translations:
            if msgid.endswith("…") != translation.endswith("…"):
                problems.append(f"“{msgid}”: the ellipsis differs")
            if ("_" in msgid and " " not in msgid.split("_")[0]) and "_" not in translation:
                problems.append(f"“{msgid}” lost its key")
            if msgid and not translation.strip():
                problems.append(f"“{msgid}” is empty")
    return problems, late


def literals(path):
    """The strings of a C file, those that stand side by side joined, what printf puts in as %s."""
    with open(path) as file:
        text = re.sub(r"/\*.*?\*/|^#include.*?$", "", file.read(), flags=re.S | re.M)
    for found in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', text):
        joined = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found))
        yield re.sub(r"%(?:\.\*|\.\d+)?(?:d|u|s|f)", "%s", joined)


def unknown_sentences(top):
    """What `vmm` says of this computer and of graphics that the window does not know."""
    known = set(literals(os.path.join(top, "manager/model/phrases.c"))) | {"This computer can run machines."}
    said = [one for name in ("supervisor/check", "supervisor/graphics", "supervisor/probe", "supervisor/room", "machine/probe")
            for one in literals(os.path.join(top, f"vmm/{name}.c"))]
    steps = [f"KVM here cannot run a stock kernel: {step} does not work. %s" for step in
             literals(os.path.join(top, "vmm/machine/x86/probe-steps.c")) if " " in step]
    return [one for one in said if re.match(r"[A-Z0-9%].* .*\.$", one) and one not in known] + \
        [one for one in steps if one not in known]


def main():
    top = sys.argv[1]
    with open(os.path.join(top, "po/LINGUAS")) as file:
        languages = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    failed = 0
    print(f"1..{len(languages) + 2}")
    missing = unlisted(top)
    print(f"{'not ok' if missing else 'ok'} 1 - po/POTFILES" + (f" lacks {', '.join(missing)}" if missing else ""))
    failed += bool(missing)
    with tempfile.TemporaryDirectory() as folder:
        pot = template(top, folder)
        for number, language in enumerate(languages, 2):
            problems, late = judge(os.path.join(top, f"po/{language}.po"), pot, folder)
            for line in problems + [f"not translated: {one}" for one in late]:
                print("#", line.replace("\n", "\n# "))
            print(f"{'not ok' if problems else 'ok'} {number} - {language}")
            failed += bool(problems)
    unknown = unknown_sentences(top)
    for one in unknown:
        print("# not in manager/model/phrases.c:", one)
    print(f"{'not ok' if unknown else 'ok'} {len(languages) + 2} - sentences of vmm")
    failed += bool(unknown)
    return 1 if failed else 0


sys.exit(main())
