# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html of recorded runs: what is on it, and how it looks in a real browser (where there is one)."""

from __future__ import annotations

import pathlib
import re
import shutil
import struct
import subprocess
import zlib

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import evidence, narrator, report_page
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.conclusion import sentence
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Outcome
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.narrator import Narrator
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.redact import Redactor
from ansible_collections.oceans.llm.tests.recordings.record import load, pictures

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RED, GREEN = (0xC6, 0x28, 0x28), (0x1B, 0x7F, 0x4B)


def report(name):
    """As a run of a recorded story would have written it."""
    said, narrator = [], None
    for picture in pictures(load(name)):
        narrator = narrator or Narrator(said.append)
        verdict = judge(picture, find(picture), Helm())
        narrator.changes(picture, verdict, "")
        if verdict.state is State.FAILED:
            narrator.found(verdict.cause, "")
        if verdict.state is not State.PROGRESSING and picture.now - picture.started > 3:
            break
    seconds, database = picture.now - picture.started, "database at V45"
    outcome = Outcome(verdict.state, seconds, picture, verdict.cause, list(verdict.causes), database, "no old pods", timeline=narrator.timeline)
    release = Release("it", "ns", 1, "deployed", chart="oceans-llm-0.24.0")
    line = sentence(verdict.cause, outcome) if verdict.cause else "served: it"
    return evidence.as_json(evidence.Run(outcome, release, line, {"version_served": "0.24.0"}, "kind"))


def test_a_failed_run_shows_the_next_step_first_and_the_guilty_object_in_red():
    page = report_page.render(report("images.image-not-found"))
    order = [page.index(part) for part in ("FAILED</span>", "Next step", "ImageNotFound:", "<h2>State", "Phases of each object", "Timeline")]
    assert order == sorted(order)
    assert re.search(r"class='who mono red' title='Pod/", page) and "p-bad" in page and "class='flag'" in page
    assert "<script" not in page and not re.search(r"(src|href)=", page), "nothing is loaded, nothing runs"


def test_a_good_run_has_nothing_red():
    body = report("good-install")
    page = report_page.render(body).split("<body>")[1]
    assert "SERVED</span>" in page and "class='bad'" not in page and "mono red" not in page and "class='flag'" not in page
    assert "class='bar p-bad'" not in page
    ready = {s["object"].split("-")[1] for s in body["spans"] if s["phase"] == "ready"}
    assert ready and "migrate" not in ready, "a Job's pod is never called ready"


def test_a_text_that_many_objects_have_is_redacted_once(tmp_path):
    """Hundreds of pods that a kubelet rejects cost seconds otherwise."""

    class Counting(Redactor):
        def __call__(self, text):
            seen.append(text)
            return super().__call__(text)

    seen, picture = [], next(pictures(load("images.image-not-found")))
    picture.objects["Pod"] = {f"web-{n}": {"kind": "Pod", "metadata": {"name": f"web-{n}"}, "status": {"message": "password=hunter22"}} for n in range(9)}
    outcome = Outcome(State.FAILED, 1.0, picture)
    path = evidence.write(str(tmp_path), evidence.Run(outcome, Release("it", "ns", 1, "failed"), "FAILED", {}, "kind"), Counting())
    objects = (pathlib.Path(path) / "objects.json").read_text(encoding="utf-8")
    assert seen.count("password=hunter22") == 1 and "hunter22" not in objects and "web-8" in objects


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)")
@pytest.mark.parametrize(("name", "there", "absent"), [("images.image-not-found", RED, GREEN), ("good-install", GREEN, RED)])
def test_a_real_browser_paints_it(name, there, absent, tmp_path):
    (tmp_path / "report.html").write_text(report_page.render(report(name)), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--hide-scrollbars"]
    command += [f"--user-data-dir={tmp_path}/profile", "--window-size=1000,700", f"--screenshot={tmp_path}/page.png", f"file://{tmp_path}/report.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (tmp_path / "page.png").exists(), done.stderr[-500:]
    width, height, colours = painted((tmp_path / "page.png").read_bytes())
    assert (width, height) == (1000, 700)
    share = {colour: colours.get(colour, 0) / (width * height) for colour in (RED, GREEN)}
    assert share[there] > 0.0005, f"the badge and the bars are painted: {share}"
    assert share[absent] < share[there], share
    assert len(colours) > 40, "text is there: letters have soft edges"


def painted(png):
    """Width, height and how often each colour occurs (PNG, 8 bits, no interlace)."""
    at, data, width, height, channels = 8, b"", 0, 0, 3
    while at < len(png):
        (length,), kind = struct.unpack("!I", png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _compression, _filter, interlace = struct.unpack("!IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and not interlace
            channels = 4 if colour == 6 else 3
        elif kind == b"IDAT":
            data += body
        at += length + 12
    rows, stride, colours = zlib.decompress(data), width * channels, {}
    before = bytearray(stride)
    for y in range(height):
        kind, row = rows[y * (stride + 1)], bytearray(rows[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        unfilter(kind, row, before, channels)
        before = row
        for x in range(0, stride, channels):
            colour = (row[x], row[x + 1], row[x + 2])
            colours[colour] = colours.get(colour, 0) + 1
    return width, height, colours


def unfilter(kind, row, before, step):
    """PNG specification, filter types 0 to 4; in place."""
    for i in range(len(row)) if kind else ():
        left, up, corner = (row[i - step] if i >= step else 0), before[i], (before[i - step] if i >= step else 0)
        guess = min((left, up, corner), key=lambda v: abs(left + up - corner - v)) if kind == 4 else (0, left, up, (left + up) // 2)[kind]
        row[i] = (row[i] + guess) & 255


@pytest.mark.parametrize(
    ("line", "tone"),
    [
        ("FAILED ImageNotFound Pod/x: no", "error"),
        ("served: ns/it version 0.24.0 after 9.0 s", "ok"),
        (" 10.6s … Job/x: is running (6 s)", "debug"),
        (" 30.2s DatabaseAuth Pod/x container migrate: no — stopping the Jobs and Helm", "error"),
        ("  9.0s Pod/x: the registry limits the rate of pulls (429) (given 300 s)", "warn"),
        (" 22.0s cluster state unknown: the API server does not answer", "warn"),
        ("  5.0s Deployment/x: 0 of 1 new pods made, 0 available", ""),
        ("  6.0s Job/x is running", ""),
        ("changing ns/it: +ConfigMap/x", ""),
    ],
)
def test_lines_have_a_tone(line, tone):
    assert narrator.tone(line) == tone
