package procfs

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	p, ok := parse("123 (par) ley) S 1 2 3 4 5 6 7 8 9 10 250 50 30 20 20")
	if want := (Process{PID: 123, Parent: 1, Name: "par) ley", CPU: 3 * time.Second, ChildrenCPU: 500 * time.Millisecond}); !ok || p != want {
		t.Errorf("got %+v, %v", p, ok)
	}
	if p, _ := parse("7 (x) Z 1 2 3 4 5 6 7 8 9 10 0 0 0 0"); !p.Ended {
		t.Error("a zombie has not ended")
	}
	for _, text := range []string{"", "1", "1 (x", "1 x) S", "1 (x) S 1", "one (x) S 1 2 3 4 5 6 7 8 9 10 0 0 0 0"} {
		if p, ok := parse(text); ok {
			t.Errorf("%q is %+v", text, p)
		}
	}
	status := []byte("Name:\tparley\nVmHWM:\t  2000 kB\nVmRSS:\t  1000 kB\n")
	if got := megabytes(status, "VmRSS"); got != 1.024 {
		t.Errorf("1000 kB are %g MB", got)
	}
	if got := megabytes(nil, "VmRSS"); got != 0 {
		t.Errorf("nothing is %g MB", got)
	}
}

// TestOwnProcess: what is known of this process and one that it starts is found.
func TestOwnProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it needs /proc")
	}
	child := exec.CommandContext(t.Context(), "sleep", "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	own, found := Find(os.Getpid())
	if !found || own.Parent != os.Getppid() || !Running(os.Getpid()) {
		t.Errorf("this process is %+v", own)
	}
	if resident, peak := Memory(os.Getpid()); resident <= 0 || peak < resident {
		t.Errorf("it takes %g MB, at most %g", resident, peak)
	}
	listed := false
	for _, p := range Children(os.Getpid()) {
		listed = listed || p.PID == child.Process.Pid
	}
	if !listed {
		t.Errorf("%d is not among its children %+v", child.Process.Pid, Children(os.Getpid()))
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if _, found := Find(child.Process.Pid); found || Running(child.Process.Pid) {
		t.Error("a process that has ended is found")
	}
}
