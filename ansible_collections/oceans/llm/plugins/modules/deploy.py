#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.deploy; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Install or upgrade a Helm release, and follow the rollout until the gateway answers requests or the rollout has failed
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Compares the rendered objects with the previous revision, with the objects in the cluster (drift), and with the Secrets of the running pods. When
    nothing differs, nothing is written.
  - A changed Secret restarts the pods that read the Secret, by a keyed digest in an annotation of the pods. The task sets the digest by the chart values
    C(gateway.secretsDigest) and C(adminUi.secretsDigest), or by C(podAnnotations) when the chart has no such values. A chart without these values gets no
    annotation.
  - Upgrades the release with M(kubernetes.core.helm) in the background, without C(wait) and C(atomic), and watches its objects from the start.
  - A fatal cause fails the task with one sentence. The task then stops the Jobs of the release, so that no migration continues, and ends Helm with SIGTERM.
  - A retryable cause, such as a rate limit of the registry, is reported. The cause fails the task when it lasts longer than its time limit.
  - The task succeeds when the Jobs are complete, every new pod is ready, and the gateway reports the requested version through its Service.
  - The Lease C(oceans-llm-<release>) prevents two runs from changing the release at the same time. A revision that a killed run left in state
    C(pending-…) is marked as failed, and the task continues.
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
    description: Shows each changed object before and after. Values of Secrets are never shown.
    support: full
requirements:
  - helm 3.18 or newer; of Helm 4, version 4.2.2 or newer
  - kubernetes.core >= 6.5.0
seealso:
  - module: oceans.llm.secrets
  - module: oceans.llm.wait
  - module: kubernetes.core.helm
"""

EXAMPLES = r"""
- name: Deploy the gateway to one namespace
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
  description: Whether the task created a revision of the release. A failed task that created a revision returns true, too.
  type: bool
  returned: always
msg:
  description:
    - The last line of the run.
    - Ansible prints the whole result of a failed task. To keep the result short, a failed task without C(-v) returns only C(changed), C(msg), C(outcome),
      C(code), C(seconds), C(report), and the code, object and container of C(cause). C(report.json) and C(-v) have all return values.
    - "When the rollout failed, the line has the form C(FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>)."
  type: str
  returned: always
changes:
  description: The objects that change, as text. C(+) stands before an object that is created, C(~) before a changed, C(-) before a deleted object.
  type: str
  returned: always
  sample: ~Deployment/oceans-llm-gateway, Secret oceans-llm-secrets was rotated (API_KEY), which restarts Deployment/oceans-llm-gateway
chart:
  description: Name and version of the chart.
  type: str
  returned: always
"""
