package bench

import (
	"os"
	"syscall"
)

// syncData waits until the file's data are on the disk.
func syncData(file *os.File) error { return syscall.Fdatasync(int(file.Fd())) }
