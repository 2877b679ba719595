# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Post-checks: what a user of the release gets. Helm and Kubernetes are not believed; what cannot be asked is not called served."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ..codes import BY_CODE
from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.endpoints import ready as ready_endpoints
from ..kube.objects import image_tag, name_of, part
from ..secrets import digest
from . import completion, ingress_look, lasting, probe_verdict, service_look
from .asking import Reply, Trouble, through_pod, through_service
from .causes import by_hand
from .causes.cause import cause as make
from .database_look import DatabaseLook, Seen
from .interrupt import Interrupt
from .model import Cause, Snapshot
from .probe import Probe

#: seconds that the way to a pod that has just become ready may take to open (endpoints, kube-proxy), and between two tries
SETTLE, AGAIN = 10.0, 0.3
#: the same where only a ClusterIP does not lead to the pods: kube-proxy on a node without free CPU is that late (`make noise`)
LATE = 30.0
#: seconds between two lines while something wrong is asked for again
HEARTBEAT = 4.5
#: seconds that a Service proxy which does not reach the pods is given before other ways are tried
PATIENT = 2.0
#: seconds for which an error of the admin UI itself has to last
ANSWERED = 1.0
#: pods that are asked by port-forward when the Service proxy tells nothing
PODS = 2
#: what a pod template that was changed by hand may bring about
BY_HAND = ("AdminUiDown", "WrongVersionServed", "NotServed", "Unverified")
NOT_ASKED = "the collection could not ask the gateway which version it serves"
#: what changes by itself while a way opens
OPENING = (
    "NoEndpoints",
    "OldPodsServe",
    "NotServed",
    "NotReady",
    "AdminUiDown",
    "Unverified",
    "RouteRefused",
    "ServiceIpUnreachable",
    "ClusterDnsFails",
)  # and not NetworkPolicyBlocks: policies that admit nobody stand in the API, however long they are asked


class State(Enum):
    """`NOT_ASKED`: a right is missing, or the release has no gateway; a note says so."""

    SERVED = "served"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Served:
    """What was found: `version` served (empty: not known), `wrong`: what makes it no success, `notes` for the reader."""

    version: str = ""
    wrong: Cause | None = None
    notes: tuple[str, ...] = ()
    #: what came of the question for a completion; None when none was asked for
    completion: completion.Found | None = None

    @property
    def state(self) -> State:
        if self.wrong:
            return State.UNVERIFIED if self.wrong.code == "Unverified" else State.FAILED
        return State.SERVED if self.version else State.NOT_ASKED


@dataclass(frozen=True)
class Expected:
    """The version that has to be served. `exact`: somebody named it, so it is compared as it stands."""

    text: str = ""
    exact: bool = False

    def verdict(self, served: str) -> tuple[bool, str]:
        """(it is another version, a note). A tag is a version of the program when it is x.y.z and no date; a suffix is the builder's own."""
        wanted, got = self.text.removeprefix("v"), served.removeprefix("v")
        if not wanted or wanted == got:
            return False, ""
        if self.exact or (re.fullmatch(r"\d+\.\d+\.\d+", wanted) and int(wanted.partition(".")[0]) < 1000):
            return True, ""
        if not wanted[:1].isdigit() or re.match(rf"{re.escape(got)}[-+.]", wanted):
            return False, ""
        what = f"the gateway serves version {got}; the image tag {self.text} is not a version number, so tag and version were not compared"
        return False, f"{what}; set oceans_llm_expected_version to compare the served version"


def gateway_service(manifest: Iterable[Mapping[str, Any]]) -> tuple[str, int] | None:
    """Name and port of the gateway's Service among rendered objects; None in a release that has none."""
    found = part(manifest, "Service")
    return (found["metadata"]["name"], int(found["spec"]["ports"][0]["port"])) if found else None


def expected_version(release: Release, asked: str = "", tag: str = "") -> Expected:
    """`asked`: the version by name; else `tag`, the image tag that was asked for; else the one that the release has."""
    if asked:
        return Expected(asked, exact=True)
    gateway = part(release.manifest, "Deployment") if not tag else None
    if gateway:
        tag = image_tag(str(gateway["spec"]["template"]["spec"]["containers"][0].get("image") or ""))
    return Expected(tag.split("@", 1)[0])


