//go:build tools

// Package tools keeps the provisioner in this module's requirements: it is built as a package of another module.
package tools

import _ "github.com/rancher/local-path-provisioner"
