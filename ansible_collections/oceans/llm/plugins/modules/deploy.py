#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.deploy; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Upgrade a Helm release and follow the rollout until it serves or has failed
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Works out what would change by comparing what Helm renders with what it rendered last, with what is in the cluster (drift),
    and with the Secrets that the running pods were started with. If nothing differs, nothing is written.
  - A rotated Secret restarts the pods that read it. A keyed digest of these Secrets becomes the chart values C(gateway.secretsDigest) and
    C(adminUi.secretsDigest), and so an annotation of the pods. A chart without these values gets the annotation in C(podAnnotations), and a
    chart without both gets none.
  - Upgrades the release with M(kubernetes.core.helm) in the background, without C(wait) and C(atomic), and watches the release from its first second.
  - A fatal cause stops the release's Jobs (so that no migration continues), ends Helm by SIGTERM, and fails the task with one sentence.
    A retryable cause (a rate limit of the registry, a node that the autoscaler is adding) is reported, and fails the task after its time.
  - Success means that the Jobs are done, every pod of the new ReplicaSet is ready, and the version asked for is served through the Service.
  - A Lease C(oceans-llm-<release>) keeps two runs apart. A revision that a dead run left C(pending-…) is recovered.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.chart
  - oceans.llm.release.version
  - oceans.llm.release.checked
  - oceans.llm.release.rollout
  - oceans.llm.release.change
  - oceans.llm.release.install
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
extends_documentation_fragment: oceans.llm.release.followed
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
