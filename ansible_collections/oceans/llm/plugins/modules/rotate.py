#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.rotate; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotate
short_description: Rotate secrets of the gateway, and prove that the new ones are in use and the old ones are refused
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Counts in the database what becomes invalid, writes the Secret with M(oceans.llm.secrets), restarts the pods with M(oceans.llm.deploy),
    and tries both values.
  - A key of O(secrets) takes its new value from there; a generated key is generated again. A Secret that somebody else writes is changed by its owner first,
    then the rotation restarts the pods and proves the new value; until then the task is refused with the command.
  - The values that are replaced are held in the Secret C(NAME-rotation) until every class is proven. A rotation that broke off is run again; it proves
    both values then, too.
  - With C(probe_model) in O(deploy) the old token of a provider is tried at the provider itself, with one completion.
  - V(database_password) wants a second login in the new URL, because PostgreSQL has one password for each login. The old login takes its own password away
    once no session has it, unless it administrates the server.
  - V(admin_password) recreates the administrator with C(gateway bootstrap-admin), the only command that writes a password. An administrator to whom rows
    of other tables refer, or one of several, is refused.
  - V(encryption_keys) is refused with the number of rows that would be lost.
  - Refused when a deployment would change anything else.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
options:
  classes:
    description: What to rotate.
    type: list
    elements: str
    choices: [session_key, admin_password, database_password, provider_token, service_account_keys, encryption_keys]
    default: []
  secrets:
    description: Arguments of M(oceans.llm.secrets).
    type: dict
    required: true
  deploy:
    description: Arguments of M(oceans.llm.deploy).
    type: dict
    required: true
seealso:
  - module: oceans.llm.secrets
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: A new key for sessions
  oceans.llm.rotate:
    name: oceans-llm
    namespace: oceans-llm
    classes: [session_key]
    secrets: {source: provision, name: oceans-llm-secrets, namespace: oceans-llm, generate: [GATEWAY_IDENTITY_TOKEN_SECRET]}
    deploy: {name: oceans-llm, namespace: oceans-llm}
"""

RETURN = r"""
rotated:
  description: One entry for each class, with its C(keys), what becomes C(invalid), and the proofs C(new) and C(old).
  returned: when something was rotated
  type: list
  elements: dict
"""