def check(
    cluster: Cluster,
    snapshot: Snapshot,
    release: Release,
    expected: Expected,
    key: bytes | None = None,
    probe: Probe | None = None,
    say: Callable[[str], None] = lambda _line: None,
    interrupted: Interrupt | None = None,
    question: completion.Question | None = None,
) -> Served:
    """Everything that a deployment which Helm calls deployed may still lack. `key`: of the Secrets' digests (secrets.digest). `question`: for
    a completion, asked when nothing else is wrong.

    Raises no ApiError: what goes wrong on the way is a reason why the release could not be verified. A signal ends every wait.
    """
    run, begun = _Check(cluster, snapshot, release, expected, key, probe, gateway_service(release.manifest), say, interrupted), time.monotonic()
    told = begun
    while True:
        spent = time.monotonic() - begun
        try:
            found = run.once(patient=spent < PATIENT)
        except ApiError as error:
            found = Served(wrong=make("Unverified", snapshot, run.where, NOT_ASKED, f"{error.path}: {error}"))
        if interrupted:
            what = f"the run was ended by {interrupted.name} while it checked the served version"
            so_far = f"result of the checks so far: {found.wrong.cause if found.wrong else 'no error'}"
            return Served(wrong=make("Interrupted", snapshot, run.where, what, so_far))
        if found.wrong is None:
            return run.explained(run.completed(found, question)) if question else found
        if spent >= settle(found.wrong, run.by_hand(found.wrong)):
            return run.explained(found)
        if time.monotonic() - told > HEARTBEAT:
            told = time.monotonic()
            # what opens by itself is not named as a cause yet
            say(f"… checking the served version for {spent:.0f} s" + (f": {found.wrong.object}: {found.wrong.cause}" if spent > SETTLE else ""))
        time.sleep(AGAIN)  # a connection has no watch


def settle(wrong: Cause, by_hand: str = "") -> float:
    """Seconds for which something wrong is asked for again. A way that is not open yet is one thing, an answer that came is another.

    `by_hand`: who changed the pod template, which may be the reason.
    """
    if wrong.code == "WrongVersionServed" and wrong.evidence.startswith(probe_verdict.FROM_A_POD):
        return SETTLE  # the API server's way has brought the version asked for: kube-proxy may still lead to an old pod that drains
    if wrong.code not in OPENING or _CLOSED in wrong.evidence:
        return 0.0
    if wrong.code == "AdminUiDown":
        return ANSWERED if "admin_ui_upstream_unavailable" not in wrong.evidence else SETTLE if by_hand else LATE
    return LATE if wrong.code == "ServiceIpUnreachable" and wrong.object.startswith("Service/") else SETTLE


