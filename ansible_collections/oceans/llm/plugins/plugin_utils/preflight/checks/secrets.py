# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: there, with the keys that are asked for, each of the right shape. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...gateway import configuration
from ...kube import pull_secrets
from ...kube.objects import controller_of
from ...secrets import shapes
from ...secrets.pod_env import Source, containers
from ..facts import Picture, meta, pod_templates
from ..finding import ERROR, WARNING, Finding
from ..sources import awaited, decoded, gateway_environment, holder, mounts_secrets_store, references, secret


def find(picture: Picture) -> Iterator[Finding]:
    for key, problem in picture.wanted.unwritable:
        yield Finding(problem.code, f"Secret/{picture.wanted.secret_name} key {key}", problem.sentence, problem.hint, _severity(problem))
    yield from _target(picture)
    yield from _missing(picture)
    yield from _pull_secrets(picture)
    environment = gateway_environment(picture)
    if environment is None:
        return
    if shapes.IDENTITY not in environment and not awaited(picture):
        what = "no Secret has this key, so the gateway would sign sessions with its public default value, without a warning"
        yield Finding("IdentityFallback", shapes.IDENTITY, what, _how(picture, shapes.IDENTITY))
    config = configuration.find(picture.objects)
    referred = dict(configuration.env_references(config))
    database_keys = (referred["database.url"],) if "database.url" in referred else ()
    for name, variable in environment.items():
        if variable.value is None or (variable.source.kind == "value" and name not in (shapes.IDENTITY, *shapes.KEYS_32, *database_keys)):
            continue
        if variable.source.kind == "value" and picture.chart_errors:
            continue  # the chart made the text from values that it refuses, and the finding about them says so
        for problem in shapes.check(name, variable.value, database_keys, set(referred.values())):
            where = variable.origin() if variable.source.kind != "value" else f"env {name}"
            yield Finding(problem.code, where, problem.sentence, problem.hint, _severity(problem))


def _target(picture: Picture) -> Iterator[Finding]:
    """The Secret that this run writes, as it is now: one that nobody may change, or that somebody else writes."""
    live = picture.secrets.get(picture.wanted.secret_name)
    if not live:
        return
    where, hint = f"Secret/{picture.wanted.secret_name}", "set oceans_llm_secret_name to another name, or oceans_llm_secrets_source: existing"
    if meta(live).get("deletionTimestamp"):
        look = f"kubectl -n {picture.wanted.namespace} get secret {picture.wanted.secret_name} -o yaml"
        look = f"wait until the Secret is deleted; to see what blocks the deletion: {look}"
        yield Finding("SecretMissing", where, "is being deleted", look, WARNING)
    if picture.wanted.secrets_source != "provision":
        return
    held = decoded(live)
    changed = sorted(key for key, value in picture.wanted.provision.items() if key not in held or value not in (None, held[key]))
    owner = controller_of(live)
    if changed and live.get("immutable") is True:
        yield Finding("FieldImmutable", where, f"is immutable, and this run would write {', '.join(changed)}", hint)
    if owner:
        yield Finding("ForeignObject", where, f"belongs to {owner.get('kind')}/{owner.get('name')}, which overwrites what this run writes", hint)


def _severity(problem: shapes.Problem) -> str:
    return WARNING if problem.warning else ERROR


def _missing(picture: Picture) -> Iterator[Finding]:
    users: dict[tuple[str, str, str], list[str]] = {}
    for where, container, source in references(picture):
        if not source.optional and source.object:
            users.setdefault((source.kind, source.object, source.key), []).append(f"{where}{f' (container {container})' if container else ''}")
    for kind, name in dict.fromkeys(user[:2] for user in users):
        if holder(picture, Source("", kind, name)) is None:
            yield _absent(picture, kind, name, sorted(key for k, n, key in users if (k, n) == (kind, name) and key))
    for (kind, name, key), who in users.items():
        held = holder(picture, Source("", kind, name, key))
        target = f"{kind}/{name}"
        if held is None:
            continue
        if key and key not in held.data and held.closed:
            has = ", ".join(sorted(held.data)) or "none"
            ours = held.origin in ("written by this run", "created by the chart") and kind == "Secret"
            elsewhere = f"add the key, or correct its name in the variables (read by {', '.join(who)})"
            hint = f"add {key} to oceans_llm_secrets" if ours else elsewhere
            yield Finding(f"{kind}KeyMissing", target, f"has no key {key} ({held.origin}; its keys: {has})", hint)


def _absent(picture: Picture, kind: str, name: str, keys: list[str]) -> Finding:
    """One finding for an object, whatever reads it. The Secrets Store CSI driver creates Secrets when the first pod mounts its volume."""
    what = f"does not exist; pods read it{f', for its key{chr(115) * (len(keys) > 1)} ' if keys else ''}{', '.join(keys)}"
    if kind == "Secret" and mounts_secrets_store(picture):
        look = f"kubectl -n {picture.wanted.namespace} get secretproviderclass -o yaml"
        hint = f"make sure that secretObjects of the SecretProviderClass names the Secret: {look}"
        what += f"; the Secrets Store CSI driver may create the {kind} when the first pod starts"
        return Finding(f"{kind}Missing", f"{kind}/{name}", what, hint, WARNING)
    hint = f"create the {kind} in namespace {picture.wanted.namespace}, or correct its name in the variables"
    if kind == "Secret":
        hint += "; if another program creates it later, set oceans_llm_preflight_waive: [SecretMissing]"
    return Finding(f"{kind}Missing", f"{kind}/{name}", what, hint)


def _pull_secrets(picture: Picture) -> Iterator[Finding]:
    for _where, template in pod_templates(picture.objects):
        for entry in template["spec"].get("imagePullSecrets") or ():
            if secret(picture, entry.get("name", "")) is None:
                what = "does not exist, so images would be pulled without credentials"
                yield Finding("PullSecretMissing", f"Secret/{entry.get('name')}", what, severity=WARNING)
        names = [str(entry.get("name")) for entry in template["spec"].get("imagePullSecrets") or ()]
        for registry in sorted({pull_secrets.registry_of(str(c.get("image"))) for c in containers(template["spec"])}):
            wrong = [pull_secrets.judged(picture.secrets.get(name), name, registry) for name in names]
            if wrong and all(wrong):
                yield Finding("PullSecretMissing", f"images of {registry}", "; ".join(wrong), severity=WARNING)


def _how(picture: Picture, key: str) -> str:
    if picture.wanted.secrets_source == "provision":
        return f"add {key} to oceans_llm_secrets_generate (generated once and kept), or to oceans_llm_secrets"
    if picture.wanted.secrets_source == "inline":
        return f"add {key} to oceans_llm_secrets: openssl rand -base64 48"
    return f"add the key {key} to the Secret that the gateway reads: openssl rand -base64 48"
