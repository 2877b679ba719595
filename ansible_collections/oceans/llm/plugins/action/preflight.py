# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.preflight: everything that can be known before the first write, all findings at once."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import configuration, variables
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import chart as charts
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import process, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import DECIDED, ChartUnavailable, Helm, HelmError, as_text, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import manifests, paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, ClusterError
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import collect, rules
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import drain, route_timeouts
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Picture, Tools, Wanted, is_test
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.finding import ERROR, Finding, settle, unknown_code, unused_waivers
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest, plan

#: the chart's refusals stand in this one file (a rule of the chart oceans-llm)
VALIDATIONS = os.path.join("templates", "validations.yaml")


class ActionModule(ClusterAction):
    """Render once, read the cluster, judge, tell."""

    ARGUMENTS = documented("preflight")
    _unreachable = ""

    def connect(self, args: dict[str, Any]) -> Cluster:
        """A cluster that cannot be found is one finding among the others, not the end of the look."""
        try:
            return super().connect(args)
        except ClusterError as error:
            self._unreachable = str(error)
            return None  # type: ignore[return-value]

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        start = time.monotonic()
        self.redactor.learn(plan.as_bytes(v) for v in args["secrets"].values())
        self.redactor.learn([args["chart_registry"].get("password") or ""])
        picture = self._picture(args, cluster)
        if cluster is not None:
            picture = self._look(picture, cluster, self.say)
        for secret in picture.secrets.values():
            self.redactor.learn_secret(secret or {})
        findings = settle(rules.check(picture), args["waive"])
        return self._report(findings, unused_waivers(findings, args["waive"]), picture, time.monotonic() - start)

    # --- facts ----------------------------------------------------------------------------------------------------

    def _picture(self, args: dict[str, Any], cluster: Cluster | None) -> Picture:
        wanted = wanted_of(args)
        names = tuple(str(n) for n in self.task_vars if str(n).startswith("oceans_llm_"))
        given, known = tuple(n for n in names if self.task_vars[n]), tuple(variables.options())
        picture = Picture(wanted=wanted, unreachable=self._unreachable, variables=names, known_variables=known, given=given)
        try:
            helm = Renderer(args["helm_binary"], dict.fromkeys(DECIDED))
        except HelmError as error:
            return replace(picture, tools=Tools(helm_error=str(error), kubernetes_core=kubernetes_core()))
        with ThreadPoolExecutor(1) as pool:
            version = pool.submit(helm.version)  # beside the render
            picture = self._render(picture, helm, args, cluster)
        return replace(picture, tools=Tools(helm=version.result(), kubernetes_core=kubernetes_core()))

    def _render(self, picture: Picture, helm: Renderer, args: dict[str, Any], cluster: Cluster | None) -> Picture:
        """A chart that refuses is rendered again without its validations: what it would make can be judged all the same."""
        scratch = tempfile.mkdtemp(prefix="oceans-llm-")
        refusals: list[str] = []
        try:
            pulled = helm.pull(args["chart"], args["chart_version"], scratch, args["chart_registry"])
            picture = replace(picture, chart=charts.metadata(pulled))
            planned = self._planned(args, pulled, cluster, scratch)
            if planned:
                return replace(picture, objects=planned.objects, rendered=planned.objects, record_size=planned.size)
            chart = unpacked(pulled, os.path.join(scratch, "unpacked"))
            for schema, validations in ((True, True), (False, True), (False, False)):
                options = () if schema else ("--skip-schema-validation",)
                try:
                    if not validations:
                        with contextlib.suppress(FileNotFoundError):
                            os.unlink(os.path.join(chart, VALIDATIONS))
                    objects = helm.render(args["name"], args["namespace"], chart, args["values"], *options)
                    return replace(
                        picture,
                        objects=objects,
                        rendered=objects,
                        record_size=helm.size,
                        chart_errors=tuple(refusals),
                        chart_values=charts.defaults(chart) if refusals else {},
                        chart_schema=charts.schema(chart) if refusals else {},
                    )
                except HelmError as error:
                    if str(error) not in refusals:
                        refusals.append(str(error))
            return replace(picture, chart_errors=tuple(refusals), chart_values=charts.defaults(chart), chart_schema=charts.schema(chart))
        except ChartUnavailable as error:
            return replace(picture, chart_unavailable=str(error))
        except HelmError as error:
            return replace(picture, chart_errors=(str(error),))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _planned(self, args: dict[str, Any], chart: str, cluster: Cluster | None, scratch: str) -> releases.Release | None:
        """The render of the role deploy, which gets it from here; None where Helm refuses or the cluster cannot be asked."""
        try:
            live = releases.latest(cluster, args["namespace"], args["name"]) if cluster else None
            values = digest.as_live(args["values"], digest.places(charts.defaults(chart)), live)
            helm = Helm(args["helm_binary"], for_helm(self.auth(args), scratch)) if cluster else None
            if helm and not self._task.check_mode and not (live and live.has(values)):
                process.warm(self, self.task_vars)  # the role deploy will start it
            return helm.plan(args["name"], args["namespace"], chart, values, live, keep=True) if helm else None
        except (HelmError, ApiError, ClusterError):
            return None

    @staticmethod
    def _look(picture: Picture, cluster: Cluster, say: Callable[[str], None]) -> Picture:
        picture = replace(picture, server=cluster.server)
        try:
            cluster.get(paths.VERSION)
            return collect.collect(picture, cluster, say)
        except ApiError as error:
            return replace(picture, unreachable=str(error))

    # --- telling --------------------------------------------------------------------------------------------------

    def _report(self, findings: list[Finding], unused: list[str], picture: Picture, seconds: float) -> dict[str, Any]:
        for finding in findings:
            self.say(finding.line())
        for code in unused:
            self.say(f"note: oceans_llm_preflight_waive contains {code}, but there is no such finding{unknown_code(code)}; remove the entry")
        if picture.database and picture.database.unknown:
            self.say(f"note: the database was {picture.database.phrase()}; the rollout will check the database")
        for note in (*drain.notes(picture), *route_timeouts.notes(picture)):
            self.say(f"note: {note}")
        errors = [f for f in findings if f.severity == ERROR and not f.waived]
        warnings = [f for f in findings if f.severity != ERROR and not f.waived]
        counts = f"{len(errors)} error{'s' * (len(errors) != 1)}, {len(warnings)} warning{'s' * (len(warnings) != 1)}"
        result: dict[str, Any] = {
            "changed": False,
            "findings": [f.as_dict() for f in findings],
            "error_count": len(errors),
            "warning_count": len(warnings),
            "seconds": round(seconds, 1),
            "database": picture.database.phrase() if picture.database else "",
        }
        checked = len(picture.objects)
        text = f"preflight: {counts}, {checked} objects rendered{' and sent as dry runs' if picture.dry_runs else ', none sent as a dry run'}, {seconds:.1f} s"
        self.say(text)
        if errors:
            first = errors[0].line() if len(errors) == 1 else "; ".join(f"{f.code} {f.object}" for f in errors)
            return result | {"failed": True, "msg": f"preflight found {counts}, nothing was changed: {first}"}
        return result | {"msg": text}


