#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.uninstall; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: uninstall
short_description: Remove a release and what the collection keeps beside it; data and keys stay
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Removes the Helm release whatever its state, its Jobs (hooks are not part of a release), the key of the Secrets' digests, the notes of
    the bootstrap, and last the Lease C(oceans-llm-<release>).
  - That Lease is held meanwhile. A run that is changing the release is respected and named; the lock of one that is dead is taken over.
  - What cannot be brought back stays - the namespace, Secrets that the chart did not make, a database that the chart wants kept.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Says what would be removed.
    support: full
  diff_mode:
    description: There is no diff; RV(removed) has the names.
    support: none
requirements:
  - helm >= 3.18, or >= 4.2.2
options:
  delete_database:
    description: Name of a CloudNativePG Cluster to delete with its data. Empty deletes none.
    type: str
    default: ''
  helm_binary:
    description: The helm program; empty is the first one on PATH.
    type: str
    default: ''
  timeout:
    description: Seconds that Helm may take, and again the Jobs.
    type: int
    default: 900
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Away with it
  oceans.llm.uninstall:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
removed:
  description: What was removed, or would be.
  returned: success
  type: list
  elements: str
  sample: [release oceans-llm (revision 3, deployed), Job/oceans-llm-migrate, Secret/oceans-llm-digest-key]
kept:
  description: What stays, of what the release used.
  returned: success
  type: list
  elements: str
  sample: [Secret/oceans-llm-secrets]
"""
