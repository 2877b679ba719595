# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points for what was said: entity, mechanism, scope. Pure: texts in, numbers out."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence

from ..play import HOST
from .foreign import PASS, UPGRADE, Graded, Wanted

SAID = rf"^\[{HOST}\] +"
#: the object that a sentence blames: FAILED CODE Kind/name …:
SUBJECT = re.compile(r"FAILED (\S+) (\S+?)(?: container (\S+?))?: ")
#: a pod, ReplicaSet or Deployment of the gateway may always be the subject: all of these faults end in its pods
GATEWAY = r"(Pod|ReplicaSet|Deployment)/\S*-gateway"
#: what a healthy run must not say: a cause, an object with a reason why it may not come up, or that something is not known
BLAMED = r"(?:Pod|ReplicaSet|Service|Node|Event|PersistentVolumeClaim)/\S+: |[A-Z][A-Za-z]+ [A-Z][A-Za-z]+/\S+(?: container \S+)?:"
UNSURE = r".*\b(?:cannot|could not|unknown|not probed|broke off|was interrupted|Read timed out)\b"
DOUBT = re.compile(rf"{SAID}(?:FAILED |ERROR |(?:[\d.]+s )?(?:{BLAMED}|{UNSURE}))")


def matches(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text, re.IGNORECASE))


def names(wanted: Wanted, text: str) -> bool:
    """Entity and the whole mechanism stand in one line."""
    return matches(wanted.entity, text) and all(matches(p, text) for p in wanted.mechanism)


def scope(wanted: Wanted, text: str, version: int) -> tuple[bool, list[str]]:
    """Nothing else is blamed and the state is right; what is wrong, as sentences. `version`: of the schema, by psql."""
    wrong = []
    found = SUBJECT.search(text)
    if found and found.group(1) == "Timeout":
        wrong.append("a bare time-out")
    elif found and not matches(wanted.entity, text.split(" — ")[0]) and not re.match(GATEWAY, found.group(2)):
        wrong.append(f"blames {found.group(2)}")
    wrong += [f"the output matches '{p}', which is unrelated to the fault" for p in wanted.innocent if matches(p, text)]
    told = re.search(r"database (?:schema )?(?:is )?(?:still )?at V(\d+)", text)
    if told and version and int(told.group(1)) != version:
        wrong.append(f"says the database is at V{told.group(1)}, psql says V{version}")
    return not wrong, wrong


def asserted(text: str, hints: Sequence[str] = ()) -> str:
    """What is said to be so. "Compare the selector with the labels" is a task, not a finding, and the path of the evidence folder proves nothing."""
    for hint in hints:
        text = text.replace(hint, "")
    return re.sub(r" — report: \S+", "", text)


def hints(lines: Sequence[str]) -> list[str]:
    """Every hint of the task that failed, out of its result as Ansible prints it."""
    found: list[str] = []
    for line in lines:
        if line.startswith("fatal: [") and " => " in line:
            with contextlib.suppress(ValueError):
                result = json.loads(line.split(" => ", 1)[1])
                causes = [result.get("cause") or {}, *(result.get("findings") or ())]
                found += [" ".join(cause["hint"].split()) for cause in causes if cause.get("hint")]
    return found


def fault(result: Graded, wanted: Wanted, sentence: str, said_hints: Sequence[str], code: int, bitten: bool, damaged: str, version: int) -> None:
    """Fill in points and outcome. `bitten`: the damage was seen at some time; `damaged`: what is seen of it at the end."""
    text = asserted(sentence, said_hints)
    result.line = asserted(sentence)
    if not bitten:
        result.outcome = "no damage"
        result.problems.append("after the fault, no request of the test client and no rollout failed, so the row is not counted")
        return
    if code == 0:
        result.outcome = "false success" if damaged else "repaired" if result.way == UPGRADE and wanted.repaired else "no damage"
        if result.outcome != "repaired":
            result.problems.append(f"ended with success, but: {damaged or 'the damage is gone'}")
        return
    said = [p for p in wanted.mechanism if matches(p, text)]
    result.entity, result.mechanism = float(matches(wanted.entity, text)), float(len(said) == len(wanted.mechanism))
    right, wrong = scope(wanted, text, version)
    result.scope = float(right)
    result.problems += wrong
    if not result.entity:
        result.problems.append(f"the last line does not match {wanted.entity} (object)")
    result.problems += [f"the last line does not match {p} (reason)" for p in wanted.mechanism if p not in said]
    if result.score >= PASS:
        result.outcome, result.problems = "right", []
    elif "a bare time-out" in wrong:
        result.outcome = "time-out"
    else:
        result.outcome = "vague" if right and (result.entity or said) else "wrong"


def control(result: Graded, lines: Sequence[str], code: int, damaged: str) -> None:
    doubts = [asserted(text) for text in lines if DOUBT.search(text)]
    result.line = asserted(next((text for text in reversed(lines) if text.startswith(f"[{HOST}]")), ""))
    result.entity = result.mechanism = result.scope = float(code == 0 and not doubts)
    result.outcome = "green" if code == 0 and not doubts and not damaged else "false alarm"
    result.problems += [f"a healthy run said: {text}" for text in doubts]
    if code:
        result.problems.append(f"a healthy run ended with exit code {code}")
    if damaged:
        result.problems.append(f"the control does damage: {damaged}")
