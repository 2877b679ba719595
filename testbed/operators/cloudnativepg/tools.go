//go:build tools

// Package tools pins the version of the operator whose command is built from here.
package tools

import _ "github.com/cloudnative-pg/cloudnative-pg/cmd/manager"
