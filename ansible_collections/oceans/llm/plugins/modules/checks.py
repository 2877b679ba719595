#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.checks; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: checks
short_description: Compute whether each node with a gateway pod could be drained
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Computes the result from the PodDisruptionBudget, the nodes of the gateway's pods, and the free CPU and memory of the other nodes.
  - Fails when the drain of a node would never end, would stop the gateway, or would leave a pod that no other node can run.
    Affinity rules and topology spread constraints are not evaluated.
  - Changes nothing and drains no node. Needs the permission to list nodes and the pods of all namespaces (docs/deployer-reads.yaml of the collection).
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Reads only.
    support: full
"""

EXAMPLES = r"""
- name: Simulate the drain of each node
  oceans.llm.checks:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
findings:
  description: One finding for each node, with C(node), C(severity), C(code), C(sentence) and C(hint).
  returned: always
  type: list
  elements: dict
drained:
  description: Whether every node with a gateway pod can be drained while the gateway serves.
  returned: when the release was found
  type: bool
providers:
  description: One entry for each C(provider) of the configuration that has a model. A completion of this C(model) tests the provider.
  returned: always
  type: list
  elements: dict
"""
