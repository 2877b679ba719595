#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.preflight; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Find everything that would fail a rollout, before anything is written
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Renders the chart, asks the API server for the permissions of the caller, and reads the Secrets that the pods need. Then sends every rendered object,
    and a Pod for every pod template, with C(dryRun=All).
  - Reports B(all) findings at once. Each finding has a stable code, an object, a sentence and a hint. Errors fail the task; warnings do not.
  - Writes nothing to the cluster and nothing to the Ansible controller.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.chart
  - oceans.llm.release.change
options:
  create_namespace:
    description: Set V(true) when a later task creates the namespace. Preflight then does not report a missing namespace.
    type: bool
    default: false
  secrets_source:
    description: Who creates the gateway's Secret. With V(provision) a later task writes the keys in O(secrets) and O(generate), so preflight does
      not report them as missing. With V(existing) the Secret must exist. With V(external_secrets) External Secrets Operator creates the Secret.
      With V(inline) the chart creates the Secret.
    type: str
    choices: [provision, existing, external_secrets, inline]
    default: existing
  secret_name:
    description: Name of the Secret that a later task writes, for O(secrets_source=provision).
    type: str
    default: ""
  probe_key_secret:
    description: Name of the Secret with the API key for completions, as in M(oceans.llm.deploy). Empty means that no completion is requested.
    type: str
    default: ""
  probe_key_name:
    description: Key under which the Secret O(probe_key_secret) stores the API key.
    type: str
    default: OCEANS_LLM_PROBE_KEY
  secrets:
    description: Keys and values that a later task writes into the Secret. The form of each value is checked, and no value is shown.
    type: dict
    default: {}
  generate:
    description: Keys of the Secret that a later task generates.
    type: list
    elements: str
    default: []
  bootstrap_admin:
    description: Set V(true) when a later task creates the first administrator. Preflight then checks the section C(auth.bootstrap_admin) and its password, too.
    type: bool
    default: false
  waive:
    description: Codes of findings that must not fail the task (see docs/preflight.md), for example V([MetricsMissing]). The findings are still printed,
      marked as waived.
    type: list
    elements: str
    default: []
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Check everything before a rollout
  oceans.llm.preflight:
    name: oceans-llm
    namespace: oceans-llm
    values:
      secrets:
        existingSecret:
          name: oceans-llm-secrets
    waive: [MetricsMissing]
"""

RETURN = r"""
findings:
  description: All findings, errors first.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: "Stable name of the finding, as used in O(waive).", type: str}
    object: {description: Object that the finding describes., type: str}
    sentence: {description: What is wrong., type: str}
    hint: {description: What to do., type: str}
    severity: {description: V(error) or V(warning)., type: str}
    waived: {description: Whether O(waive) contains the code., type: bool}
  sample:
    - code: SecretMissing
      object: Secret/oceans-llm-secrets
      sentence: does not exist; pods read it
      hint: create the Secret in namespace oceans-llm, or correct its name in the variables
      severity: error
      waived: false
error_count:
  description: Number of errors that are not waived.
  returned: always
  type: int
warning_count:
  description: Number of warnings that are not waived.
  returned: always
  type: int
database:
  description: Newest migration in the migration history of the database; empty when there is no database yet.
  returned: always
  type: str
  sample: at V45 agent_analysis_configuration_version
seconds:
  description: Duration of the task in seconds.
  returned: always
  type: float
"""
