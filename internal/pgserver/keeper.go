package pgserver

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
)

// keeperScript makes and starts a server, and ends it once its input ends, which it does with the process that holds
// the other end: also one that is killed. Its arguments are the folder of the programs, that of the server, how the
// server is stopped, and what is done with its folder then: "keep" or "remove".
const keeperScript = `
make() {
	if [ ! -e data ]; then
		"$1/initdb" -D data --no-sync -U postgres -A trust --locale=C.UTF-8 --encoding=UTF8 &&
		echo "include = '../settings'" >>data/postgresql.conf || return
	fi
	"$1/pg_ctl" start -D data -w -t 300 -l log
}
if said=$(make "$1" 2>&1); then echo ready; else echo "$said"; tail -c 8192 log; fi
exec >/dev/null 2>&1
cat
"$1/pg_ctl" stop -D data -w -t 300 -m "$3"
[ "$4" = keep ] || rm -rf "$2"
`

// keeper is a shell that runs keeperScript.
type keeper struct {
	shell *exec.Cmd
	input io.Closer
}

// keep starts the keeper of a server, and with it the server.
func keep(s *Server) (*keeper, error) {
	mode, then := Immediate, "remove"
	if s.kept {
		mode, then = Fast, "keep"
	}
	k := &keeper{shell: s.command("/bin/sh", "-c", keeperScript, "keeper", s.programs, s.folder, string(mode), then)}
	var err error
	if k.input, err = k.shell.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := k.shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	k.shell.Stderr = k.shell.Stdout
	if err := k.shell.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL in %s, which its user must be able to enter: %w", s.folder, err)
	}
	said, err := io.ReadAll(output)
	if err == nil && string(said) == "ready\n" {
		return k, nil
	}
	return nil, errors.Join(fmt.Errorf("start PostgreSQL: %s", said), err, k.end())
}

// end lets the keeper end its server, and waits until it has.
func (k *keeper) end() error {
	if err := k.input.Close(); err != nil {
		return err
	}
	return k.shell.Wait()
}

// freePort finds a port that nobody listens on, below those that systems give to outgoing connections: none
// of these may take it while its server is being started again.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		var listener net.Listener
		if listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, listener.Close()
		}
	}
	return 0, err
}
