# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server's refusals, taken apart: quota, LimitRange, Pod Security, policies, webhooks, conflicts of field managers.

The same words come as the answer to a dry run, in an event FailedCreate, in a condition, and inside Helm's error. What a refusal
means for the user is the matter of those who ask. Pure.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .expression import Expression

QUOTA, QUOTA_NEEDS, QUOTA_NEW, QUOTA_SCOPE = "quota", "quota needs", "quota new", "quota scope"
POD_SECURITY, SCC, POLICY, WEBHOOK_DOWN = "pod security", "scc", "policy", "webhook down"
LIMIT_RANGE, SERVICE_ACCOUNT, PRIORITY_CLASS, RUNTIME_CLASS = "limit range", "service account", "priority class", "runtime class"
DEADLINE, FORBIDDEN, BAD_PATCH = "deadline", "forbidden", "bad patch"
PLUGIN, QUOTA_SLOW, ETCD = "admission plugin", "quota slow", "etcd"
TERMINATING, CONFLICT, IMMUTABLE, INVALID, OTHER = "terminating", "conflict", "immutable", "invalid", "other"


@dataclass(frozen=True)
class Refusal:
    """`kind` is one of the constants; `parts` the names in the message (quota, policy, rule, what …), without line breaks."""

    kind: str
    parts: Mapping[str, str] = field(default_factory=dict)


#: (kind, pattern); the first that fits. Linear: no pattern repeats what a neighbour may take
_PATTERNS: tuple[tuple[str, Expression], ...] = tuple(
    (kind, Expression(pattern, re.IGNORECASE | re.DOTALL))
    for kind, pattern in (
        (CONFLICT, r"conflicts? with \"(?P<manager>[^\"]+)\""),
        (POD_SECURITY, r"violates PodSecurity \"(?P<level>[^\"]+)\": (?P<what>.+)"),
        (QUOTA, r"exceeded quota: (?P<quota>[^,]+), requested: (?P<need>.+?), used: (?P<used>.+?), limited: (?P<hard>.+)"),
        (QUOTA_NEEDS, r"failed quota: (?P<quota>[^:]+): must specify (?P<what>.+)"),
        (QUOTA_NEW, r"status unknown for quota|cannot be fulfilled on resourcequotas"),
        (QUOTA_SCOPE, r"insufficient quota to match these scopes: (?P<what>.+)"),
        (
            LIMIT_RANGE,
            r"(?P<what>(?:(?:maximum|minimum) [^ ]{1,60} usage|\b[\w./-]{1,60} max limit to request ratio) per (?:container|pod|persistentvolumeclaim)[^\]]*)",
        ),
        (SCC, r"unable to validate against any security context constraint"),
        # what an operator's own webhook says of its objects is no policy
        (
            IMMUTABLE,
            r"can't shrink existing|can ?not be less than (?:status\.capacity|previous value)|only dynamically provisioned pvc can be resized",
        ),
        (IMMUTABLE, r"is immutable after creation|cannot change roleRef"),
        (INVALID, r"admission webhook \"[^\"]+\" denied the request: [\w.]+ \"[^\"]*\" is invalid: (?P<what>.+)"),
        (POLICY, r"ValidatingAdmissionPolicy '(?P<policy>[^']+)'(?: with binding '[^']*')? denied request: (?P<what>.+)"),
        (POLICY, r"admission webhook \"(?P<webhook>[^\"]+)\" denied the request:? ?(?P<what>.*)"),
        (WEBHOOK_DOWN, r"failed calling webhook \"?(?P<webhook>[^\":]+)\"?:? ?(?P<why>.*)"),
        (WEBHOOK_DOWN, r"(?P<webhook>conversion webhook for [^,]+), Kind=\w+ failed: (?P<why>.+)"),
        (BAD_PATCH, r"Internal error occurred: (?P<what>(?:error in \w+ for path|(?:jsonpatch )?\w+ operation does not apply).+)"),
        (DEADLINE, r"request did not complete within (?:the )?(?:requested|allotted) timeout|admission plugin \"[^\"]+\" failed to complete"),
        (QUOTA_SLOW, r"quota evaluation timed out"),
        (PLUGIN, r"(?P<what>pod tolerations .{0,80}conflict with its namespace whitelist|image policy webhook backend denied .+)"),
        (PLUGIN, r"(?P<what>pod node label selector conflicts with its namespace node label selector|cannot set blockOwnerDeletion .+)"),
        (SERVICE_ACCOUNT, r"service ?account \S*?(?P<name>[\w.-]+)(?:: |\" )(?:serviceaccount|not found)|serviceaccount \"(?P<name2>[^\"]+)\" not found"),
        (PRIORITY_CLASS, r"no PriorityClass with name (?P<name>\S+)"),
        (RUNTIME_CLASS, r"RuntimeClass \"(?P<name>[^\"]+)\" not found"),
        (TERMINATING, r"because it is being terminated|namespace is being terminated"),
        (
            IMMUTABLE,
            r"(?:field|spec) is immutable|may not change once set|immutable once set|updates to \w+ spec for fields other than",
        ),
        (FORBIDDEN, r"(?P<who>user \"[^\"]+\") cannot (?P<verb>\w+) resource \"(?P<resource>[^\"]+)\""),
        (INVALID, r"failed to create typed patch object \([^)]*\): (?:errors:)?(?P<what>.+)"),
        (INVALID, r" cannot be handled as an? \w+: (?P<what>.+)"),
        (INVALID, r" is invalid: (?P<what>.+)"),
        (INVALID, r"(?P<what>the integer value of priority .+)"),
        (ETCD, r"(?P<what>etcdserver: .+)"),
    )
)
#: what helps where OpenShift gives each namespace its own user ids
SCC_CURE = "set oceans_llm_values.platform: openshift, so that the chart omits the user and group ids and OpenShift sets them"
#: what helps where pods of a PriorityClass need a quota of their own (Kubernetes, --admission-control-config-file, limitedResources)
SCOPE_CURE = "unset oceans_llm_values.scheduling.priorityClassName, or have a ResourceQuota created in the namespace whose scopeSelector admits the class"
_QUOTED = r'conflicts? with "(?P<manager>[^"]+)"(?: with subresource "(?P<sub>[^"]+)")?'
#: a field of an SSA conflict: `.spec.containers[name="a b"].image`; a key in brackets may hold blanks
_FIELD = re.compile(r'\.(?:[^\s\["]|\[[^\]]*\])+')
#: what the API server fills in for a key that was left out
_DEFAULTS = {"protocol": "TCP"}
_IMMUTABLE = re.compile(r"(?P<path>(?:spec|data|metadata)[\w.]*): Invalid value: (?P<value>.+?): field is immutable", re.DOTALL)


