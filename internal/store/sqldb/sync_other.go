//go:build !linux

package sqldb

import "os"

func datasync(file *os.File) error { return file.Sync() }
