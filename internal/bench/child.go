package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/parley-server/parley/internal/bench/load"
	"github.com/parley-server/parley/internal/procfs"
)

const (
	readyTime = 2 * time.Minute // that a child may take until it is ready
	stopTime  = 2 * time.Minute // that it may take to stop
)

// child is a process that is measured.
type child struct {
	command *exec.Cmd
	log     *os.File
	began   time.Time
	ready   time.Duration // from its start until it said that it was ready
	ended   chan struct{}
	err     error // once ended
}

// startChild starts a program, with something added to the environment, whose output goes to a file.
func startChild(logFile string, environment, program []string, args ...string) (*child, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	args = append(program[1:len(program):len(program)], args...)
	c := &child{command: exec.Command(program[0], args...), log: log, ended: make(chan struct{})}
	c.command.Env = append(os.Environ(), environment...)
	c.command.Stdout, c.command.Stderr = log, log
	c.began = time.Now()
	if err := c.command.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		c.err = c.command.Wait()
		close(c.ended)
	}()
	return c, nil
}

// stop ends the process, and waits for it. What it says about its end is the error.
func (c *child) stop() error {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(stopTime):
		_ = c.command.Process.Kill()
		<-c.ended
	}
	err := c.log.Close()
	if _, exited := errors.AsType[*exec.ExitError](c.err); exited && !c.signalled() {
		err = errors.Join(err, fmt.Errorf("%s: %w; it said: %s", c.command.Args[0], c.err, c.said()))
	}
	return err
}

// signalled reports whether the process ended by the signal of stop, which a program may leave alone.
func (c *child) signalled() bool {
	status, ok := c.command.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

// said is the end of the process's output.
func (c *child) said() string {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(len(text)-2000, 0):]))
}

// awaitReady asks a path until it is answered 200.
func (c *child) awaitReady(ctx context.Context, address, path string) error {
	for deadline := time.Now().Add(readyTime); time.Now().Before(deadline); {
		if answer, err := once(address, getRequest(path, "")); err == nil && answer.Status == 200 {
			c.ready = time.Since(c.began)
			return nil
		}
		select {
		case <-c.ended:
			return fmt.Errorf("the server ended before it was ready: %v; it said: %s", c.err, c.said())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return fmt.Errorf("the server was not ready within %s; it said: %s", readyTime, c.said())
}

// once makes one request on a connection of its own.
func once(address string, request []byte) (load.Answer, error) {
	conn, err := load.Dial(address, time.Now().Add(time.Minute))
	if err != nil {
		return load.Answer{}, err
	}
	defer func() { _ = conn.Close() }()
	return conn.Do(request)
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// usage is what a process has taken of the machine.
type usage struct {
	cpu  time.Duration // user and system
	rss  float64       // MB
	peak float64       // MB, since its start
}

// usage reads what the child has taken. It is zero where the system does not say.
func (c *child) usage() usage {
	pid := c.command.Process.Pid
	var u usage
	p, _ := procfs.Find(pid)
	u.cpu = p.CPU
	u.rss, u.peak = procfs.Memory(pid)
	return u
}

// ownCPU is the processor time that this process has taken.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
