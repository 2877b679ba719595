#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.uninstall; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: uninstall
short_description: Uninstall a release and delete the collection's own objects, but keep data and Secrets
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Deletes the Helm release in any state, its Jobs (Helm does not delete the Jobs of hooks), the Secret C(RELEASE-digest-key) and the ConfigMap
    C(RELEASE-bootstrap). The Lease C(oceans-llm-<release>) is deleted last.
  - Holds the Lease until the end. When another run is changing the release, the task fails and names that run. The Lease of a killed run is taken over.
  - Keeps what cannot be recovered. This is the namespace, every Secret that the chart did not create, and the CloudNativePG database.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Prints what would be deleted.
    support: full
  diff_mode:
    description: Shows no diff; RV(removed) has the names of the objects.
    support: none
requirements:
  - helm 3.18 or newer; of Helm 4, version 4.2.2 or newer
options:
  delete_database:
    description: Name of the CloudNativePG C(Cluster) to delete with all its data. Empty means that no database is deleted.
    type: str
    default: ''
  helm_binary:
    description: Path of the C(helm) program. Empty means the first C(helm) on E(PATH).
    type: str
    default: ''
  timeout:
    description: Time limit of C(helm uninstall), and of the deletion of the Jobs, in seconds each. When the time is over, the task fails.
    type: int
    default: 900
seealso:
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Uninstall the gateway
  oceans.llm.uninstall:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
removed:
  description: The release and the objects that were deleted, as C(Kind/name); in check mode those that would be deleted.
  returned: success
  type: list
  elements: str
  sample: [release oceans-llm (revision 3, deployed), Job/oceans-llm-migrate, Secret/oceans-llm-digest-key]
kept:
  description: Objects of the release that were kept, as C(Kind/name).
  returned: success
  type: list
  elements: str
  sample: [Secret/oceans-llm-secrets]
"""
