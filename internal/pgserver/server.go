// Package pgserver starts PostgreSQL servers of the installed programs, on loopback, for tests and measurements. A
// server ends with the process that started it, however that ends.
package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Options are what may differ between servers.
type Options struct {
	// NoFsync makes commits fast and lets a crash of the server lose or spoil data.
	NoFsync bool
	// Settings are lines of postgresql.conf, such as "wal_level = logical".
	Settings []string
	// Folder is where the server's data are: those that are there, else it is made. It stays, and the user that the
	// server runs as must be able to enter what it is in. Without one, a server has a folder that ends with it.
	Folder string
}

// Mode is how a server is stopped.
type Mode string

const (
	Fast      Mode = "fast"      // rolls back what is under way, and writes everything to its files
	Immediate Mode = "immediate" // drops everything at once; the next start recovers
)

// Server is a PostgreSQL server. Its methods must not be called at the same time.
type Server struct {
	programs string // the folder with initdb and pg_ctl
	folder   string
	kept     bool // the folder, when the server ends
	port     int
	user     *syscall.Credential
	keeper   *keeper
	killed   bool // and not restarted
}

// Start starts a server whose database "postgres" is empty. It tries again on another port where its first choice
// fails: somebody may have taken it meanwhile.
func Start(options Options) (s *Server, err error) {
	for range 3 {
		if s, err = startOnce(options); err == nil || !strings.Contains(err.Error(), "could not bind") {
			break
		}
	}
	return s, err
}

func startOnce(options Options) (*Server, error) {
	s := &Server{}
	var err error
	if s.programs, err = programs(); err != nil {
		return nil, err
	}
	if s.user, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err = s.makeFolder(options); err != nil {
		return nil, err
	}
	if err = s.prepare(options); err == nil {
		s.keeper, err = keep(s)
	}
	if err != nil && !s.kept {
		err = errors.Join(err, os.RemoveAll(s.folder))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) makeFolder(options Options) (err error) {
	if options.Folder == "" {
		s.folder, err = os.MkdirTemp(place(options), "parley-pgserver-")
		return err
	}
	s.kept = true
	if s.folder, err = filepath.Abs(options.Folder); err != nil {
		return err
	}
	return os.MkdirAll(s.folder, 0o700)
}

// place is where the folder of a server is made: in memory where nothing need last and there is enough of it,
// since a database has some 300 files, which a slow disk takes ten times as long to make.
func place(options Options) string {
	const memory, enough = "/dev/shm", 2 << 30
	var system syscall.Statfs_t
	if options.NoFsync && syscall.Statfs(memory, &system) == nil && uint64(system.Bavail)*uint64(system.Bsize) >= enough {
		return memory
	}
	return os.TempDir()
}

// prepare writes the settings and gives the folder to the user of the server.
func (s *Server) prepare(options Options) error {
	lines := []string{
		fmt.Sprintf("port = %d", s.port),
		"listen_addresses = '127.0.0.1'",
		"unix_socket_directories = ''",
		"max_connections = 200",
	}
	if options.NoFsync {
		lines = append(lines, "fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = 256MB")
	}
	lines = append(lines, options.Settings...)
	path := filepath.Join(s.folder, "settings")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if s.user == nil {
		return nil
	}
	uid, gid := int(s.user.Uid), int(s.user.Gid)
	return errors.Join(os.Chown(path, uid, gid), os.Chown(s.folder, uid, gid))
}

// URL is the address of one of the server's databases.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Folder is where the server's data are.
func (s *Server) Folder() string { return s.folder }

// Exec runs SQL in the database "postgres".
func (s *Server) Exec(statements string) error { return Execute(s.URL("postgres"), statements) }

// Stop stops the server and waits until it has.
func (s *Server) Stop(mode Mode) error {
	return s.control("stop", "-m", string(mode))
}

// Restart starts the server again, on the same port with the same data, and waits until it answers. A server that
// still runs is stopped first, in mode Fast.
func (s *Server) Restart() error {
	if _, err := os.Stat(s.pidFile()); err == nil {
		if err := s.Stop(Fast); err != nil {
			return err
		}
	}
	s.killed = false
	return s.control("start", "-l", "log")
}

// End ends the server, and removes it unless its folder is to stay. One that was killed is started again before, to
// remove its shared memory.
func (s *Server) End() error {
	var err error
	if s.killed {
		err = s.Restart()
	}
	return errors.Join(err, s.keeper.end())
}

// Kill kills all processes of the server at once and waits until they are gone. It needs Linux.
func (s *Server) Kill() error {
	text, err := os.ReadFile(s.pidFile())
	if err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		return err
	}
	if err := killTree(pid); err != nil {
		return err
	}
	s.killed = true
	return os.Remove(s.pidFile()) // the process may be there as a zombie, which a new server would take for running
}

func (s *Server) pidFile() string { return filepath.Join(s.folder, "data", "postmaster.pid") }

func (s *Server) control(action string, arguments ...string) error {
	arguments = append([]string{action, "-D", "data", "-w", "-t", "300"}, arguments...)
	command := s.command(filepath.Join(s.programs, "pg_ctl"), arguments...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl %s: %w\n%s%s", action, err, out, s.Log())
	}
	return nil
}

// command is one that runs as the user of the server in its folder, out of reach of what the terminal and the
// environment say to this process.
func (s *Server) command(name string, arguments ...string) *exec.Cmd {
	command := exec.Command(name, arguments...)
	command.Dir = s.folder
	command.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Setsid: true}
	return command
}

// Log is the end of what the server has logged.
func (s *Server) Log() string {
	const most = 8 << 10
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
