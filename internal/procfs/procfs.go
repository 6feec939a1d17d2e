// Package procfs reads what Linux says of processes in /proc. On other systems there is nothing to read, and
// nothing is found.
package procfs

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is one of the system.
type Process struct {
	PID, Parent int
	Name        string
	Ended       bool          // but nobody has asked for its end
	CPU         time.Duration // user and system
	ChildrenCPU time.Duration // of those that it started and whose end it has asked for
}

// Find returns a process by its number.
func Find(pid int) (Process, bool) {
	list := read(strconv.Itoa(pid))
	if len(list) == 0 {
		return Process{}, false
	}
	return list[0], true
}

// Running tells whether a process is there and does something.
func Running(pid int) bool {
	p, found := Find(pid)
	return found && !p.Ended
}

// Children are the processes that one has started.
func Children(pid int) []Process {
	var list []Process
	for _, p := range read("[0-9]*") {
		if p.Parent == pid {
			list = append(list, p)
		}
	}
	return list
}

// read returns the processes whose number matches a pattern. One that has ended meanwhile is left out.
func read(pattern string) []Process {
	files, _ := filepath.Glob("/proc/" + pattern + "/stat") // the pattern is a good one
	var list []Process
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if p, ok := parse(string(text)); ok {
			list = append(list, p)
		}
	}
	return list
}

// clockTick is the unit of times in /proc: it is 100 a second on every Linux that Go supports.
const clockTick = 10 * time.Millisecond

// parse reads "pid (name) state parent …", where the name may hold anything. The 14th to 17th field are times: of its
// own and of its children, in user mode and in the system.
func parse(stat string) (p Process, ok bool) {
	from, through := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if from < 0 || through < from {
		return p, false
	}
	fields := strings.Fields(stat[through+1:])
	const state, parent, firstTime = 0, 1, 11
	if len(fields) < firstTime+4 {
		return p, false
	}
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		ok = ok && err == nil
		return n
	}
	ok = true
	p = Process{PID: number(strings.TrimSpace(stat[:from])), Name: stat[from+1 : through], Ended: fields[state] == "Z",
		Parent: number(fields[parent])}
	times := make([]time.Duration, 4)
	for i := range times {
		times[i] = time.Duration(number(fields[firstTime+i])) * clockTick
	}
	p.CPU, p.ChildrenCPU = times[0]+times[1], times[2]+times[3]
	return p, ok
}

// Memory is how much of a process is in memory, and how much was at most, in millions of bytes.
func Memory(pid int) (resident, peak float64) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0
	}
	return megabytes(text, "VmRSS"), megabytes(text, "VmHWM")
}

// megabytes reads a line "VmRSS:  1234 kB", whose unit is 1024 bytes.
func megabytes(status []byte, name string) float64 {
	for line := range bytes.Lines(status) {
		if key, value, _ := strings.Cut(string(line), ":"); key == name {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
