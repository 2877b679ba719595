# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C, SIGTERM and the death of Ansible itself while a release is being changed: finish safely instead of dying in the middle.

Ansible hands both signals on to its workers, whose own handler kills at once: Helm and the migration would continue alone.
Here the signal only sets a flag, the follower fences the Jobs and ends Helm as for a failure. The screen is a difficulty:
a worker has no terminal and its parent may be gone, so the last words go through the parent's own standard output, which
is opened beforehand.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """A context in which the signals only set :attr:`name`. `stdout`: False where a program reads Ansible's standard output (JSON)."""

    def __init__(self, stdout: bool = True) -> None:
        self._stream = 1 if stdout else 2
        self._signal = ""
        self._parent = os.getppid()
        self._before: dict[int, Any] = {}
        self._screen: int | None = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._note)
            self._screen = _open_screen(self._stream)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._screen is not None:
            os.close(self._screen)
            self._screen = None

    @property
    def name(self) -> str:
        """What ended the run; empty while nothing has. A worker that outlives its Ansible (SIGKILL) has nobody to work for."""
        return self._signal or ("the end of the ansible-playbook process" if os.getppid() != self._parent else "")

    def __bool__(self) -> bool:
        return bool(self.name)

    def last_words(self, line: str, say: Callable[[str], None]) -> None:
        """One line that gets out although Ansible is on its way down."""
        if self._screen is None:
            say(line)
            return
        try:
            os.write(self._screen, f"\n{line}\n".encode())
        except OSError:
            say(line)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signal = self._signal or signal.Signals(number).name


def _open_screen(stream: int) -> int | None:
    """The parent's standard output, or error output (Linux). A file is written at its end."""
    try:
        return os.open(f"/proc/{os.getppid()}/fd/{stream}", os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
    except OSError:
        return None