def wanted_of(args: Mapping[str, Any]) -> Wanted:
    """What the task was asked for."""
    provision: dict[str, bytes | None] = {}
    unwritable: list[tuple[str, plan.Problem]] = []
    if args["secrets_source"] == "inline":
        unwritable = plan.unwritable(configuration.section(args["values"], "secrets", "inline"))
    if args["secrets_source"] == "provision":
        unwritable = plan.unwritable(args["secrets"])
        broken = {key for key, problem in unwritable if not problem.warning}
        provision = dict.fromkeys(args["generate"]) | {k: None if k in broken else plan.as_bytes(v) for k, v in args["secrets"].items()}
    return Wanted(
        release=args["name"],
        namespace=args["namespace"],
        create_namespace=args["create_namespace"],
        secrets_source=args["secrets_source"],
        secret_name=args["secret_name"],
        provision=provision,
        unwritable=tuple(unwritable),
        bootstrap_admin=args["bootstrap_admin"],
        config=configuration.section(args["values"], "gateway", "config"),
        platform=str(args["values"].get("platform") or ""),
        force_conflicts=args["force_conflicts"],
        recover_after=args["recover_after"],
        probe_key=(args["probe_key_secret"], args["probe_key_name"]) if args["probe_key_secret"] else (),
    )


class Renderer(Helm):
    """Helm without a cluster: the chart's refusals are told apart from the cluster's."""

    #: bytes of Helm's record of what was rendered last
    size = 0

    def version(self) -> str:
        """`v4.2.4`; what Helm prints, when it is something else."""
        done = subprocess.run([self.binary, "version", "--template", "{{.Version}}"], capture_output=True, text=True, timeout=20, check=False)
        return done.stdout.strip() or (done.stderr.strip().splitlines() or [""])[0]

    def render(self, release: str, namespace: str, chart: str, values: Mapping[str, Any], *options: str) -> tuple[dict[str, Any], ...]:
        """All objects, hooks among them, tests left out. `chart` is a folder of our own (`unpacked`)."""
        arguments = ["template", release, chart, "--namespace", namespace, "--values", "-", *options]
        text = self._run(arguments, stdin=as_text(values))
        self.size = releases.record_size(json.dumps({"chart": files_of(chart), "values": charts.defaults(chart), "config": values, "manifest": text}))
        return tuple(o for o in manifests.load_all(text) if not is_test(o))


def unpacked(chart: str, into: str) -> str:
    """A copy of a chart, folder or archive, that may be changed."""
    if os.path.isdir(chart):
        if not os.path.isfile(os.path.join(chart, "Chart.yaml")):
            raise ChartUnavailable(f"{chart} is not a chart: it has no Chart.yaml")
        return shutil.copytree(chart, into)
    try:
        with tarfile.open(chart) as archive:
            archive.extractall(into, filter="data")
        return next(entry.path for entry in os.scandir(into) if entry.is_dir())
    except (OSError, StopIteration, tarfile.TarError) as error:
        raise ChartUnavailable(f"{chart} is not a chart: {error or 'the archive contains no folder'}") from error


def files_of(chart: str) -> dict[str, str]:
    """The files of an unpacked chart that Helm's record has as they are; without the folders that .helmignore names."""
    top = pathlib.Path(chart)
    ignored = {line.strip("/") for line in (top / ".helmignore").read_text().splitlines()} if (top / ".helmignore").exists() else set()
    parsed = {"Chart.yaml", "values.yaml"}
    files = [path for path in top.rglob("*") if path.is_file() and path.relative_to(top).parts[0] not in ignored | parsed]
    return {path.name: base64.b64encode(path.read_bytes()).decode() for path in files}


def kubernetes_core() -> str:
    """The installed version of kubernetes.core; empty when it is not there."""
    try:
        package = importlib.import_module("ansible_collections.kubernetes.core")
        with open(os.path.join(next(iter(package.__path__)), "MANIFEST.json"), encoding="utf-8") as file:
            return str(json.load(file)["collection_info"]["version"])
    except (ImportError, OSError, ValueError, KeyError, StopIteration):
        return ""
