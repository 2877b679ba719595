#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.wait; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wait
short_description: Follow a release that another tool changed, until it serves or has failed
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
  - oceans.llm.release
  - oceans.llm.release.version
  - oceans.llm.release.checked
  - oceans.llm.release.rollout
attributes:
  check_mode:
    description: Watches in check mode, too. A release that does not exist yet is no failure then.
    support: full
options:
  version:
    description: Image tag that was asked for. Empty means the one that the release has.
    type: str
    default: ''
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Upgrade in the way that the pipeline always did
  ansible.builtin.command: helm upgrade web ./chart --namespace web
  changed_when: true

- name: Follow the rollout
  oceans.llm.wait:
    name: web
    namespace: web
    timeout: 300
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.followed
changed:
  description: Always false.
  type: bool
  returned: always
"""
