# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason that Kubernetes gives on the way of a rollout, and what becomes of it here. Data; docs/reasons.md is made from it.

Names are those of Kubernetes 1.34 (kubelet, scheduler, controllers, API types). The right side is the code that the reason leads to
(its words may make it another one), or one of the three words below.
"""

from __future__ import annotations

NORMAL = "normal"  # part of every healthy rollout
SHOWN = "shown"  # as evidence of what is waited for, and in the time-out's cause
OTHER = "other"  # about something that a rollout does not wait for

#: what the reasons of each group lead to, and these reasons
_TABLE = {
    "Container waiting (kubelet)": {
        "PodStarting": "ContainerCreating PodInitializing",
        "CrashLoop": "CrashLoopBackOff",
        "CannotStart": "RunContainerError",
        "ContainerConfig": "CreateContainerConfigError CreateContainerError PreCreateHookError PreStartHookError",
        "LifecycleHookFailed": "PostStartHookError",
        "ImagePullFailed": "ErrImagePull ImagePullBackOff ImageInspectError RegistryUnavailable",
        "ImageNeverPulled": "ErrImageNeverPull",
        "ImageNameInvalid": "InvalidImageName",
        "ImageUnusable": "SignatureValidationFailed",
        "SandboxFailed": "CreatePodSandboxError ConfigPodSandboxError",
        SHOWN: "KillPodSandboxError KillContainerError",
        OTHER: "ResizePodInPlaceError",
    },
    "Container terminated (kubelet, container runtime)": {
        "ContainerEnded": "Completed",
        "ContainerExited": "Error ContainerStatusUnknown",
        "OOMKilled": "OOMKilled",
        "CannotStart": "StartError ContainerCannotRun",
    },
    "Pod status (kubelet, controllers)": {
        "PodEvicted": "Evicted Preempting Shutdown NodeLost Terminated",
        "PodRejected": "NodeShutdown UnexpectedAdmissionError NodeAffinity OutOfcpu OutOfmemory OutOfpods OutOfephemeral-storage "
        "OutOfExtendedResources NodeName NodePorts TaintToleration AppArmor SysctlForbidden PodOSNotSupported "
        "PodOSSelectorNodeLabelDoesNotMatch SupplementalGroupsPolicyNotSupported PodLevelResourcesNotSupported "
        "InitContainerRestartPolicyForbidden TopologyAffinityError SMTAlignmentError VolumeAttachmentLimitExceeded "
        "UnexpectedPredicateFailureType InvalidNodeInfo UnknownReason",
        "JobDeadline": "DeadlineExceeded",
    },
    "Events of the kubelet": {
        "ImagePullFailed": "Failed InspectFailed",
        "ImageNeverPulled": "ErrImageNeverPull",
        "CrashLoop": "BackOff",
        "NotReadyInTime": "Unhealthy ProbeWarning",
        "LifecycleHookFailed": "FailedPostStartHook",
        "SandboxFailed": "FailedCreatePodSandBox FailedPodSandBoxStatus FailedCreatePodContainer NetworkNotReady FailedPrepareDynamicResources",
        "MountFailed": "FailedMount FailedAttachVolume FailedMapVolume FailedMountOnFilesystemMismatch FileSystemResizeFailed VolumeResizeFailed",
        "NodeNotReady": "NodeNotReady",
        NORMAL: "Created Started Pulling Pulled Killing SuccessfulAttachVolume SuccessfulMountVolume AlreadyMountedVolume "
        "FileSystemResizeSuccessful VolumeResizeSuccessful SandboxChanged",
        SHOWN: "FailedToRetrieveImagePullSecret ContainerProbeWarning FailedPreStopHook LifecycleHTTPFallback "
        "VolumePermissionChangeInProgress VolumeConditionAbnormal PossibleMemoryBackedVolumesOnDisk Preempting "
        "ExceededGracePeriod FailedKillPod FailedSync FailedValidation DNSConfigForming MissingClusterDNS "
        "CheckLimitsForResolvConf HostIPsIPFamilyMismatch",
        OTHER: "ResizeDeferred ResizeInfeasible ResizeCompleted NodeReady NodeSchedulable NodeNotSchedulable NodeHasDiskPressure "
        "NodeHasNoDiskPressure NodeHasInsufficientMemory NodeHasSufficientMemory NodeHasInsufficientPID NodeHasSufficientPID "
        "EvictionThresholdMet Starting KubeletSetupFailed Rebooted Shutdown ContainerGCFailed ImageGCFailed "
        "FailedNodeAllocatableEnforcement NodeAllocatableEnforced InvalidDiskCapacity FreeDiskSpaceFailed CgroupV1",
    },
    "Events of the scheduler and the cluster autoscaler": {
        "Unschedulable": "FailedScheduling",
        "PodEvicted": "Preempted",
        "UnschedulableScaling": "TriggeredScaleUp Nominated",
        NORMAL: "Scheduled",
        SHOWN: "BindingConditionsPending NotTriggerScaleUp",
    },
    "Events of controllers": {
        "PodNotCreated": "FailedCreate ReplicaSetCreateError",
        "JobSuspended": "Suspended",
        "JobFailed": "BackoffLimitExceeded PodFailurePolicy MaxFailedIndexesExceeded FailedIndexes",
        "JobDeadline": "DeadlineExceeded",
        "NodeNotReady": "TaintManagerEviction",
        "ProvisioningFailed": "ProvisioningFailed VolumeMismatch",
        "StorageClassMissing": "FailedBinding",
        "ClaimLost": "ClaimLost ClaimMisbound",
        NORMAL: "ScalingReplicaSet SuccessfulCreate SuccessfulDelete Completed Resumed WaitForFirstConsumer WaitForPodScheduled "
        "ExternalProvisioning ProvisioningSucceeded",
        SHOWN: "FailedDelete SelectingAll UnknownCompletionMode",
        OTHER: "DeploymentRollback DeploymentRollbackRevisionNotFound DeploymentRollbackTemplateUnchanged TooManySucceededPods "
        "ProvisioningCleanupFailed ExternalExpanding RecyclerPod VolumeDelete VolumeFailedDelete VolumeFailedRecycle "
        "VolumeRecycled VolumeUnknownReclaimPolicy",
    },
    "Conditions of a pod": {
        "Unschedulable": "PodScheduled",
        "PodStarting": "PodReadyToStartContainers",
        "InitContainerRuns": "Initialized",
        "NotReadyInTime": "ContainersReady",
        "ReadinessGateWaits": "Ready",
        "PodEvicted": "DisruptionTarget",
        OTHER: "PodResizePending PodResizeInProgress",
    },
    "Reasons of pod conditions": {
        "Unschedulable": "Unschedulable SchedulerError",
        "SchedulingGated": "SchedulingGated",
        "NotReadyInTime": "ContainersNotReady",
        "InitContainerRuns": "ContainersNotInitialized",
        "ReadinessGateWaits": "ReadinessGatesNotReady",
        "PodStarting": "UnknownContainerStatuses",
        "ContainerExited": "PodFailed",
        "PodEvicted": "TerminationByKubelet PreemptionByScheduler EvictionByEvictionAPI DeletionByTaintManager DeletionByPodGC",
        NORMAL: "PodCompleted",
        OTHER: "Deferred Infeasible Error",
    },
    "Conditions of a Deployment and their reasons": {
        "PodNotCreated": "ReplicaFailure ReplicaSetCreateError",
        "ProgressDeadline": "ProgressDeadlineExceeded",
        "DeploymentPaused": "DeploymentPaused",
        NORMAL: "Available Progressing NewReplicaSetCreated FoundNewReplicaSet ReplicaSetUpdated NewReplicaSetAvailable "
        "MinimumReplicasAvailable MinimumReplicasUnavailable DeploymentResumed",
    },
    "Conditions of a Job and their reasons": {
        "JobFailed": "Failed FailureTarget BackoffLimitExceeded PodFailurePolicy FailedIndexes MaxFailedIndexesExceeded",
        "JobDeadline": "DeadlineExceeded",
        "JobSuspended": "Suspended",
        NORMAL: "Complete SuccessCriteriaMet SuccessPolicy CompletionsReached",
    },
    "Phases and conditions of a PersistentVolumeClaim": {
        "ProvisioningFailed": "Pending",
        "ClaimLost": "Lost",
        NORMAL: "Bound",
        OTHER: "Resizing FileSystemResizePending ControllerResizeError NodeResizeError ModifyVolumeError ModifyingVolume",
    },
}
#: group -> reason -> what it leads to
REASONS: dict[str, dict[str, str]] = {group: {reason: to for to, reasons in rows.items() for reason in reasons.split()} for group, rows in _TABLE.items()}