@functools.lru_cache(maxsize=64)  # preflight and each look read the same words several times
def classify(text: str) -> Refusal:
    """What kind of refusal the words are, and which names they tell."""
    for kind, pattern in _PATTERNS:
        found = pattern.search(text)
        if found:
            parts = {name: _closed(_line(value)) for name, value in found.groupdict().items() if value and value.strip()}
            if kind == POLICY:
                parts = {"policy": parts.get("webhook", ""), **parts, **_rules(found["what"])}
            return Refusal(kind, parts)
    return Refusal(OTHER)


def conflicts(text: str) -> list[tuple[str, str]]:
    """(field, manager) of each field that server-side apply would not take back (Kubernetes API, reason Conflict).

    One conflict stands in one line, several of one manager in a list below its name; a message may hold several managers, and Helm's
    error several such messages.
    """
    found: list[tuple[str, str]] = []
    ends = [mark.start() for mark in re.finditer(_QUOTED, text)][1:] + [len(text)]
    for mark, end in zip(re.finditer(_QUOTED, text), ends, strict=False):
        manager = mark["manager"] + (f" ({mark['sub']})" if mark["sub"] else "")
        rest = text[mark.end() : end].partition(":")[2]
        for line in rest.splitlines():
            if line.strip() and not re.match(r"\s*-?\s*\.", line):
                break  # the next sentence
            found += [(name, manager) for name in _FIELD.findall(line)]
    return list(dict.fromkeys(found))


