# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in admin UI."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from testbed.standin.tests.support import STANDIN, Serving, free_port, wait_until

COMMAND = [sys.executable, "-B", str(STANDIN / "admin-ui" / "admin-ui")]


@contextlib.contextmanager
def admin_ui(**environment: str) -> Iterator[Serving]:
    port = free_port()
    process = subprocess.Popen(COMMAND, env={"PORT": str(port), **environment}, stderr=subprocess.PIPE, text=True)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    try:
        wait_until(answers, 10, "the port")
        yield Serving(process, port)
    finally:
        process.kill()
        process.communicate()


def test_pages() -> None:
    with admin_ui(ADMIN_GATEWAY_ORIGIN="http://gateway:8080", STANDIN_VERSION="v0.24.0") as ui:
        root = ui("/")
        assert (root.status, root.headers["Location"]) == (302, "/admin")
        page = ui("/admin")
        assert page.status == 200
        assert "Oceans LLM Admin" in page.text and "http://gateway:8080" in page.text and "v0.24.0" in page.text
        assert ui("/admin/teams").status == 200
        assert ui("/healthz").status == 404
        # A page of another release names files that are not there: no page comes in their place.
        asset = page.text.partition('href="')[2].partition('"')[0]
        assert asset.startswith("/admin/assets/") and ui(asset).status == 200
        missing = ui("/admin/assets/index-old.js")
        assert (missing.status, missing.headers["Content-Type"]) == (404, "text/plain")


def test_500() -> None:
    with admin_ui(STANDIN_UI_FAIL="500") as ui:
        assert [ui(path).status for path in ("/", "/admin")] == [500, 500]


def test_500_later() -> None:
    with admin_ui(STANDIN_UI_FAIL="after:1.2") as ui:
        assert ui("/admin").status == 200
        wait_until(lambda: ui("/admin").status == 500, 10, "the fault")


def test_hang() -> None:
    with admin_ui(STANDIN_UI_FAIL="hang") as ui, pytest.raises(TimeoutError):
        ui("/admin", seconds=0.5)


def test_down() -> None:
    process = subprocess.Popen(COMMAND, env={"PORT": (port := str(free_port())), "STANDIN_UI_FAIL": "down"})
    time.sleep(0.5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), 1)
    assert process.poll() is None
    process.kill()
    process.wait()


@pytest.mark.parametrize(("knob", "code"), [("crash", 1), ("sometimes", 2), ("after", 2), ("after:x", 2), ("500:1", 2)])
def test_exit_codes(knob: str, code: int) -> None:
    done = subprocess.run(COMMAND, env={"STANDIN_UI_FAIL": knob}, capture_output=True, text=True, timeout=10)
    assert done.returncode == code
    assert "STANDIN_UI_FAIL" in done.stderr
