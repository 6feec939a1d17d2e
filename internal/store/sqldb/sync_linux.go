package sqldb

import (
	"errors"
	"os"
	"syscall"
)

// datasync makes a file's content durable, and as much about it as reading it needs.
func datasync(file *os.File) error {
	for {
		err := syscall.Fdatasync(int(file.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
