//go:build !linux

package app

import "runtime/debug"

// releaseStart gives back memory that starting needed and the collector freed.
func releaseStart() { debug.FreeOSMemory() }
