#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.probe; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Ask a running release, as its users do, whether it is served and whether a model answers
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - The checks with which M(oceans.llm.deploy) and M(oceans.llm.wait) end, by themselves - Services, Ingresses, the version that is served,
    the database, the admin UI.
  - A short pod of the gateway's own image asks the Service by its name and its address; with O(probe_model) a second one asks for a plain and
    a streamed completion.
  - Changes nothing that is deployed, and waits for no rollout.
extends_documentation_fragment:
  - oceans.llm.auth
attributes:
  check_mode:
    description: Makes no pod and asks for no completion.
    support: partial
  diff_mode:
    description: Nothing is changed.
    support: none
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  expected_version:
    description:
      - Version that the gateway has to say of itself, compared as it stands.
      - Empty means the gateway's image tag, when that is C(x.y.z). A tag with a suffix, a date or a word is not compared; a line says what is served.
    type: str
    default: ''
  verify:
    description:
      - What becomes of a rollout that is complete while nobody could ask the gateway for its version. V(strict) fails, V(best_effort) says so.
      - A missing right to ask is no failure, but a line that names it.
    type: str
    default: strict
    choices: [strict, best_effort]
  probe_model:
    description:
      - Model of which one plain and one streamed completion decide at the end, asked by a pod as a client of the gateway does.
      - Empty asks for none, and the last line says so.
    type: str
    default: ''
  probe_key_secret:
    description: Secret that holds the gateway key for that; empty means C(<name>-secrets). The pod reads it, nobody else does.
    type: str
    default: ''
  probe_key_name:
    description: Key in O(probe_key_secret).
    type: str
    default: OCEANS_LLM_PROBE_KEY
  report_dir:
    description: Folder below which a failed run leaves its evidence. Empty is none.
    type: str
    default: ''
  report_always:
    description: Leave a report of good runs, too.
    type: bool
    default: false
seealso:
  - module: oceans.llm.wait
"""

EXAMPLES = r"""
- name: Prove that the model still answers after a rollback
  oceans.llm.probe:
    name: oceans-llm
    namespace: oceans-llm
    probe_model: fast
    probe_key_secret: oceans-llm-probe
    probe_key_name: key
"""

RETURN = r"""
outcome:
  description: How the run ended, see RV(oceans.llm.deploy#module:outcome).
  type: str
  returned: when the release was followed
code:
  description: The code of the cause, empty when there is none. The codes are listed in the collection docs/causes.md.
  type: str
  returned: when the release was followed
changed:
  description: Always false.
  type: bool
  returned: always
msg:
  description:
    - The last line.
    - "When the rollout failed - C(FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>)."
  type: str
  returned: always
version_served:
  description: What C(/api/v1/health) says through the Service; empty when it could not be asked for, or the release has no gateway.
  type: str
  returned: when the release was followed
  sample: 0.24.0
verified:
  description:
    - C(served), C(failed), C(unverified) when the version could not be asked for, C(not asked) when a right to ask is missing or the release has no gateway.
    - Empty when the rollout failed before.
  type: str
  returned: when the release was followed
completion:
  description: What came of the question for a completion - model, status, seconds, tries and the stream's events. Empty when none was asked for.
  type: dict
  returned: when the release was followed
seconds:
  description: How long the rollout took.
  type: float
  returned: when the release was followed
database:
  description: What is known of the database, from the migration own output.
  type: str
  returned: when the release was followed
  sample: database at V45 (V44–V45 (2) committed in this run)
old_pods:
  description: How many pods that were there before still serve, and what they run.
  type: str
  returned: when the release was followed
cause:
  description: Why it failed, or null. The codes are listed in the collection docs/causes.md and never change their meaning.
  type: dict
  returned: when the release was followed
  contains:
    code: {description: Stable name., type: str, sample: ImageNotFound}
    certainty: {description: certain; or transient when its time was over., type: str}
    object: {description: Kind/name that the evidence is about., type: str}
    container: {description: The container; empty when it is about no single one., type: str}
    cause: {description: One sentence., type: str}
    evidence: {description: The words of the cluster., type: str}
    hint: {description: What to do., type: str}
first_signal_seconds:
  description: When the first sign of trouble was seen; null when there was none.
  type: float
  returned: when the release was followed
timeline:
  description: The lines that were printed while the task ran.
  type: list
  elements: dict
  returned: when the release was followed
report:
  description: The folder with the evidence.
  type: str
  returned: when O(report_dir) is set, and the run failed or O(report_always)
"""
