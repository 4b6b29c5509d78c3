//go:build tools

// Package tools pins the programs that the recipe builds.
package tools

import _ "github.com/caddyserver/caddy/v2/cmd/caddy"
