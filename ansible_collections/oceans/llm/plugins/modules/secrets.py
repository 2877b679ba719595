#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.secrets; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets
short_description: Write a Secret key by key, generate missing keys once, and never print a value
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Writes the listed keys by server-side apply with the field manager C(oceans-llm-secrets). Keys of other field managers are not changed.
  - A key in O(generate) is generated when the Secret does not have it, and is never overwritten.
  - A key that is no longer listed is kept, because a deleted encryption key cannot be recovered. RV(unlisted) has its name.
  - Writes nothing when nothing differs. Values never appear in results, in the diff, or in any output.
extends_documentation_fragment:
  - oceans.llm.auth
attributes:
  diff_mode:
    description: Shows names of keys, never values.
    support: full
options:
  source:
    description:
      - V(provision) writes the Secret.
      - V(existing) only checks that the Secret exists.
      - V(external_secrets) and V(inline) do nothing, because External Secrets Operator or the chart creates the Secret.
    type: str
    choices: [provision, existing, external_secrets, inline]
    default: provision
  name:
    description: Name of the Secret.
    type: str
    required: true
  namespace:
    description: Namespace of the Secret.
    type: str
    required: true
  create_namespace:
    description: Create the namespace when it does not exist. With V(false) a missing namespace fails the task.
    type: bool
    default: false
  data:
    description: Keys and values of the Secret. A number or a boolean is converted to text with a warning, because YAML may have changed it (V(0123) becomes
      V(83)). Quote the values.
    type: dict
    default: {}
  generate:
    description:
      - Keys for which a random value is generated when neither O(data) nor the Secret has the key.
      - The gateway's two encryption keys get 32 random bytes in base64. Any other key gets 48 random characters.
    type: list
    elements: str
    default: []
  force:
    description: Overwrite a key that another field manager has set to another value. With V(false) the task fails and names that field manager.
    type: bool
    default: false
  waive:
    description: Codes of findings of M(oceans.llm.preflight) that must not fail this task, for example V([SecretTooShort]).
    type: list
    elements: str
    default: []
  labels:
    description: Labels of the Secret.
    type: dict
    default: {}
  release:
    description:
      - Name of the Helm release whose pods read the Secret. In check mode RV(written) then contains the digest that the pods would get, so that
        M(oceans.llm.deploy) can predict their restart. Empty means that no digest is returned.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Write the gateway's Secret
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
  description: The Secret with its namespace, as text.
  returned: for O(source=provision)
  sample: Secret/oceans-llm-secrets in namespace oceans-llm
  type: str
key_names:
  description: Names of the keys that this task manages.
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
  description: Names of keys that this task generated.
  returned: for O(source=provision)
  type: list
  elements: str
unlisted:
  description: Names of keys that an earlier run wrote and that are no longer listed.
  returned: for O(source=provision)
  type: list
  elements: str
written:
  description:
    - The change of the Secret; in check mode the change that would be made. Pass this value to the option O(oceans.llm.deploy#module:secret_written).
  returned: for O(source=provision), when something differs
  type: dict
  contains:
    namespace: {description: Namespace of the Secret., type: str}
    name: {description: Name of the Secret., type: str}
    changed_keys: {description: Names of the new and changed keys., type: list, elements: str}
    digest:
      description: In check mode, the keyed digest of the data that the Secret would have; empty when the release has no digest key yet.
      type: str
"""
