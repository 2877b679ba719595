# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that carries restore points to an object store: against a server that checks each signature by itself (AWS, "Authenticating Requests:
Using the Authorization Header", Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import dump_job

KEY, SECRET, REGION = "AKIAEXAMPLE", "canary/secret+key", "eu-1"


class Store(BaseHTTPRequestHandler):
    """Objects by path; 403 for a wrong signature, 404 for what is not there."""

    objects: dict[str, bytes]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.signed(body):
            self.objects[self.path] = body
            self.answer(200, b"")

    def do_GET(self) -> None:
        if self.signed(b""):
            found = self.objects.get(self.path)
            self.answer(200 if found is not None else 404, found or b"")

    def do_DELETE(self) -> None:
        if self.signed(b""):
            self.objects.pop(self.path, None)
            self.answer(204, b"")

    def signed(self, body: bytes) -> bool:
        given = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)", self.headers.get("Authorization", "")
        )
        digest = hashlib.sha256(body).hexdigest()
        good = False
        if given and given[1] == KEY and digest == self.headers.get("x-amz-content-sha256"):  # Amazon's wants that header
            headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in given[4].split(";"))
            request = "\n".join([self.command, self.path, "", headers, given[4], digest])
            scope = f"{given[2]}/{given[3]}/s3/aws4_request"
            text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
            key = f"AWS4{SECRET}".encode()
            for part in (given[2], REGION, "s3", "aws4_request", text):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            good = key.hex() == given[5]
        if not good:
            self.answer(403, b"SignatureDoesNotMatch")
        return good

    def answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def store() -> Iterator[tuple[str, dict[str, bytes]]]:
    objects: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Store,), {"objects": objects}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/bucket/folder", objects
    server.shutdown()
    server.server_close()


def transfer(folder: Path, url: str, *words: str, secret: str = SECRET) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"], "PLACE": str(folder), "WORK": str(folder), "S3_URL": url, "S3_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret,
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "-c", dump_job.TRANSFER.read_text(), "restore-point", *words], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert SECRET not in done.stdout + done.stderr
    return done


def test_there_and_back(tmp_path: Path, store) -> None:
    url, objects = store
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    data = os.urandom(300_000)
    (here / "r-2.dump").write_bytes(data)
    (here / "r-2.sums").write_text("t|1|2\n")
    (here / "answer").write_text('{"size": 1}\n')
    objects |= {"/bucket/folder/r-1.dump": b"old", "/bucket/folder/r-1.sums": b"old"}
    done = transfer(here, url, "put", "r-2", "r-1")
    assert (done.returncode, done.stdout) == (0, '{"size": 1}\n'), done.stderr
    assert objects == {"/bucket/folder/r-2.dump": data, "/bucket/folder/r-2.sums": b"t|1|2\n"}
    assert transfer(there, url, "get", "r-2").returncode == 0
    assert (there / "r-2.dump").read_bytes() == data and (there / "r-2.sums").read_text() == "t|1|2\n"


def test_a_store_that_refuses_is_told(tmp_path: Path, store) -> None:
    url, objects = store
    (tmp_path / "r-2.sums").write_text("x")
    objects["/bucket/folder/r-1.sums"] = b"old"
    done = transfer(tmp_path, url, "put", "r-2", "r-1", secret="wrong")
    assert done.returncode == 1 and "403" in done.stderr and done.stderr.strip().endswith(f"could not be uploaded to {url}")
    assert "/bucket/folder/r-1.sums" in objects
    done = transfer(tmp_path, url, "get", "r-9")
    assert done.returncode == 1 and "404" in done.stderr and "could not be downloaded" in done.stderr
