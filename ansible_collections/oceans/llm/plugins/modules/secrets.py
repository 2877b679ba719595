#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.secrets; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets
short_description: Write a Secret key by key, generate what is missing once, and never tell a value
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Server-side apply with the field manager C(oceans-llm-secrets), of the listed keys only. Keys that others hold stay.
  - A key in O(generate) is generated when the Secret does not have it, and is never overwritten.
  - A key that is no longer listed is kept, because a lost encryption key cannot be brought back; it is named in RV(unlisted).
  - Writes nothing when nothing differs. Values never appear in results, in the diff, or in any output.
extends_documentation_fragment:
  - oceans.llm.auth
attributes:
  diff_mode:
    description: Names of keys, never values.
    support: full
options:
  source:
    description:
      - V(provision) writes the Secret.
      - V(existing) only makes sure that it is there.
      - V(external_secrets) and V(inline) do nothing, because an operator or the chart makes the Secret.
    type: str
    choices: [provision, existing, external_secrets, inline]
    default: provision
  name:
    description: Name of the Secret.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  create_namespace:
    description: Create the namespace if it does not exist.
    type: bool
    default: false
  data:
    description: Keys and values. Numbers and booleans become text, with a warning, because YAML may have changed what was written.
    type: dict
    default: {}
  generate:
    description:
      - Keys to generate when they are neither in O(data) nor in the Secret.
      - The gateway's two encryption keys become base64 of 32 random bytes, any other key 48 random characters.
    type: list
    elements: str
    default: []
  force:
    description: Take over a key that another manager has set to another value; refused otherwise.
    type: bool
    default: false
  waive:
    description: Codes of M(oceans.llm.preflight) that do not stop this task either; for example C(SecretTooShort), C(SecretMissing).
    type: list
    elements: str
    default: []
  labels:
    description: Labels of the Secret.
    type: dict
    default: {}
  release:
    description:
      - The Helm release whose pods read the Secret. In check mode RV(written) then has the digest that those pods would get, so that
        M(oceans.llm.deploy) can announce their restart.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: The gateway's secrets
  oceans.llm.secrets:
    name: oceans-llm-secrets
    namespace: oceans-llm
    data:
      POSTGRES_URL: "{{ vault_postgres_url }}"
    generate:
      - GATEWAY_IDENTITY_TOKEN_SECRET
"""

RETURN = r"""
name:
  description: The Secret and its namespace.
  returned: for O(source=provision)
  type: str
key_names:
  description: Names of the keys that are held by this task.
  returned: for O(source=provision) and O(source=existing)
  type: list
  elements: str
added:
  description: Names of new keys.
  returned: for O(source=provision)
  type: list
  elements: str
modified:
  description: Names of keys with a new value.
  returned: for O(source=provision)
  type: list
  elements: str
generated:
  description: Names of keys that were generated now.
  returned: for O(source=provision)
  type: list
  elements: str
unlisted:
  description: Names of keys that are held by this task from earlier and are no longer listed.
  returned: for O(source=provision)
  type: list
  elements: str
written:
  description:
    - What was written, or in check mode what would be, for the option O(oceans.llm.deploy#module:secret_written).
  returned: for O(source=provision), when something differs
  type: dict
  contains:
    namespace: {description: Of the Secret., type: str}
    name: {description: Of the Secret., type: str}
    changed_keys: {description: Names of the new and changed keys., type: list, elements: str}
    digest:
      description: In check mode, keyed digest of the data that the Secret would have; empty when O(release) has no key yet.
      type: str
"""