#: one step of such a field: `.name`, or the keys of a list's item
_STEP = re.compile(r'\.((?:[^.\["])+)|\[([^\]]*)\]')
_KEY = re.compile(r'(?<!\w)(\w+)=("(?:[^"\\]|\\.)*"|[^,\]]+)')


def value_at(obj: Any, path: str) -> Any:
    """What an object has at a field as :func:`conflicts` names it; None when there is nothing."""
    for name, keys in _STEP.findall(path):
        if name:
            obj = obj.get(name) if isinstance(obj, Mapping) else None
        else:
            wanted = {k: json.loads(v) if v[:1] == '"' or v.isdigit() else v for k, v in _KEY.findall(keys)}
            items = obj if isinstance(obj, list) else []
            obj = next((i for i in items if isinstance(i, Mapping) and all(i.get(k, _DEFAULTS.get(k)) == v for k, v in wanted.items())), None)
    return obj


def immutable(text: str) -> tuple[str, str] | None:
    """(path, new value) of a field that cannot be changed."""
    found = _IMMUTABLE.search(text)
    return (found["path"], _line(found["value"])) if found else None


def scc_fields(text: str) -> list[str]:
    """The fields that OpenShift's SecurityContextConstraints do not accept: `runAsUser 10001`, `fsGroup 10001`; each once, in order."""
    named = re.findall(r"(runAsUser|fsGroup|runAsGroup|supplementalGroups|capabilities|seccompProfile)[^:]{0,40}: Invalid value: ([^:]{1,80}):", text)
    return list(dict.fromkeys(f"{name} {re.sub(r'^.*[{]|[}].*$', '', value.strip())}".strip() for name, value in named))


def _rules(text: str) -> dict[str, str]:
    """`rule` and `what` of a denial by a policy engine; empty when the words are of no known shape."""
    told = list(_kyverno(text)) or list(_gatekeeper(text)) or list(_warden(text))
    if not told:
        return {}
    return {"rule": ", ".join(dict.fromkeys(rule for rule, _what in told)), "what": "; ".join(dict.fromkeys(f"{rule}: {what}" for rule, what in told))}


def _kyverno(text: str) -> Iterator[tuple[str, str]]:
    """Below `… following policies`: the policy's name at the left, its rules below it and farther in, a message behind each or below it."""
    policy = rule = ""
    said: list[str] = []
    for line in [*_body(text).splitlines(), "end:"]:
        named = re.match(r"(\s*)([A-Za-z0-9][\w./-]*):(?:\s+(.*))?$", line)
        next_error = not named and ("admission webhook" in line or "following policies" in line)
        if rule and (next_error or (named and len(named[1]) <= 2)):
            yield f"{policy}/{rule}", _line(" ".join(said)).strip("'")
            rule, said = "", []
        if named and not named[1]:
            policy = named[2]
        elif named and policy and len(named[1]) <= 2:
            rule, said = named[2], [named[3] or ""]
        elif rule:
            said.append(line)


def _body(text: str) -> str:
    found = re.search(r"following policies|for resource violations?", text)
    return text[found.end() :] if found else ""


def _gatekeeper(text: str) -> Iterator[tuple[str, str]]:
    """`[constraint] message`, one line each; GKE writes `[denied by constraint] message`."""
    for line in text.splitlines():
        named = re.match(r"\s*\[(?:denied by )?([a-z0-9][a-z0-9.-]*)\] (.+)", line)
        if named:
            yield named[1], _line(named[2])


def _warden(text: str) -> Iterator[tuple[str, str]]:
    """GKE Autopilot: `{"[denied by RULE]":["message", …], …}`, in one line or in several."""
    start = re.search(r'\{\s*"\[denied by ', text)
    try:
        details = json.JSONDecoder().raw_decode(text[start.start() :])[0] if start else {}
    except ValueError:
        return
    for rule, messages in details.items():
        yield rule.removeprefix("[denied by ").rstrip("]"), _line("; ".join(map(str, messages if isinstance(messages, list) else [messages])))


def _line(text: str) -> str:
    return " ".join(text.split())


def _closed(text: str) -> str:
    """Without the bracket that closed the list around the message."""
    return text[:-1].rstrip() if text.endswith("]") and text.count("]") > text.count("[") else text
