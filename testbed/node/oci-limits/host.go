package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// The kernel's capabilities in the order of their bits (linux/capability.h).
var capabilities = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
	LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
	SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE
	AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
	CHECKPOINT_RESTORE`)

const sysResource = "CAP_SYS_RESOURCE"

// host is what this machine can grant to a container.
type host struct {
	granted  map[string]bool
	maxFiles uint64
	oomScore float64
}

func thisHost() host {
	h := host{granted: map[string]bool{}}
	bounding := boundingSet()
	for bit, name := range capabilities {
		h.granted["CAP_"+name] = bounding&(1<<uint(bit)) != 0
	}
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil {
		h.maxFiles = files.Max
	}
	if score, err := os.ReadFile("/proc/self/oom_score_adj"); err == nil {
		h.oomScore, _ = strconv.ParseFloat(strings.TrimSpace(string(score)), 64)
	}
	return h
}

// boundingSet reads which capabilities any process here can still get; all of them where that can't be told.
func boundingSet() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ^uint64(0)
	}
	for line := range strings.Lines(string(status)) {
		if hex, found := strings.CutPrefix(line, "CapBnd:"); found {
			if set, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64); err == nil {
				return set
			}
		}
	}
	return ^uint64(0)
}

// limit takes from a process of an OCI spec what the host can't grant.
func (h host) limit(process map[string]any) {
	if sets, ok := process["capabilities"].(map[string]any); ok {
		for name, set := range sets {
			sets[name] = h.keep(set)
		}
	}
	if h.granted[sysResource] {
		return
	}
	// without CAP_SYS_RESOURCE a hard limit can't be raised and an OOM score can't be lowered
	if limits, ok := process["rlimits"].([]any); ok {
		for _, limit := range limits {
			h.capFiles(limit)
		}
	}
	if score, ok := process["oomScoreAdj"].(float64); ok {
		process["oomScoreAdj"] = max(score, h.oomScore)
	}
}

// keep filters a capability set; a name that this program does not know is left to the kernel.
func (h host) keep(set any) []any {
	kept := []any{}
	names, _ := set.([]any)
	for _, name := range names {
		text, _ := name.(string)
		if granted, known := h.granted[text]; granted || !known {
			kept = append(kept, name)
		}
	}
	return kept
}

func (h host) capFiles(limit any) {
	fields, ok := limit.(map[string]any)
	if !ok || fields["type"] != "RLIMIT_NOFILE" {
		return
	}
	for _, bound := range []string{"hard", "soft"} {
		if value, ok := fields[bound].(float64); ok && value > float64(h.maxFiles) {
			fields[bound] = h.maxFiles
		}
	}
}
