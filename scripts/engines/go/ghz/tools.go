//go:build tools

// Package tools pins the programs that the recipe builds.
package tools

import (
	_ "github.com/bojand/ghz/cmd/ghz"
)
