#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.preflight; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Find everything that would stop a rollout, before anything is written
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Renders the chart once, asks the API server what the caller may do, reads the Secrets that the pods will read, and sends every
    rendered object, and a Pod made from every template, with C(dryRun=All).
  - Reports B(all) findings at once. Each has a stable code, the object, a sentence, and what to do. Errors fail the task, warnings do not.
  - Writes nothing, neither to the cluster nor to this machine.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.chart
  - oceans.llm.release.change
options:
  create_namespace:
    description: A missing namespace is no finding, because it will be made.
    type: bool
    default: false
  secrets_source:
    description: Where the gateway's secrets come from. With V(provision), the keys in O(secrets) and O(generate) count as present.
    type: str
    choices: [provision, existing, external_secrets, inline]
    default: existing
  secret_name:
    description: Secret that is going to be written, for O(secrets_source=provision).
    type: str
    default: ""
  probe_key_secret:
    description: Secret with the key for completions, as in M(oceans.llm.deploy); empty when no completion is going to be asked for.
    type: str
    default: ""
  probe_key_name:
    description: Key in O(probe_key_secret).
    type: str
    default: OCEANS_LLM_PROBE_KEY
  secrets:
    description: Keys and values that are going to be written. Their shape is looked at; no value is ever shown.
    type: dict
    default: {}
  generate:
    description: Keys that are going to be generated.
    type: list
    elements: str
    default: []
  bootstrap_admin:
    description: The first administrator is going to be made, so what that needs is looked at too.
    type: bool
    default: false
  waive:
    description: Codes of findings that do not fail the task. They are still shown, as waived.
    type: list
    elements: str
    default: []
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Look at everything before a rollout
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
  description: Everything that was found, errors first.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Stable name of the finding; this is what O(waive) takes., type: str}
    object: {description: What it is about., type: str}
    sentence: {description: What is wrong., type: str}
    hint: {description: What to do., type: str}
    severity: {description: V(error) or V(warning)., type: str}
    waived: {description: Whether O(waive) names it., type: bool}
  sample:
    - code: SecretMissing
      object: Secret/oceans-llm-secrets
      sentence: does not exist; pods read it
      hint: make it in namespace oceans-llm, or correct the name in the variables
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
  description: What the database's history of migrations says; empty when there is no database yet that could be asked.
  returned: always
  type: str
  sample: at V45 agent_analysis_configuration_version
seconds:
  description: How long it took.
  returned: always
  type: float
"""
