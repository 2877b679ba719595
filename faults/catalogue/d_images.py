# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""D: images and containers."""

from __future__ import annotations

from .. import registry
from ..row import INSTALL, UPGRADE, Row
from ..signals import event, exited

PULL = event("Failed", "pull")


def _from(mode: str) -> dict[str, str]:
    return {"oceans_llm_gateway_image": registry.image(mode)}


ROWS = (
    Row(
        "D1",
        "an image tag that does not exist",
        "ImageNotFound",
        3,
        signal=PULL,
        variables=_from("missing"),
        says=("missing",),
        on=(INSTALL, UPGRADE),
        quick=True,
        compare=True,
    ),
    Row(
        "D2",
        "the registry denies the pull (HTTP 403)",
        "ImageDenied",
        3,
        signal=PULL,
        variables=_from("denied"),
        says=("imagePullSecrets",),
        on=(INSTALL, UPGRADE),
    ),
    Row("D2b", "the registry requires credentials (HTTP 401)", "ImageDenied", 3, signal=PULL, variables=_from("unauth"), says=("imagePullSecrets",)),
    Row("D3", "the registry answers 429 for 30 s, then normally", variables=_from("limited30"), says=("429",), takes=90),
    Row("D4", "the registry answers 503 for 20 s, then normally", variables=_from("down20"), says=("5xx",), takes=75),
    Row("D4b", "a registry that takes 15 s for each answer", variables=_from("slow15"), takes=90),
    Row("D5", "an image for another architecture only", "ImageArchitecture", 3, signal=PULL, variables=_from("foreign")),
    Row(
        "D6",
        "the gateway exits with code 1 when it starts",
        "CrashLoop",
        1.5,
        declared_within=12,
        named="exit code 1",
        knobs={"STANDIN_CRASH": "serve"},
        signal=exited("gateway"),
        says=("exit code 1", "stand-in"),
        on=(INSTALL, UPGRADE),
        quick=True,
        compare=True,
    ),
    Row(
        "D7",
        "a segmentation fault",
        "Segfault",
        1.5,
        knobs={"STANDIN_CRASH": "serve", "STANDIN_EXIT_CODE": "139"},
        signal=exited("gateway"),
        says=("139|SIGSEGV",),
    ),
    Row("D7b", "exec format error", "ExecFormat", 1.5, variables=_from("badexec"), signal=exited()),
    Row(
        "D8",
        "the gateway runs out of memory when it starts",
        "OOMKilled",
        1.5,
        knobs={"STANDIN_MEMORY": "serve:400"},
        signal=exited("gateway"),
        says=("160Mi",),
        on=(INSTALL, UPGRADE),
        compare=True,
    ),
    Row("D9", "the gateway crashes once, then is healthy", knobs={"STANDIN_CRASH_ONCE": "serve"}, says=("exit code 1",), takes=50, quick=True),
)
