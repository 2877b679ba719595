# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all plugins of the collection share: how to reach the cluster (names and aliases as in kubernetes.core), and what is on all objects."""

from __future__ import annotations


class ModuleDocFragment:
    """oceans.llm.auth: what every module has. Attributes that a module has of its own take the place of these."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Writes nothing, and returns what would be changed.
    support: full
  diff_mode:
    description: Shows no differences.
    support: none
options:
  kubeconfig:
    description:
      - Path of the kubeconfig file, for example V(~/.kube/config). Several paths are separated by C(:) and merged as C(kubectl) does. The content of a
        kubeconfig as a dictionary is accepted, too.
      - Empty means E(K8S_AUTH_KUBECONFIG), then E(KUBECONFIG), then C(~/.kube/config), then the service account of the pod
        that Ansible runs in. When Ansible runs in a pod that also has a kubeconfig, the task fails, because C(kubernetes.core) and C(helm)
        would use different credentials.
      - A relative path, in this and in all other options, is relative to the folder in which C(ansible-playbook) was started.
      - The kubeconfig may contain certificates, tokens, impersonation, and C(exec) plugins of cloud providers. Both the plugin and C(helm) use them.
    type: raw
  context:
    description: Name of the context in the kubeconfig. Falls back to E(K8S_AUTH_CONTEXT), then to the C(current-context) of the kubeconfig.
    type: str
  host:
    description:
      - URL of the API server, for example V(https://192.0.2.1:6443). Falls back to E(K8S_AUTH_HOST).
      - When O(host) is set without O(kubeconfig) and O(context), neither the plugin nor C(helm) reads a kubeconfig. The credentials in a
        kubeconfig are not sent to this server.
    type: str
  api_key:
    description:
      - Bearer token for the API server. Falls back to E(K8S_AUTH_API_KEY).
      - The option replaces the token in the kubeconfig. A client certificate in the kubeconfig is still sent, and the API server then
        authenticates the certificate, not the token.
    type: str
  username:
    description: User name for basic authentication, together with O(password). Falls back to E(K8S_AUTH_USERNAME).
    type: str
  password:
    description: Password for basic authentication. Falls back to E(K8S_AUTH_PASSWORD).
    type: str
  ca_cert:
    description: Path of the file with the certificate authority of the API server. Falls back to E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description: Path of the file with the client certificate. Falls back to E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description: Path of the file with the private key of the client certificate. Falls back to E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  validate_certs:
    description: Verify the certificate of the API server. Falls back to E(K8S_AUTH_VERIFY_SSL), then to the kubeconfig.
    type: bool
    aliases: [verify_ssl]
  proxy:
    description: URL of the HTTP proxy for requests to the API server. Falls back to E(K8S_AUTH_PROXY), then to the kubeconfig's C(proxy-url).
    type: str
  no_proxy:
    description: Hosts to connect to without the proxy, separated by commas. Falls back to E(K8S_AUTH_NO_PROXY).
    type: str
  proxy_headers:
    description: Headers that are sent to the O(proxy).
    type: dict
    suboptions:
      proxy_basic_auth:
        description: User name and password for the proxy, as V(USER:PASSWORD). Falls back to E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH).
        type: str
      basic_auth:
        description: Do not set this option. The task fails, because C(helm) cannot send this header.
        type: str
      user_agent:
        description: Do not set this option. The task fails, because C(helm) cannot send this header.
        type: str
  impersonate_user:
    description: User to impersonate. Falls back to E(K8S_AUTH_IMPERSONATE_USER), then to C(as) in the kubeconfig.
    type: str
  impersonate_groups:
    description: Groups to impersonate, together with O(impersonate_user). Falls back to E(K8S_AUTH_IMPERSONATE_GROUPS), separated by commas.
    type: list
    elements: str
  persist_config:
    description: Do not set this option to V(true). The task fails, because the collection never writes a renewed token into the kubeconfig.
    type: bool
  cluster_uid:
    description:
      - Protection against the wrong Kubernetes cluster. On a Kubernetes cluster whose namespace C(kube-system) has another uid, the task fails before
        anything is written. Read the uid with C(kubectl get namespace kube-system -o jsonpath={.metadata.uid}).
      - Empty means the uid that the first run stored in a label of the Secret C(RELEASE-digest-key), where C(RELEASE) is the name of the Helm release.
    type: str
    default: ''
  common_labels:
    description:
      - Labels on every object that the task creates, such as the Lease, Secrets and one-off Jobs with their pods. The task's own labels override them.
      - The roles set the option to the chart value C(commonLabels), so that all objects of a release have the same labels.
    type: dict
    default: {}
  common_annotations:
    description: Annotations on every object that the task creates. The roles set the option to the chart value C(commonAnnotations).
    type: dict
    default: {}
requirements:
  - kubernetes (Python package) on the controller
notes:
  - The keyword C(environment) of a task, block or play applies to C(helm) and to C(exec) plugins that print credentials, like the environment of
    C(ansible-playbook).
  - C(helm) gets a kubeconfig that is generated from these options. The variables C(HELM_KUBE*), C(HELM_NAMESPACE) and C(HELM_PLUGINS) are not passed
    to it. When E(HELM_DRIVER) has another value than C(secret), the task fails before any change.
  - The task runs in the process of C(ansible-playbook), as the user who started it; C(become) has no effect. One inventory host represents one
    Kubernetes cluster. With another connection than C(local) the task fails before any change.
"""
