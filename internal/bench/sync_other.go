//go:build !linux

package bench

import "os"

// syncData waits until the file's data are on the disk.
func syncData(file *os.File) error { return file.Sync() }
