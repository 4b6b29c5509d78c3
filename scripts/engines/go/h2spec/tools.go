//go:build tools

// Package tools pins the programs that the recipe builds.
package tools

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
)
