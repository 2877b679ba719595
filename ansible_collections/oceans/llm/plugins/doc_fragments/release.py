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
    description: A folder or archive on this machine, or an C(oci://) or C(https://) address, from which it is pulled once. Empty means the
      chart that the collection brings along.
    type: str
    default: ''
  chart_version:
    description: Version of the chart to pull; empty is the newest. A chart on this machine has its own version; another one is refused.
    type: str
    default: ''
  chart_registry:
    description: How to speak to the server of an C(oci://) or C(https://) chart.
    type: dict
    default: {}
    suboptions:
      ca_cert:
        description: File of the server's certificate authority.
        type: path
      validate_certs:
        description: Check the server's certificate.
        type: bool
        default: true
      plain_http:
        description: Speak HTTP without TLS, for C(oci://).
        type: bool
        default: false
      username:
        description: User name, for C(oci://). Without one the login of C(helm registry login) counts.
        type: str
      password:
        description: Password. C(helm) is given it in a file that nobody else reads.
        type: str
  values:
    description: Values for the chart. They replace those of the last revision.
    type: dict
    default: {}
"""

    VERSION = r"""
options:
  expected_version:
    description:
      - Version that the gateway has to say of itself, compared as it stands.
      - Empty means the gateway's image tag, when that is C(x.y.z). A tag with a suffix, a date or a word is not compared; a line says what is served.
    type: str
    default: ''
"""

    CHECKED = r"""
options:
  verify:
    description:
      - What becomes of a rollout that is complete while nobody could ask the gateway for its version. V(strict) fails, V(best_effort) says so.
      - A missing right to ask is no failure, but a line that names it.
    type: str
    default: strict
    choices: [strict, best_effort]
  probe_model:
    description:
      - Model of which one plain and one streamed completion decide at the end, asked by a pod as a client of the gateway does.
      - Empty asks for none, and the last line says so.
    type: str
    default: ''
  probe_key_secret:
    description: Secret that holds the gateway key for that; empty means C(<name>-secrets). The pod reads it, nobody else does.
    type: str
    default: ''
  probe_key_name:
    description: Key in O(probe_key_secret).
    type: str
    default: OCEANS_LLM_PROBE_KEY
  report_dir:
    description: Folder below which a failed run leaves its evidence (report.json, report.html, events, states, logs). Empty is none.
    type: str
    default: ''
  report_always:
    description: Leave a report of good runs, too.
    type: bool
    default: false
"""

    ROLLOUT = r"""
options:
  probe:
    description:
      - Whether a short pod of the gateway's own image asks the Service from inside the cluster, by its name and its address, and the hosts of the Ingress.
      - V(auto) asks when something changed; M(oceans.llm.wait), which changes nothing, asks except in check mode. V(false) never asks, and
        the last line says so.
    type: str
    default: auto
    choices: [auto, 'true', 'false']
  timeout:
    description: Seconds for the whole rollout. A fatal cause ends the rollout earlier.
    type: int
    default: 900
"""

    CHANGE = r"""
options:
  helm_binary:
    description: The helm program; empty is the first one on PATH.
    type: str
    default: ''
  force_conflicts:
    description: Take back fields that another manager has changed in the cluster (C(kubectl edit)). Needs Helm 4.
    type: bool
    default: false
  recover_after:
    description: Seconds after which a pending revision of a Helm that this collection did not start is taken for dead.
    type: int
    default: 900
"""

    INSTALL = r"""
options:
  remove_leftovers:
    description: Once the release is served, remove the copies of Secrets, ConfigMaps and ServiceAccounts that hooks of an earlier chart have left.
    type: bool
    default: false
  create_namespace:
    description: Create the namespace if it does not exist.
    type: bool
    default: false
  secret_written:
    description:
      - RV(oceans.llm.secrets#module:written) of the task that wrote the release's Secret in this run. It says which keys a restart is
        due to; in check mode, in which that Secret was not written, it predicts the restart from it.
    type: dict
    default: {}
"""

    RESTORE_POINT = r"""
options:
  restore_point:
    description: How restore points are taken and kept. The roles fill it from C(oceans_llm_restore_point) and its kin.
    type: dict
    default: {}
    suboptions:
      way:
        description: >-
          V(auto) is O(restore_point.command) where one is set, else the first that works of a Backup of CloudNativePG (where the Cluster has backups
          configured), C(pg_dump), and a VolumeSnapshot of the server's volume.
        type: str
        choices: [auto, none, cnpg, volume_snapshot, pg_dump, command]
        default: auto
      image:
        description: PostgreSQL's own image with C(pg_dump) and C(pg_restore). Empty is the image of the server, where that is a pod of the cluster.
        type: str
        default: ''
      volume:
        description: >-
          C(claim), C(size) and C(storage_class) of the PersistentVolumeClaim for copies. It is created where it is missing, by default as
          C(RELEASE-restore-points) with 10Gi.
        type: dict
        default: {}
      s3:
        description: >-
          An object store in place of the volume - C(address) (C(s3://BUCKET/FOLDER)), C(region), C(endpoint), C(secret) with C(AWS_ACCESS_KEY_ID) and
          C(AWS_SECRET_ACCESS_KEY), and C(image) with curl.
        type: dict
        default: {}
      command:
        description: >-
          A program on this machine and its arguments. It is called with C(take NAME), or C(restore NAME PLACE DATABASE), and has the login in
          libpq's variables. Its last line may be JSON with C(place), C(size) and C(checksum).
        type: list
        elements: str
        default: []
      keep:
        description: Copies that stay on the volume. Older ones are removed when a new one is whole.
        type: int
        default: 3
  timeout:
    description: Seconds that one copy or one restore may take.
    type: int
    default: 900
"""

    JOB = r"""
options:
  timeout:
    description: Seconds that one Job may take.
    type: int
    default: 300
"""

    # of RETURN

    FOLLOWED = r"""
msg:
  description:
    - The last line.
    - "When the rollout failed - C(FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>)."
  type: str
  returned: always
outcome:
  description:
    - How the run ended. C(served), or C(failed) - the release itself; C(lost) - another run took the release over, or its namespace was
      deleted; C(interrupted) - by a signal; C(broken) - because of a defect of the collection.
  type: str
  returned: when the release was followed
code:
  description: The code of the cause, empty when there is none. The codes are listed in the collection docs/causes.md.
  type: str
  returned: when the release was followed
version_served:
  description: What C(/api/v1/health) says through the Service; empty when it could not be asked for, or the release has no gateway.
  type: str
  returned: when the release was followed
  sample: 0.24.0
verified:
  description:
    - C(served), C(failed), C(unverified) when the version could not be asked for, C(not asked) when a right to ask is missing or the release has no gateway.
    - Empty when the rollout failed before.
  type: str
  returned: when the release was followed
completion:
  description: What came of the question for a completion - model, status, seconds, tries and the stream's events. Empty when none was asked for.
  type: dict
  returned: when the release was followed
seconds:
  description: How long the rollout took.
  type: float
  returned: when the release was followed
database:
  description: What is known of the database, from the migration own output.
  type: str
  returned: when the release was followed
  sample: database at V45 (V44–V45 (2) committed in this run)
old_pods:
  description: How many pods that were there before still serve, and what they run.
  type: str
  returned: when the release was followed
cause:
  description: Why it failed, or null. The codes are listed in the collection docs/causes.md and never change their meaning.
  type: dict
  returned: when the release was followed
  contains:
    code: {description: Stable name., type: str, sample: ImageNotFound}
    certainty: {description: 'C(fatal), or C(retryable) when its time was over.', type: str}
    object: {description: Kind/name that the evidence is about., type: str}
    container: {description: The container; empty when it is about no single one., type: str}
    cause: {description: One sentence., type: str}
    evidence: {description: The words of the cluster., type: str}
    hint: {description: What to do., type: str}
first_signal_seconds:
  description: When the first sign of trouble was seen; null when there was none.
  type: float
  returned: when the release was followed
timeline:
  description: The lines that were printed while the task ran.
  type: list
  elements: dict
  returned: when the release was followed
report:
  description: The folder with the evidence.
  type: str
  returned: when O(report_dir) is set, and the run failed or O(report_always)
"""

    RESTORE_POINTS = r"""
restore_point:
  description: The restore point that was taken, or brought back.
  returned: success
  type: dict
  sample: {kind: pg_dump, name: oceans-llm-20261128-153000, place: PersistentVolumeClaim/oceans-llm-restore-points, size: 49459, schema_version: 43}
restore_points:
  description: All restore points of the release, the oldest first.
  returned: success
  type: list
  elements: dict
"""
