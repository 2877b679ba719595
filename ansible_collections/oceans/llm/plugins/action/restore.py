# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.restore: bring a restore point back. The work is in lifecycle/restoring.py; the role deploys the version that fits."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented, for_people
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import cnpg_backup, restoring
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.restore_point import RestorePoint, points
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.source import Source
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.taking import Wish
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import unrecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt


class ActionModule(ClusterAction):
    """Choose, refuse early, bring back under the lock of the release."""

    ARGUMENTS = documented("restore")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        ns, name, to = args["namespace"], args["name"], args["to"]
        lock = Lock(cluster, ns, name, self.say)
        lock.look()
        release = unrecorded.latest(cluster, ns, name, self.say)
        if release is None:
            raise Refused(f"Helm has no release {name} in namespace {ns} on {cluster.server}; nothing was changed — deploy the release first")
        if not release.revision and not to:
            raise Refused(
                "the tool that applied this release would start the gateway's pods again while the database is being restored; nothing was changed — "
                "set oceans_llm_restore_to to the name of a new database, and write it into the URL in the gateway's Secret afterwards"
            )
        known = [dataclasses.asdict(point) for point in points(cluster, ns, name)]
        point = restoring.choose(cluster, release, args["point"])
        source = Source.read(cluster, release)
        self.redactor.learn([source.target.password])
        version = restoring.version(point)
        told: dict[str, Any] = {"restore_point": dataclasses.asdict(point), "restore_points": known, "version": version}
        told |= {"deploy": bool(version and not to), "cloudnativepg": {}}
        for each in known if self._task.check_mode else ():
            self.say(f"restore point {each['name']}: {each['kind']}, {each['version'] or 'version not known'}, V{each['schema_version']}, in {each['place']}")
        if cnpg_backup.replaces(source, point, to):
            return {**told, **self._replaced(cluster, source, point, to, version)}
        if self._task.check_mode:
            restoring.refuse(source, point)
            text = f"would restore {point.phrase(cluster.now())} into {f'the new database {to}' if to else source.target}"
            then = f"and deploy version {version}" if version else "but deploy nothing, because the version that fits is not known"
            return {**told, "changed": True, "msg": text if to else f"{text}, {then}"}
        self.say(f"restoring {point.phrase(cluster.now())}")
        with Interrupt(stdout=for_people()) as interrupt, lock.of(release.revision):
            done = restoring.restore(
                cluster, source, point, to, Wish.of(args["restore_point"], args["timeout"]), self.say,
                lambda: lock.lost or (f"interrupted by {interrupt.name}" if interrupt else ""),
            )  # fmt: skip
            if interrupt and not to:
                raise Refused(f"interrupted by {interrupt.name} after {done.database} was restored; no gateway pod is running — {deploy(done.version)}")
        text = (
            f"restored {done.database} from {point.name} in {done.seconds:.1f} s, "
            f"{'by the command of oceans_llm_restore_point_command' if point.kind == 'command' else 'and compared all rows'}"
        )
        if done.aside:
            text += f"; the data from before the restore is in schema {done.aside} (to delete it: DROP SCHEMA {done.aside} CASCADE)"
        if to:
            text += f"; the gateway still uses its own database — to use {to}, write its name into the URL in the gateway's Secret, then {deploy(done.version)}"
        elif not done.version:
            text += f"; the version that fits this database is not known, and no gateway pod is running — {deploy('')}"
        self.say(text)
        return {**told, "changed": True, "database": done.database, "aside": done.aside, "seconds": round(done.seconds, 1), "msg": text}

    def _replaced(self, cluster: Cluster, source: Source, point: RestorePoint, to: str, version: str) -> dict[str, Any]:
        """Nothing is written here: the chart has the new Cluster, and the deploy that follows follows its recovery, too."""
        restoring.refuse(source, point)
        if not version:
            raise Refused(f"the version of the gateway that fits {point.name} is not known; nothing was changed — restore without oceans_llm_restore_to")
        values = cnpg_backup.replacement(cluster, source, point, to)
        variables = json.dumps({"oceans_llm_version": version, "oceans_llm_cloudnativepg": values})
        text = f"{point.phrase(cluster.now())} is restored as the new Cluster/{to}, and version {version} is deployed on this Cluster"
        text += f"; the Cluster of {source.target} stays unchanged; set these variables in the inventory before the next run: {variables}"
        text = f"with a run without --check, {text}" if self._task.check_mode else text
        self.say(text)
        return {"changed": True, "deploy": True, "cloudnativepg": values, "database": f"Cluster/{to}", "msg": text}


def deploy(version: str) -> str:
    return "run: " + playbooks.command("deploy", f"-e oceans_llm_version={version or 'VERSION'}")
