//go:build tools

// Package tools pins the programs that the recipe builds.
package tools

import (
	_ "google.golang.org/grpc/benchmark/client"
	_ "google.golang.org/grpc/benchmark/server"
	_ "google.golang.org/grpc/interop/client"
	_ "google.golang.org/grpc/interop/server"
)
