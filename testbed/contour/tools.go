// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// Package tools keeps Contour in go.mod: testbed/contour.sh builds its program.
package tools

import _ "github.com/projectcontour/contour/cmd/contour"
