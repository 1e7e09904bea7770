#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Actions, keys and menus of the window fit together; prints TAP.

Every action that a menu, a button, a key or a notification names is defined; no key does two things;
every key is in the window of shortcuts; every action for people is in a menu or on a button. The table
of docs/client.md names every action on a machine, with sub-commands and calls that there are."""
import glob
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
# By a page's own buttons or keys, from the bus, from notifications, or by GTK.
INNER = {"app.activate", "app.show-machine", "app.start-machine", "app.start-again", "app.show-log", "app.quit",
         "app.shut-down-all", "app.new-window", "app.new-display-window", "app.leave-window", "machine.capture", "machine.release", "machine.power",
         "win.toggle-group", "win.menu", "win.pane", "win.undo", "win.close", "win.find", "win.search",
         "win.overview", "win.select-all", "win.view", "win.sidebar", "win.keys", "win.minimise", "win.type-here", "win.next-machine",
         "win.previous-machine", "console.next", "console.previous",
         "console.clear", "console.copy", "console.find", "console.paste", "console.save", "console.zoom", "settings.section", "log.find"}
GTK = {"win.show-help-overlay"}


def read(pattern):
    return {os.path.relpath(name, TOP): open(name).read() for name in glob.glob(os.path.join(TOP, pattern))}


def defined(sources):
    found = set(GTK)
    groups = {"window_entries": "win", "machine_entries": "machine", "machine_calls": "machine", "console_entries": "console",
              "settings_entries": "settings", "log_entries": "log",
              "scaling_entry": "machine"}
    for file, text in sources.items():
        groups["entries"] = "app" if file.startswith("manager/") else "win"
        for name, body in re.findall(r"(?:GActionEntry|struct call) (\w+)\[\] = \{(.*?)\n?\};", text, re.S):
            found |= {f"{groups[name]}.{action}" for action in re.findall(r'\{"([a-z-]+)"', body)}
        for where, action in re.findall(r'add_property_action\(\s*G_ACTION_MAP\((.*?)\), "([a-z-]+)"', text):
            found.add(("machine." if "machine" in where else "win.") + action)
        for action in re.findall(r'g_simple_action_new(?:_stateful)?\(\s*"([a-z-]+)"', text):
            found.add("win." + action)
        if "vm_window_setup_overview" in text:
            found |= {"win." + action for action in re.findall(r'g_property_action_new\(\s*"([a-z-]+)"', text)}
    return found


def table_of_calls(have):
    """What is wrong with the table of actions, sub-commands and calls."""
    text = read("docs/client.md")["docs/client.md"].split("## The window, the words, the calls")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")][1:]
    commands = set(re.findall(r'^    \{"(\w[\w-]*)", "', read("vmm/ctl/main.c")["vmm/ctl/main.c"], re.M)) | {"check", "extract_kernel"}
    calls = set(re.findall(r"\b(vm_\w+)\(", "".join(read("vmm/client/vm-*.h").values())))
    named = {action for row in rows for action in row[1].split(", ") if "." in action}
    problems = [f"{action} is not in docs/client.md" for action in sorted(have - named) if action.startswith("machine.")]
    problems += [f"docs/client.md names {action}, which is defined nowhere" for action in sorted(named - have)]
    for row in rows:
        problems += [f"docs/client.md names `vmm {word}`" for word in re.findall(r"`([\w-]+)`", row[2]) if word not in commands]
        problems += [f"docs/client.md names {word}()" for word in re.findall(r"`(\w+)`", row[3]) if word not in calls]
        if (row[2] == "-") != (row[3] == "-") and row[1] != "app.self-check":
            problems.append(f"docs/client.md: {row[1]} has words or a call, not both")
    return problems


def main():
    c = {**read("ui/*.c"), **read("manager/*.c"), **read("manager/model/*.c")}
    ui = read("ui/*.ui")
    have = defined(c)
    problems = table_of_calls(have)
    used = {}
    for name, text in {**c, **ui}.items():
        for action in re.findall(r'[">]((?:app|win|machine|console|settings|log)\.[a-z][a-z-]+)(?:::[a-z]+|\([^)]*\))?["<]', text):
            used.setdefault(action, set()).add(name)
    for action, names in sorted(used.items()):
        if action not in have:
            problems.append(f"{action} is named in {', '.join(sorted(names))} and defined nowhere")
    keys = {}
    table = re.search(r"accelerators\[\] = \{(.*?)\n\};", c["manager/application.c"], re.S).group(1)
    for action, accelerators in re.findall(r'\{"([^"]+)", \{([^}]*)\}\}', table):
        for key in re.findall(r'"([^"]+)"', accelerators):
            if key in keys:
                problems.append(f"{key} is both {keys[key]} and {action}")
            keys[key] = action
    overlay = re.sub(r"<ctrl>|<primary>", "<control>",
                     read("ui/gtk/*.ui")["ui/gtk/help-overlay.ui"].replace("&lt;", "<").replace("&gt;", ">").lower())
    for key, action in sorted(keys.items()):
        if not re.search(re.escape(key.lower()) + r"[ <&]", overlay):
            problems.append(f"{key} ({action}) is not in the window of shortcuts")
    shown = {action for action, names in used.items() if any(name != "manager/application.c" for name in names)}
    for action in sorted(have - shown - INNER - GTK):
        problems.append(f"{action} is in no menu and on no button")
    print("1..1")
    for problem in problems:
        print("#", problem)
    print("not ok 1 - actions" if problems else "ok 1 - actions")
    return 1 if problems else 0


sys.exit(main())
