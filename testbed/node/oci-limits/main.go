// oci-limits is an OCI runtime: it takes from a container's spec what this host cannot grant, then becomes runc.
//
// A host that is itself confined may lack CAP_SYS_RESOURCE and other capabilities; a privileged container is
// refused there. On a host that has them all, the spec stays as it is.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const runcVariable = "OCI_LIMITS_RUNC"

func main() {
	args := os.Args[1:]
	host := thisHost()
	err := rewriteSpecs(args, host)
	if err == nil {
		err = syscall.Exec(runc(), append([]string{"runc"}, args...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "oci-limits:", err)
	os.Exit(1)
}

// rewriteSpecs changes the files that a `create`, `run` or `exec` names; other commands name none.
func rewriteSpecs(args []string, h host) error {
	if bundle := option(args, "--bundle", "-b"); bundle != "" {
		spec := filepath.Join(bundle, "config.json")
		err := rewrite(spec, func(document map[string]any) {
			if process, ok := document["process"].(map[string]any); ok {
				h.limit(process)
			}
		})
		if err != nil {
			return err
		}
	}
	if process := option(args, "--process", "-p"); process != "" {
		return rewrite(process, h.limit)
	}
	return nil
}

func rewrite(path string, change func(map[string]any)) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document map[string]any
	if err := json.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	change(document)
	if content, err = json.Marshal(document); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// option finds the value of a flag, written `--flag value` or `--flag=value`.
func option(args []string, names ...string) string {
	for i, arg := range args {
		flag, value, joined := strings.Cut(arg, "=")
		if !slices.Contains(names, flag) {
			continue
		}
		if joined {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// runc finds the real runtime, which must not be this program under another name.
func runc() string {
	if path := os.Getenv(runcVariable); path != "" {
		return path
	}
	for _, path := range []string{"/usr/sbin/runc", "/usr/bin/runc", "/usr/local/bin/runc"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if path, err := exec.LookPath("runc"); err == nil {
		return path
	}
	return "runc"
}
