# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules have: of a release, its chart, its rollout, the checks after it, and a change of it."""

from __future__ import annotations


class ModuleDocFragment:
    """oceans.llm.release, and its parts: oceans.llm.release.chart, and so on."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of the Helm release.
    type: str
    required: true
  namespace:
    description: Namespace of the release.
    type: str
    required: true
"""

    CHART = r"""
options:
  chart:
    description: "Chart to deploy: a folder or a C(.tgz) archive on the Ansible controller, or a URL that begins with C(oci://) or
      C(https://). Empty means the chart that is part of this collection."
    type: str
    default: ''
  chart_version:
    description: Version of the chart to download from a URL, for example V(1.2.3). Empty means the newest version. A folder or an archive contains
      one version of the chart; the task fails if this option names another version.
    type: str
    default: ''
  chart_registry:
    description: Options of the connection to the server that an C(oci://) or C(https://) chart is pulled from.
    type: dict
    default: {}
    suboptions:
      ca_cert:
        description: Path of the file with the certificate authority of the server.
        type: path
      validate_certs:
        description: Verify the certificate of the server.
        type: bool
        default: true
      plain_http:
        description: Use HTTP without TLS. Only for C(oci://).
        type: bool
        default: false
      username:
        description: User name for the registry. Only for C(oci://). Empty means the login that C(helm registry login) has stored.
        type: str
      password:
        description: Password for the registry. C(helm) reads the password from a file that only this user can read.
        type: str
  values:
    description: Helm values for the chart. These values replace all values of the previous revision.
    type: dict
    default: {}
"""

    VERSION = r"""
options:
  expected_version:
    description:
      - Version that the gateway must report at C(/api/v1/health), for example V(0.24.0).
      - Empty means the gateway's image tag. Only a tag of the form C(x.y.z) or C(vx.y.z) is compared. For any other tag, a
        line shows the version that the gateway reports.
    type: str
    default: ''
"""

    CHECKED = r"""
options:
  verify:
    description:
      - What happens when the rollout is complete, but no request for the gateway's version was answered. V(strict) fails the task. V(best_effort) lets the
        task succeed, and its last line begins with C(unverified).
      - A missing permission for the request never fails the task; a line names the permission.
    type: str
    default: strict
    choices: [strict, best_effort]
  probe_model:
    description:
      - Model that must answer at the end, for example V(gpt-4o-mini). A short-lived pod requests one plain and one streamed completion through the
        gateway's Service. The task fails when one of the two completions fails.
      - Empty means that no completion is requested; the last line then says C(no completion was requested).
    type: str
    default: ''
  probe_key_secret:
    description: Name of the Secret with the API key for completions (O(probe_model)). Only the pod reads the API key; Ansible never reads the API key.
      Empty means C(NAME-secrets), where C(NAME) is O(name).
    type: str
    default: ''
  probe_key_name:
    description: Key under which the Secret O(probe_key_secret) stores the API key.
    type: str
    default: OCEANS_LLM_PROBE_KEY
  report_dir:
    description: Folder on the Ansible controller for reports. A failed task creates a folder in this folder, with C(report.json), C(report.html), the
      events, the objects and the logs. Empty means that no report is written.
    type: str
    default: ''
  report_always:
    description: Write a report after a successful task, too. With V(false) only a failed task writes a report.
    type: bool
    default: false
"""

    ROLLOUT = r"""
options:
  probe:
    description:
      - Whether a short-lived pod of the gateway's image tests the gateway from inside the Kubernetes cluster. The pod requests the gateway's
        Service by DNS name and by address, and the hosts of the Ingress.
      - V(auto) starts the pod when the task changed something. The module M(oceans.llm.wait) changes nothing; there, V(auto) starts the pod except in
        check mode. V(true) always starts the pod. V(false) starts no pod, and the last line says C(not probed).
    type: str
    default: auto
    choices: [auto, 'true', 'false']
  timeout:
    description: Time limit of the rollout in seconds. When the time is over, the task fails. A fatal cause fails the task earlier (see docs/causes.md).
    type: int
    default: 900
"""

    CHANGE = r"""
options:
  helm_binary:
    description: Path of the C(helm) program. Empty means the first C(helm) on E(PATH).
    type: str
    default: ''
  force_conflicts:
    description: Overwrite fields that another field manager has changed in the cluster, for example with C(kubectl edit). With V(false) the task
      fails and names the field manager. Helm 3 overwrites such fields in any case.
    type: bool
    default: false
  recover_after:
    description: >-
      Seconds for which a Helm revision in state C(pending-…) blocks this task, if a Helm process outside of this collection left the revision.
      The seconds count from the creation of the revision. When the time is over, the task marks the revision as failed and continues.
    type: int
    default: 900
"""

    INSTALL = r"""
options:
  remove_leftovers:
    description: After a successful deployment, delete the copies of Secrets, ConfigMaps and ServiceAccounts that the hooks of an earlier chart version have
      left in the namespace. With V(false) these objects are kept.
    type: bool
    default: false
  create_namespace:
    description: Create the namespace when it does not exist. With V(false) a missing namespace fails the task.
    type: bool
    default: false
  secret_written:
    description:
      - The return value RV(oceans.llm.secrets#module:written) of the task that wrote the Secret of the release in this run. With this value, the lines
        name the changed keys that restart the pods.
      - In check mode the Secret was not written, and the restart is predicted from this option.
    type: dict
    default: {}
"""

    RESTORE_POINT = r"""
options:
  restore_point:
    description: How restore points are created and stored. The roles set this option from the variables C(oceans_llm_restore_point*).
    type: dict
    default: {}
    suboptions:
      way:
        description: >-
          V(cnpg) creates a C(Backup) of CloudNativePG; the C(Cluster) must have backups configured. V(pg_dump) runs C(pg_dump) in a Job.
          V(volume_snapshot) creates a VolumeSnapshot of the database server's volume. V(command) runs O(restore_point.command). V(none) creates no
          restore point. V(auto) uses the command when one is set. Otherwise V(auto) tries V(cnpg), V(pg_dump) and
          V(volume_snapshot) in this order, until one creates a restore point.
        type: str
        choices: [auto, none, cnpg, volume_snapshot, pg_dump, command]
        default: auto
      image:
        description: PostgreSQL image with C(pg_dump) and C(pg_restore), for example V(postgres:17). The PostgreSQL version of the image must
          be the version of the database server or newer. Empty means the image of the database server's own pod; set an image when the database server is
          not a pod of this Kubernetes cluster.
        type: str
        default: ''
      volume:
        description: >-
          PersistentVolumeClaim that stores the copies, with the keys C(claim) (its name), C(size) and C(storage_class). The PersistentVolumeClaim is
          created when it does not exist. The defaults are the name C(RELEASE-restore-points), the size 10Gi and the default StorageClass.
        type: dict
        default: {}
      s3:
        description: >-
          Object store that stores the copies instead of a volume. C(address) has the form C(s3://BUCKET/FOLDER). C(region) is the region of the bucket.
          C(endpoint) is the URL of the store, by default the URL of Amazon S3. C(secret) is a Secret with C(AWS_ACCESS_KEY_ID) and
          C(AWS_SECRET_ACCESS_KEY). C(image) is an image with C(sh), C(sha256sum) and C(curl) 7.88 or newer.
        type: dict
        default: {}
      command:
        description: >-
          Backup program on the Ansible controller and its arguments, for example V([/usr/local/bin/backup, --fast]). To create a copy, the program is
          called with the additional arguments C(take NAME). The last line of its output must be the place of the copy, or a JSON object with the keys C(place),
          C(size) and C(checksum). To restore a copy, the program is called with C(restore NAME PLACE DATABASE), where C(PLACE) is the printed
          place and C(DATABASE) is the database to restore into. The environment variables C(PGHOST), C(PGPORT), C(PGUSER), C(PGPASSWORD), C(PGDATABASE)
          and C(PGSSLMODE) contain the database login.
        type: list
        elements: str
        default: []
      keep:
        description: Number of copies that stay on the volume. Older copies are deleted when a new copy is complete.
        type: int
        default: 3
  timeout:
    description: Time limit of one copy or one restore, in seconds. When the time is over, the task fails.
    type: int
    default: 900
"""

    JOB = r"""
options:
  timeout:
    description: Time limit of each Job that the task creates, in seconds. When the time is over, the task fails.
    type: int
    default: 300
"""

    # of RETURN

    FOLLOWED = r"""
msg:
  description:
    - The last line of the run.
    - "When the rollout failed, the line has the form C(FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>)."
  type: str
  returned: always
outcome:
  description:
    - How the run ended. C(served) - the rollout is complete, and no test after it failed. C(failed) - the rollout failed. C(lost) - another
      run took over the release, or the namespace was deleted. C(interrupted) - a signal ended the run. C(broken) - a defect of the collection ended the run.
  type: str
  returned: when the release was followed
code:
  description: Code of the cause; empty when there is no cause. docs/causes.md of the collection lists all codes.
  type: str
  returned: when the release was followed
version_served:
  description: Version that the gateway reports at C(/api/v1/health); empty when the version could not be requested, or when the release has no gateway.
  type: str
  returned: when the release was followed
  sample: 0.24.0
verified:
  description:
    - Result of the tests after the rollout. C(served) - all tests passed. C(failed) - one test failed. C(unverified) - the version could not be requested.
      C(not asked) - a permission is missing, or the release has no gateway.
    - Empty when the rollout failed before these tests.
  type: str
  returned: when the release was followed
completion:
  description: Result of the completions with model, HTTP status, seconds, attempts and events of the stream. Empty when no completion was requested.
  type: dict
  returned: when the release was followed
seconds:
  description: Duration of the rollout in seconds.
  type: float
  returned: when the release was followed
database:
  description: Newest migration of the database, and the migrations that were committed in this run, as the log of the migration Job shows them.
  type: str
  returned: when the release was followed
  sample: database at V45 (V44–V45 committed in this run)
old_pods:
  description: Number of pods from before the rollout that still serve, and their version.
  type: str
  returned: when the release was followed
cause:
  description: Why the rollout failed; null when it did not fail. The codes are listed in docs/causes.md of the collection and keep their meaning.
  type: dict
  returned: when the release was followed
  contains:
    code: {description: Stable name of the cause., type: str, sample: ImageNotFound}
    certainty: {description: 'C(fatal), or C(retryable) when the cause lasted longer than its time limit.', type: str}
    object: {description: Kind and name of the object that the evidence describes., type: str}
    container: {description: Name of the container; empty when the cause is not about one container., type: str}
    cause: {description: What is wrong in one sentence., type: str}
    evidence: {description: 'The event, status message or log line that proves the cause, quoted unchanged.', type: str}
    hint: {description: What to do about the cause., type: str}
first_signal_seconds:
  description: Seconds from the start of the run to the first problem that the run saw; null when the run saw no problem.
  type: float
  returned: when the release was followed
timeline:
  description: The lines that were printed while the task ran.
  type: list
  elements: dict
  returned: when the release was followed
report:
  description: Path of the folder with the report.
  type: str
  returned: when O(report_dir) is set, and the run failed or O(report_always)
"""

    RESTORE_POINTS = r"""
restore_point:
  description: The restore point that was created or restored.
  returned: success
  type: dict
  sample: {kind: pg_dump, name: oceans-llm-20261128-153000, place: PersistentVolumeClaim/oceans-llm-restore-points, size: 49459, schema_version: 43}
restore_points:
  description: All restore points of the release, oldest first.
  returned: success
  type: list
  elements: dict
"""
