#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small parts of the real vitrine under Xvfb, as test-ui.py; prints TAP.

usage: test-details.py BUILD-FOLDER [TEST...]"""
import os
import subprocess
import sys

from runner import expect, run
from session import Atspi, run_in_session

if "VITRINE_UI_SESSION" not in os.environ and __name__ == "__main__":
    sys.exit(run_in_session())


def sharing_limits(session):
    """Where a process may have few files open, the real `vmm check` says so, and what raises that."""
    session.use_real_vmm()
    os.rename(session.path("bin/vmm"), session.path("bin/real-vmm"))
    with open(session.path("bin/vmm"), "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nulimit -n ${{FEW_FILES:-1500}}\nexec {session.path('bin/real-vmm')} \"$@\"\n")
    os.chmod(session.path("bin/vmm"), 0o700)
    answers = [subprocess.run([session.path("bin/vmm"), "check"], env=dict(session.environment, FEW_FILES=limit),
                              capture_output=True, text=True, timeout=60).stdout for limit in ("800", "8192")]
    expect("NO      A process may have only 800 files open; machines need 4096." in answers[0], answers[0])
    expect("ok      A process may have enough files open (4096)." in answers[1], answers[1])
    session.start(LANGUAGE="de")
    session.activate("app.self-check")
    session.see("Grenzen für offene Dateien", seconds=60)
    session.see("Ein Prozess darf 1500 Dateien offen haben; Maschinen mit Grafik brauchen 4096. Heben Sie für Ihre "
                "Anmeldung die Grenze offener Dateien an und melden Sie sich dann neu an.")
    entry = session.see("In einem Terminal auszuführender Befehl: Grenzen für offene Dateien", Atspi.Role.TEXT)
    expect(entry.get_text(0, -1).startswith("echo '* hard nofile 524288' | sudo tee /etc/security/"), entry.get_text(0, -1))
    session.shoot("sharing-limits-german")


TESTS = [sharing_limits]

if __name__ == "__main__":
    sys.exit(run(TESTS))
