# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach the cluster: the options that all plugins of the collection share. Names and aliases as in kubernetes.core."""

from __future__ import annotations


class ModuleDocFragment:
    """oceans.llm.auth: what every module has. Attributes that a module has of its own take the place of these."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Writes nothing in check mode, and predicts what would be done.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file, several of them with C(:) between (merged as C(kubectl) does), or its content as a dictionary.
      - Without it E(K8S_AUTH_KUBECONFIG), then E(KUBECONFIG) or C(~/.kube/config), or the account of the pod that Ansible runs in. When both of
        the latter exist, the task is refused, because C(kubernetes.core) and C(helm) would take different ones.
      - A relative path, here and in the other options, starts in the folder in which C(ansible-playbook) was started.
      - Certificates, tokens, impersonation and programs that print credentials (C(exec), as cloud providers have them) work in it, for C(helm) too.
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
  username:
    description: User name for basic authentication, together with O(password). Falls back to E(K8S_AUTH_USERNAME).
    type: str
  password:
    description: Password for basic authentication. Falls back to E(K8S_AUTH_PASSWORD).
    type: str
  ca_cert:
    description: Certificate authority of the API server, a file. Falls back to E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description: Client certificate, a file. Falls back to E(K8S_AUTH_CERT_FILE).
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
  proxy:
    description: Address of an HTTP proxy on the way to the API server. Falls back to E(K8S_AUTH_PROXY), then to the kubeconfig's C(proxy-url).
    type: str
  no_proxy:
    description: Hosts that are reached without a proxy, with commas between. Falls back to E(K8S_AUTH_NO_PROXY).
    type: str
  proxy_headers:
    description: Headers for O(proxy).
    type: dict
    suboptions:
      proxy_basic_auth:
        description: User name and password for the proxy, with a colon between. Falls back to E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH).
        type: str
      basic_auth:
        description: Refused, because C(helm) cannot send it.
        type: str
      user_agent:
        description: Refused, because C(helm) cannot send it.
        type: str
  impersonate_user:
    description: User to act as. Falls back to E(K8S_AUTH_IMPERSONATE_USER), then to what the kubeconfig says (C(as)).
    type: str
  impersonate_groups:
    description: Groups to act as, together with O(impersonate_user). Falls back to E(K8S_AUTH_IMPERSONATE_GROUPS), with commas between.
    type: list
    elements: str
  persist_config:
    description: Refused when true. A renewed token is never written into the kubeconfig.
    type: bool
  cluster_uid:
    description:
      - The uid of the namespace C(kube-system) of the one cluster that may be changed (C(kubectl get namespace kube-system -o jsonpath={.metadata.uid})).
        On another one the task is refused before anything is written.
      - Without it the uid that was remembered with the release counts.
    type: str
    default: ''
requirements:
  - kubernetes (Python package) on the controller
notes:
  - The keyword C(environment) of a task, block or play counts like the environment of C(ansible-playbook), for programs that print credentials and
    for C(helm), too.
  - C(helm) is given a kubeconfig made of these options, and none of C(HELM_KUBE*), C(HELM_NAMESPACE) and C(HELM_PLUGINS). With C(HELM_DRIVER) set to
    anything but C(secret) the task is refused.
  - Works in the controller's process, as the user who runs Ansible and not as that of C(become). A host of the inventory stands for a cluster; with
    another connection than C(local) the task is refused.
"""