@dataclass
class _Check:
    """One post-check; `once` is one look at everything."""

    cluster: Cluster
    snapshot: Snapshot
    release: Release
    expected: Expected
    key: bytes | None
    probe: Probe | None
    service: tuple[str, int] | None
    say: Callable[[str], None]
    interrupted: Interrupt | None
    #: rounds of the probe before this look
    heard: int = 0

    @property
    def where(self) -> str:
        return f"Service/{self.service[0]}" if self.service else f"Release/{self.snapshot.scope.release}"

    def once(self, patient: bool) -> Served:
        self.heard = self.probe.heard() if self.probe else 0  # the probe pod sends further requests while the other checks run
        stale = _secrets(self.cluster, self.snapshot, self.release, self.key)
        self.key = None  # once is enough
        wrong = stale or next(service_look.find(self.cluster, self.snapshot, self.release), None)
        if wrong:
            # pods that became unready again may have lost what they need, and not the Service its pods
            return Served(wrong=(self._network() if wrong.code == "NoEndpoints" else None) or wrong)
        found = self._asked(self.service, patient) if self.service else Served()
        wrong = found.wrong or next(ingress_look.find(self.cluster, self.snapshot, self.release), None)
        return replace(found, wrong=wrong or lasting.check(self.cluster, self.snapshot, self.say, lambda: bool(self.interrupted)))

    def completed(self, found: Served, question: completion.Question) -> Served:
        """One question: what passes by itself is asked again in the pod."""
        if not (self.service and self._deployment):
            return found
        told = completion.check(self.cluster, self.snapshot, self.release, self._deployment, self.service, question, self.say, lambda: bool(self.interrupted))
        if self.interrupted:
            what = f"the run was ended by {self.interrupted.name} while it requested a completion"
            return replace(found, wrong=make("Interrupted", self.snapshot, self.where, what, "all other checks succeeded"))
        return replace(found, wrong=told.wrong, completion=told)

    def explained(self, found: Served) -> Served:
        """With what is known of the reason: of the database, or of who changed the pod template by hand."""
        wrong, more = found.wrong, ""
        if wrong and wrong.code == "NotReady":
            more = next(DatabaseLook(self.cluster, self.snapshot.scope.namespace, self.release.objects).looks(), Seen()).sentence
            more = f": {more}" if more else ""
        elif wrong:
            more = self.by_hand(wrong)
        return replace(found, wrong=replace(wrong, cause=wrong.cause + more)) if wrong and more else found

    def by_hand(self, wrong: Cause) -> str:
        """Who changed a pod template of the release by hand, where that may be the reason; empty when nobody did."""
        if wrong.code not in BY_HAND and BY_CODE[wrong.code].group != "Completions":
            return ""
        return "".join(by_hand.template(self.snapshot, name) for name in self.snapshot.scope.deployments)

    def _asked(self, service: tuple[str, int], patient: bool) -> Served:
        found = _judge(Asker(self.cluster, self.snapshot.scope.namespace, *service, patient), self.snapshot, self.expected)
        unasked = bool(found.wrong and found.wrong.code == "Unverified")
        if self._deployment is None or (found.wrong and found.wrong.code == "WrongVersionServed"):
            return found
        if found.wrong and unasked and patient and _CLOSED not in found.wrong.evidence:
            return found
        if found.wrong and not unasked:
            # what the gateway cannot reach, or is not reached by, has this reason
            return replace(found, wrong=self._shut(between=found.wrong.code == "AdminUiDown") or self._network(found.version) or found.wrong)
        if self.probe:
            return self._probed(found)
        shut = self._shut()
        if shut is None:
            return found
        note = f"{shut.object}: {shut.cause}; not probed: no probe pod tested whether the cluster network enforces NetworkPolicies"
        return replace(found, notes=(*found.notes, note))

    def _shut(self, between: bool = False) -> Cause | None:
        """NetworkPolicies that leave the gateway's pods no way; `between`: none to the admin UI."""
        found = probe_verdict.policies(self.cluster, self.snapshot.scope.namespace)
        if not found or not self._deployment:
            return None
        shut, ui = probe_verdict.closed(found, self.snapshot, self._deployment), self._of("admin-ui")
        return shut or (probe_verdict.between(found, self.snapshot, self._deployment, ui) if ui and between else None)

    def _network(self, version: str = "") -> Cause | None:
        """What the probe's pod shows of the cluster's own network, which neither the gateway nor its Service is to blame for."""
        seen = self._seen(version)
        wrong = seen.wrong if seen else None
        return wrong if wrong and (wrong.code == "ClusterDnsFails" or wrong.object.startswith("Node/")) else None

    def _seen(self, version: str) -> probe_verdict.Seen | None:
        """What the probe's pod sees now; None without a probe. `version`: what the API server's way brought."""
        if not (self.service and self.probe and self._deployment):
            return None
        answer = self.probe.answer(self.snapshot, lambda: bool(self.interrupted), self.heard)
        return probe_verdict.judge(answer, self.cluster, self.snapshot, self._deployment, self.service[0], version)

    @property
    def _deployment(self) -> Mapping[str, Any] | None:
        return self._of("gateway")

    def _of(self, component: str) -> Mapping[str, Any] | None:
        found = part(self.release.manifest, "Deployment", component)
        return self.snapshot.kind("Deployment").get(name_of(found)) if found else None

    def _probed(self, found: Served) -> Served:
        seen = self._seen(found.version)
        if seen is None:
            return found
        notes = found.notes + ((seen.note,) if seen.note else ())
        if seen.version and not found.version:  # the only way that brought an answer
            other, note = self.expected.verdict(seen.version)
            said = f"the gateway serves version {seen.version}, but version {self.expected.text.removeprefix('v')} is required"
            wrong = make("WrongVersionServed", self.snapshot, self.where, said, "answer to a request from a pod of the namespace") if other else seen.wrong
            why = f"the version was read from a pod of the namespace, because other ways failed: {found.wrong.evidence}" if found.wrong else ""
            return Served(seen.version, wrong, tuple(n for n in (*notes, why, note) if n))
        return replace(found, wrong=seen.wrong or found.wrong, notes=notes)


# --- asking --------------------------------------------------------------------------------------------------------------


#: stands in the evidence of what no second try changes
_CLOSED = "all ways were tried"


