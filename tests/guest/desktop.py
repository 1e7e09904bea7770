# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests ask of a compositor, whichever it is (sway.py, patient.py)."""
import time


class Desktop:
    def windows(self):
        """{id, app_id where it has one, name, rect} of each."""
        raise NotImplementedError

    def window(self, word):
        for node in self.windows():
            if word.lower() in " ".join(filter(None, (node.get("app_id"), node.get("name")))).lower():
                return node
        return None

    def wait_window(self, word, limit, there=True):
        """The window whose id or title has that word, when it is there (or None when it is gone)."""
        end = time.monotonic() + limit
        while True:
            node = self.window(word)
            if bool(node) == there or time.monotonic() > end:
                return node
            time.sleep(0.5)


class Pointer:
    def button(self, state, button=0x110):
        raise NotImplementedError

    def click(self, button=0x110):
        self.button(1, button)
        self.button(0, button)
