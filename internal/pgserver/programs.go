package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// oldest is the first version of PostgreSQL whose databases can have a collation of ICU.
const oldest = 15

// programs returns the folder with the programs of the newest PostgreSQL server that is installed.
func programs() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin") // where Debian has them, none in the PATH
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	return newest(folders)
}

func newest(folders []string) (string, error) {
	found, highest := "", oldest-1
	for _, folder := range folders {
		if v := version(folder); v > highest {
			found, highest = folder, v
		}
	}
	if found == "" {
		return "", fmt.Errorf("this needs a PostgreSQL server of version %d or newer, and found none: apt-get install postgresql", oldest)
	}
	return found, nil
}

// version is the major version of the server in a folder, 0 where there is none.
func version(folder string) (major int) {
	out, err := exec.Command(filepath.Join(folder, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscanf(string(out), "postgres (PostgreSQL) %d", &major); err != nil {
		return 0
	}
	return major
}

// unprivileged returns the user to run a server as: PostgreSQL refuses root. It returns nil where the process
// is not root and may just be itself.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return credential(u)
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func credential(u *user.User) (*syscall.Credential, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}