class Asker:
    """Asks the gateway by the first way that brings its own answer, and keeps to that way."""

    def __init__(self, cluster: Cluster, namespace: str, service: str, port: int, patient: bool) -> None:
        """`patient`: no other way is tried yet when the Service proxy does not reach the pods."""
        self._cluster, self._namespace, self._service, self._port, self._patient = cluster, namespace, service, port, patient
        self._pod: tuple[str, int] | None = None
        #: what each way that was tried said
        self.tried: dict[str, Reply] = {}

    @property
    def where(self) -> str:
        return f"Service/{self._service}"

    @property
    def through(self) -> str:
        return f"port-forward to Pod/{self._pod[0]}" if self._pod else self.where

    def ask(self, path: str) -> Reply:
        if self._pod:
            return through_pod(self._cluster, self._namespace, *self._pod, path)
        reply = through_service(self._cluster, self._namespace, self._service, self._port, path)
        if reply.trouble is Trouble.NONE:
            return reply
        self.tried["Service proxy"] = reply
        if reply.trouble is Trouble.AWAY or (self._patient and not reply.closed):
            return reply
        for pod, port in list(self._pods())[:PODS]:
            other = through_pod(self._cluster, self._namespace, pod, port, path)
            if other.trouble is Trouble.NONE:
                self._pod = (pod, port)
                return other
            self.tried["port-forward"] = other
            if other.trouble is Trouble.FORBIDDEN:
                break
        return next((r for r in self.tried.values() if r.trouble is Trouble.REFUSED), reply)

    def _pods(self) -> Iterator[tuple[str, int]]:
        """(name, port) of the pods behind the Service."""
        live = service_look.live_object(self._cluster, paths.service(self._namespace, self._service)) or {}
        slices = service_look.read(self._cluster, paths.endpointslices(self._namespace)) or ()
        own = [s for s in slices if service_look.is_of(s, self._service)]
        yield from ((end.pod, end.port) for end in ready_endpoints(live, own, self._port) if end.pod)

    @property
    def rights(self) -> str:
        """The rights that are missing, when nothing else was in the way of an answer."""
        if not all(reply.trouble is Trouble.FORBIDDEN for reply in self.tried.values()):
            return ""
        return f"the caller lacks the permissions {' and '.join(sorted({reply.right for reply in self.tried.values()}))}"

    def said(self) -> str:
        return "; ".join(f"{way}: {reply.text or reply.trouble.value}" for way, reply in self.tried.items())


def _judge(asker: Asker, snapshot: Snapshot, expected: Expected) -> Served:
    where = asker.where
    health = asker.ask("/api/v1/health")
    if health.trouble is not Trouble.NONE:
        return _unanswered(asker, snapshot)
    notes: tuple[str, ...] = ()
    if asker.tried:
        notes = (f"the Service proxy of the API server returned no answer of the gateway ({asker.said()}), so {asker.through} was used",)
    said, served = f"GET /api/v1/health: {health.status} {health.text[:200]}", health.field("version") if health.status == 200 else ""
    if not served:
        return Served(wrong=make("NotServed", snapshot, where, f"the gateway does not answer through {asker.through}", said), notes=notes)
    other, note = expected.verdict(served)
    notes += (note,) if note else ()
    if other:
        what = f"the gateway serves version {served}, but version {expected.text.removeprefix('v')} is required"
        return Served(served, make("WrongVersionServed", snapshot, where, what, said), notes)
    for path, code, is_bad, what in (
        ("/readyz", "NotReady", lambda s: s != 200, "the gateway serves, but cannot reach its database"),
        ("/admin", "AdminUiDown", lambda s: s >= 500, "the gateway answers, but the admin UI cannot be reached through the gateway"),
    ):
        answer = asker.ask(path)
        if answer.trouble is not Trouble.NONE or is_bad(answer.status):
            return Served(served, make(code, snapshot, where, what, f"GET {path}: {answer.status or ''} {answer.text[:200]}"), notes)
    return Served(served, notes=notes)


def _unanswered(asker: Asker, snapshot: Snapshot) -> Served:
    """No way brought an answer of the gateway: whose fault is it?"""
    if asker.rights:
        return Served(notes=(f"the served version was not checked: {asker.rights}; one of these permissions is enough (docs/deployer-role.yaml)",))
    proxy, pod = asker.tried.get("Service proxy"), asker.tried.get("port-forward")
    if pod and pod.trouble in (Trouble.REFUSED, Trouble.SILENT):
        refused = pod.trouble is Trouble.REFUSED
        what = "the gateway's pod refuses the connection" if refused else "the gateway accepts connections, but does not answer requests"
        return Served(wrong=make("NotServed", snapshot, asker.where, what, f"GET /api/v1/health: {asker.said()}; {_CLOSED}"))
    silent = proxy and proxy.trouble is Trouble.SILENT
    what = "the gateway did not answer through its Service, and no other way was possible" if silent else NOT_ASKED
    closed = f"; {_CLOSED}" if proxy and proxy.closed else ""
    return Served(wrong=make("Unverified", snapshot, asker.where, what, f"GET /api/v1/health: {asker.said()}{closed}"))


def _secrets(cluster: Cluster, snapshot: Snapshot, release: Release, key: bytes | None) -> Cause | None:
    """A Secret that changed between the plan and now: its pods were started with the old data."""
    if key is None:
        return None
    now = digest.work_out(cluster, snapshot.scope.namespace, release, release, key)
    if not now.changed:
        return None
    names = ", ".join(now.changed)
    what = f"Secret {names} was changed during the rollout; the pods were started with its old data"
    evidence = "the digest of the Secret's current data differs from the digest in the pods' annotation"
    return make("OldSecretsServed", snapshot, f"Secret/{now.changed[0]}", what, evidence)
