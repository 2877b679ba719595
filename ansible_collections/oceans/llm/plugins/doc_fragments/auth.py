# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach the cluster: the options that all plugins of the collection share. Names and aliases as in kubernetes.core."""

from __future__ import annotations


class ModuleDocFragment:
    """oceans.llm.auth"""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file, or its content as a dictionary.
      - Without it E(K8S_AUTH_KUBECONFIG), then E(KUBECONFIG), then C(~/.kube/config), then the account of the pod that Ansible runs in.
      - Certificates, tokens and programs that print credentials (C(exec), as cloud providers have them) work in it, for C(helm) too.
    type: raw
  context:
    description: The context in the kubeconfig. Falls back to E(K8S_AUTH_CONTEXT), then to the kubeconfig's current context.
    type: str
  host:
    description:
      - Address of the API server. Falls back to E(K8S_AUTH_HOST).
      - Without O(kubeconfig) and O(context) no kubeconfig is read then, neither here nor by C(helm), so that none of its credentials is sent there.
    type: str
  api_key:
    description:
      - Bearer token. Falls back to E(K8S_AUTH_API_KEY).
      - It takes the place of a token in the kubeconfig. A client certificate in the kubeconfig is shown as well, and the API server goes by that.
    type: str
  ca_cert:
    description: Certificate authority of the API server, a file. Falls back to E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description: Client certificate, a file; needs O(host), because C(helm) has no option for it. Falls back to E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description: Key of the client certificate, a file. Falls back to E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  validate_certs:
    description: Check the API server's certificate. Falls back to E(K8S_AUTH_VERIFY_SSL), then to what the kubeconfig says.
    type: bool
    aliases: [verify_ssl]
requirements:
  - kubernetes (Python package) on the controller
notes:
  - The environment variables may also stand in the keyword C(environment) of a task, block or play.
  - Works in the controller's process; nothing is copied to or run on a remote machine. A host of the inventory stands for a cluster.
"""
