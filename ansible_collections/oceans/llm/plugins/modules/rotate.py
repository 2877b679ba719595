#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.rotate; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotate
short_description: Replace secrets of the gateway by new ones, and verify that the old values are refused
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Counts in the database the rows that become invalid, writes the Secret (M(oceans.llm.secrets)) and restarts the pods (M(oceans.llm.deploy)). Then
    tries the new and the old values.
  - A key that O(secrets) lists gets the new value from O(secrets). A generated key is generated again.
  - When another program writes the Secret, change the value in that program first. Until then the task fails before any change, and prints the command.
    Afterwards the task restarts the pods and verifies the new value.
  - The replaced values are stored in the Secret C(NAME-rotation) until every rotation is verified. When a rotation was interrupted, run the task again;
    it finishes the rotation and still tries both values.
  - With C(probe_model) in O(deploy), the task tries the old token with one completion at the provider.
  - V(database_password) needs a second login in the new URL, because PostgreSQL has one password for each login. When no session uses the old login any
    more, its password is removed, unless the login is an administrator of the database server.
  - V(admin_password) deletes the administrator and recreates it with C(gateway bootstrap-admin), the only command that writes a password. The task
    fails before any change when rows of other tables refer to the administrator, or when there are other administrators.
  - With V(encryption_keys) the task always fails before any change. The message contains the number of rows that no key could decrypt afterwards.
  - The task fails before any change when a deployment would change anything except secrets.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
options:
  classes:
    description: Secrets to replace by new ones. Empty means that no secret is replaced.
    type: list
    elements: str
    choices: [session_key, admin_password, database_password, provider_token, service_account_keys, encryption_keys]
    default: []
  secrets:
    description: Options for M(oceans.llm.secrets), which writes the Secret.
    type: dict
    required: true
  deploy:
    description: Options for M(oceans.llm.deploy), which restarts the pods.
    type: dict
    required: true
seealso:
  - module: oceans.llm.secrets
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Rotate the key that signs sessions
  oceans.llm.rotate:
    name: oceans-llm
    namespace: oceans-llm
    classes: [session_key]
    secrets: {source: provision, name: oceans-llm-secrets, namespace: oceans-llm, generate: [GATEWAY_IDENTITY_TOKEN_SECRET]}
    deploy: {name: oceans-llm, namespace: oceans-llm}
"""

RETURN = r"""
rotated:
  description: One entry for each secret that was replaced, as in O(classes). C(class) is the entry of O(classes). C(keys) lists the keys of the Secret
    that have a new value. C(invalid) is a sentence about what the rotation makes invalid, for example the number of sessions that end. C(new) and C(old)
    are sentences. They say whether the gateway, the provider or the database accepted the new value and the old value after the rotation.
  returned: when something was rotated
  type: list
  elements: dict
"""
