#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.wait; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wait
short_description: Follow a release that somebody else changed, until it is served or has failed
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Reads from Helm's own record what belongs to the release and watches that. Changes nothing, starts no C(helm).
  - A release without a record of Helm (Argo CD, Flux, C(helm template | kubectl apply)) is found by the label C(app.kubernetes.io/instance) of its
    objects. Of its Jobs, the newest of each kind with the gateway's image counts.
  - To be used after a plain C(helm upgrade) in any pipeline, whatever the chart. The same causes and the same last line as M(oceans.llm.deploy).
  - Jobs are not stopped when the rollout fails, because they belong to whoever started them.
extends_documentation_fragment:
  - oceans.llm.auth
attributes:
  check_mode:
    description: Watches in check mode, too. A release that is not there yet is no failure then.
    support: full
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
  version:
    description: Image tag that was asked for. Empty means the one that the release has.
    type: str
    default: ''
  verify:
    description:
      - What becomes of a rollout that is complete while nobody could ask the gateway for its version. V(strict) fails, V(best_effort) says so.
      - A missing right to ask is no failure, but a line that names it.
    type: str
    default: strict
    choices: [strict, best_effort]
  probe:
    description:
      - Whether a short pod of the gateway's own image asks the Service from inside the cluster, by its name and its address, and the hosts of the Ingress.
      - V(auto) asks except in check mode. V(false) asks never, and the last line says so.
    type: str
    default: auto
    choices: [auto, 'true', 'false']
  probe_model:
    description:
      - Model of which one plain and one streamed completion decide at the end, asked by a pod as a client of the gateway does.
      - Empty asks for none, and the last line says so. So does O(probe=false).
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
  timeout:
    description: Seconds for the whole rollout.
    type: int
    default: 900
  report_dir:
    description: Folder below which a failed run leaves its evidence. Empty is none.
    type: str
    default: ''
  report_always:
    description: Leave a report of good runs, too.
    type: bool
    default: false
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Upgrade in the way that the pipeline always did
  ansible.builtin.command: helm upgrade web ./chart --namespace web
  changed_when: true

- name: Tell the truth about it
  oceans.llm.wait:
    name: web
    namespace: web
    timeout: 300
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
