# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The healthy release that a row begins with.

The roles make the first one of each version. The others are copies: the same values and Secrets with the database of the row, by
`helm upgrade --install`. That saves an ansible-playbook, a dry run, a probe pod and a report for each of them.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.digest import digest
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.plan import MANAGER

from .. import kube
from ..compare import CHART
from ..kube import Broken
from ..place import NEW, OLD, RELEASE, Place, merged
from ..play import Play
from .foreign import UPGRADE, Foreign

SECRET, KEY = f"{RELEASE}-secrets", f"{RELEASE}-digest-key"
#: seconds until what is new is reachable from another node
TO_OPEN = 25.0
_models: dict[str, Model] = {}


@dataclass(frozen=True)
class Model:
    """Values of the release and its two Secrets, as the roles made them."""

    values: str
    secret: dict[str, Any]
    key: dict[str, Any]

    @classmethod
    def of(cls, place: Place) -> Model:
        found = {s["metadata"]["name"]: s for s in kube.get(place.namespace, "secret")}
        secret, key = ({**found[n], "metadata": {"name": n, "labels": found[n]["metadata"].get("labels", {})}} for n in (SECRET, KEY))
        return cls(place.helm("get", "values", RELEASE, "-o", "json"), secret, key)

    def put(self, place: Place) -> None:
        """The same release for another place."""
        data = {**self.secret["data"], "POSTGRES_URL": base64.b64encode(place.url().encode()).decode()}
        kube.apply(place.namespace, self.key)
        kube.apply(place.namespace, {**self.secret, "data": data}, manager=MANAGER)
        key = base64.b64decode(self.key["data"]["key"])
        values = json.loads(self.values.replace(digest(self.secret["data"], key), digest(data, key)))
        file = place.folder / "base.json"
        file.write_text(json.dumps(merged(values, place.fill(place.row.base.get("oceans_llm_values", {})))), encoding="utf-8")
        # not --wait: a hook migrates the database, and the gateway waits for that
        place.helm("upgrade", "--install", RELEASE, CHART, "-f", str(file), "--timeout", "150s")
        kube.kubectl("-n", place.namespace, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=90s")


def make(row: Foreign, place: Place, way: str) -> None:
    """The old version before an upgrade. :raises Broken: when it is not healthy."""
    alike = row.base_roles == Foreign.base_roles and not (place.operated or row.base.keys() - {"oceans_llm_values"})
    model = _models.get(way) if alike else None
    if model:
        model.put(place)
    else:
        # nothing of this run is judged
        more = {"oceans_llm_probe": "false", "oceans_llm_report_always": False}
        base = Play(place, {**place.base_variables(OLD if way == UPGRADE else NEW), **more}, row.base_roles, label="base")
        if base.wait(300) != 0:
            raise Broken(f"the healthy release could not be installed: {base.screen[-600:]}")
    end, seen = time.monotonic() + TO_OPEN, row.bite(place)
    while seen and time.monotonic() < end:
        time.sleep(1)
        seen = row.bite(place)
    if seen:
        raise Broken(f"the release is not healthy before the fault: {seen}")
    if alike and not row.base and not model:
        _models[way] = Model.of(place)
