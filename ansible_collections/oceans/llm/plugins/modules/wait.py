#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.wait; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wait
short_description: Follow the rollout of a release that another tool changed, until the gateway answers requests or the rollout has failed
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Reads the objects of the release from Helm's record and watches them. Changes nothing, and does not start C(helm).
  - A release without a record of Helm (Argo CD, Flux, C(helm template | kubectl apply)) is found by the label C(app.kubernetes.io/instance) of its
    objects. Only the newest Job of each kind with the gateway's image is followed.
  - Use this module after C(helm upgrade) in any pipeline, with any chart. The module reports the same causes and the same last line as M(oceans.llm.deploy).
  - When the rollout fails, its Jobs are not stopped, because another tool started them.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.version
  - oceans.llm.release.checked
  - oceans.llm.release.rollout
attributes:
  check_mode:
    description: Watches as without check mode. A release that does not exist yet does not fail the task.
    support: full
options:
  version:
    description: Image tag that the release must have, for example V(v0.24.0). Empty accepts any tag.
    type: str
    default: ''
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Upgrade with Helm, as an existing pipeline does
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
