# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs tests that get a Session each; prints TAP."""
import os
import sys
import traceback

from session import Failure, Session


def expect(condition, words):
    if not condition:
        raise Failure(words)


def run(tests):
    """Arguments: the build folder, then names of tests. The exit status."""
    build = os.path.abspath(sys.argv[1])
    shots = os.path.join(build, "screenshots")
    os.makedirs(shots, exist_ok=True)
    wanted = sys.argv[2:]
    tests = [test for test in tests if not wanted or test.__name__ in wanted or test.__doc__ in wanted]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        session = Session(build, shots)
        words = f"{test.__name__.replace('_', ' ')}: {(test.__doc__ or '').strip()}".rstrip(": ")
        problem = None
        try:
            test(session)
            complaints = session.complaints()
            if complaints:
                problem = "vitrine complained: " + complaints[0]
        except Failure as failure:
            problem = str(failure)
        except Exception:  # noqa: BLE001 - a test must not end the others
            problem = traceback.format_exc()
        if problem:
            failed += 1
            for line in (problem.splitlines() + session.complaints())[-25:]:
                print("#", line)
            try:
                session.shoot(f"failed-{number}")
            except Exception:  # noqa: BLE001
                pass
        try:
            session.end()
        except Failure as failure:
            print("#", failure)
        print(f"{'not ok' if problem else 'ok'} {number} - {words}", flush=True)
    return 1 if failed else 0
