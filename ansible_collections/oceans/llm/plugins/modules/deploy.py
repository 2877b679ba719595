#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.deploy; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Change a Helm release and tell the truth about it until it is served
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Works out what would change by comparing what Helm renders with what it rendered last, with what is in the cluster (drift),
    and with the Secrets that the running pods were started with. Nothing differs - nothing is written.
  - A rotated Secret restarts the pods that read it. A keyed digest of these Secrets becomes the chart values C(gateway.secretsDigest) and
    C(adminUi.secretsDigest), and so an annotation of the pods. A chart without these values gets the annotation in C(podAnnotations), and a
    chart without both gets none.
  - Makes the change with M(kubernetes.core.helm) in the background, without C(wait) and C(atomic), and watches the release from its first second.
  - A certain cause stops the release's Jobs (so that no migration runs on), ends Helm by SIGTERM, and fails the task with one sentence.
    What may pass by itself (a registry's rate limit, a node that is still to come) is shown and given its time.
  - Success means that the Jobs are done, every pod of the new ReplicaSet is ready, and the version asked for is served through the Service.
  - A Lease C(oceans-llm-<release>) keeps two runs apart. A revision that a dead run left C(pending-…) is recovered.
extends_documentation_fragment:
  - oceans.llm.auth
attributes:
  check_mode:
    description: Renders and compares; writes nothing.
    support: full
  diff_mode:
    description: The objects that change, before and after; values of Secrets are never shown.
    support: full
requirements:
  - helm >= 3.18, or >= 4.2.2
  - kubernetes.core >= 6.5.0
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  create_namespace:
    description: Make the namespace when it is not there.
    type: bool
    default: false
  chart:
    description: A folder or archive on this machine, or an C(oci://) or C(https://) address, from which it is pulled once. Empty means the
      chart that the collection brings along.
    type: str
    default: ''
  chart_version:
    description: Version of the chart to pull; empty is the newest. A chart on this machine has its own version; another one is refused.
    type: str
    default: ''
  chart_registry:
    description: How to speak to the server of an C(oci://) or C(https://) chart.
    type: dict
    default: {}
    suboptions:
      ca_cert:
        description: File of the server's certificate authority.
        type: path
      validate_certs:
        description: Check the server's certificate.
        type: bool
        default: true
      plain_http:
        description: Speak HTTP without TLS, for C(oci://).
        type: bool
        default: false
      username:
        description: User name, for C(oci://). Without one the login of C(helm registry login) counts.
        type: str
      password:
        description: Password. C(helm) is given it in a file that nobody else reads.
        type: str
  values:
    description: Values for the chart. They replace those of the last revision.
    type: dict
    default: {}
  helm_binary:
    description: The helm program; empty is the first one on PATH.
    type: str
    default: ''
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
  probe:
    description:
      - Whether a short pod of the gateway's own image asks the Service from inside the cluster, by its name and its address, and the hosts of the Ingress.
      - V(auto) asks when something changed. V(false) asks never, and the last line says so.
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
    description: Seconds for the whole rollout. Causes that are certain do not wait for it.
    type: int
    default: 900
  report_dir:
    description: Folder below which a failed run leaves its evidence (report.json, report.html, events, states, logs). Empty is none.
    type: str
    default: ''
  report_always:
    description: Leave a report of good runs, too.
    type: bool
    default: false
  remove_leftovers:
    description: Once the release is served, remove the copies of Secrets, ConfigMaps and ServiceAccounts that hooks of an earlier chart have left.
    type: bool
    default: false
  force_conflicts:
    description: Take back fields that another manager has changed in the cluster (C(kubectl edit)). Needs Helm 4.
    type: bool
    default: false
  recover_after:
    description: Seconds after which a pending revision of a Helm that this collection did not start is taken for dead.
    type: int
    default: 900
  secret_written:
    description:
      - RV(oceans.llm.secrets#module:written) of the task that wrote the release's Secret in this run. It says which keys a restart is
        due to; in check mode, in which that Secret was not written, the restart is foretold from it.
    type: dict
    default: {}
seealso:
  - module: oceans.llm.secrets
  - module: oceans.llm.wait
  - module: kubernetes.core.helm
"""

EXAMPLES = r"""
- name: The gateway in one namespace
  oceans.llm.deploy:
    name: oceans-llm
    namespace: oceans-llm
    values:
      database: {external: {existingSecret: {name: oceans-llm-secrets}}}
      secrets: {existingSecret: {name: oceans-llm-secrets}}
    report_dir: ./reports
"""

RETURN = r"""
outcome:
  description:
    - How the run ended. C(served), or C(failed) - the release itself; C(lost) - another run took the release over, or its namespace was
      deleted; C(interrupted) - by a signal; C(broken) - by a defect of the collection.
  type: str
  returned: when the release was followed
code:
  description: The code of the cause, empty when there is none. The codes are listed in the collection docs/causes.md.
  type: str
  returned: when the release was followed
changed:
  description: Whether a revision was made. Of a failed run too.
  type: bool
  returned: always
msg:
  description:
    - The last line. It stands once on the screen; of a failed task Ansible prints it with the result.
    - Ansible prints the whole result of a failed task. Without C(-v) that result therefore has RV(changed), RV(msg), RV(outcome), RV(code), RV(seconds),
      RV(report) and, of RV(cause), code, object and container; all else is in C(report.json), or in the result with C(-v).
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
changes:
  description: What changes, in words. C(+) is new, C(~) changed, C(-) removed.
  type: str
  returned: always
  sample: ~Deployment/oceans-llm-gateway, Secret oceans-llm-secrets was rotated (API_KEY), which restarts Deployment/oceans-llm-gateway
chart:
  description: Name and version of the chart.
  type: str
  returned: always
"""
