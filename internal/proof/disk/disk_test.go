package disk

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is also the program that is recorded.
func TestMain(m *testing.M) {
	if folder := os.Getenv("DISK_TEST_FOLDER"); folder != "" {
		scribble(folder)
		return
	}
	os.Exit(m.Run())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func fill(letter string, n int) []byte { return []byte(strings.Repeat(letter, n)) }

// scribble is the recorded program. It makes, in this order: a file of two pages of which the second is not
// synced, one that is renamed into place as it should be, one that is renamed and whose folder is never
// synced, one in a folder that is not synced, a removal, a truncation.
func scribble(folder string) {
	in := func(path string) string { return filepath.Join(folder, path) }
	syncFolder := func(path string) {
		dir := must(os.Open(in(path)))
		check(dir.Sync())
		check(dir.Close())
	}
	a := must(os.Create(in("a")))
	must(a.WriteAt(fill("A", page), 0))
	check(a.Sync())
	syncFolder("")
	must(a.WriteAt(fill("B", 2*page), 0))

	b := must(os.Create(in("b.part")))
	must(b.Write([]byte("one\n\x00\x01\x80\"\\")))
	must(b.Write([]byte("12")))
	check(b.Sync())
	check(b.Close())
	check(os.Rename(in("b.part"), in("b")))
	syncFolder("")

	check(os.WriteFile(in("c.part"), []byte("c"), 0o600))
	check(os.Rename(in("c.part"), in("c")))
	check(os.MkdirAll(in("x/y"), 0o700))
	d := must(os.Create(in("x/y/d")))
	must(d.WriteString("d"))
	check(d.Sync())
	syncFolder("x/y")
	check(os.WriteFile(in("empty/f"), []byte("f"), 0o600))
	syncFolder("empty")
	check(os.Remove(in("old")))
	e := must(os.OpenFile(in("kept"), os.O_RDWR|os.O_APPEND, 0))
	must(e.WriteString(" and more"))
	check(e.Truncate(6))
	fmt.Println("ready")
	time.Sleep(time.Minute)
}

func record(t *testing.T) *Recording {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	check(err)
	check(os.WriteFile(filepath.Join(folder, "old"), []byte("old"), 0o600))
	check(os.Mkdir(filepath.Join(folder, "empty"), 0o700))
	check(os.WriteFile(filepath.Join(folder, "kept"), []byte("was here"), 0o600))
	cmd := exec.Command(must(os.Executable()))
	cmd.Env = append(os.Environ(), "DISK_TEST_FOLDER="+folder)
	out := must(cmd.StdoutPipe())
	recorder, err := Record(cmd, folder, filepath.Join(t.TempDir(), "log"))
	if err == ErrNoTracer && os.Getenv("PARLEY_CI") == "" {
		t.Skip(err)
	}
	check(err)
	check(cmd.Start())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	pid := must(recorder.Pid(ctx))
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	check(must(os.FindProcess(pid)).Kill())
	_ = cmd.Wait()
	recording, err := recorder.Recording()
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.CheckComplete(func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	return recording
}

func image(t *testing.T, r *Recording, n int, survival Survival) map[string]string {
	t.Helper()
	into := t.TempDir()
	check(r.Image(n, survival, into))
	files := map[string]string{}
	for path, was := range must(readFolder(into)) {
		if was.file != nil {
			files[path] = string(was.content)
		}
	}
	return files
}

func TestImages(t *testing.T) {
	r := record(t)
	lost := image(t, r, r.Len(), Nothing())
	want := map[string]string{"a": string(fill("A", page)), "b": "one\n\x00\x01\x80\"\\12", "old": "old", "kept": "was here", "empty/f": ""}
	if len(lost) != len(want) {
		t.Errorf("%d files, want %d", len(lost), len(want))
	}
	for path, content := range want {
		if lost[path] != content {
			t.Errorf("%s: %.60q, want %.60q", path, lost[path], content)
		}
	}
	all := image(t, r, r.Len(), everything{})
	if all["kept"] != "was he" || all["a"] != string(fill("B", 2*page)) || all["c"] != "c" || all["x/y/d"] != "d" || len(all) != 6 {
		t.Errorf("all: %.200q", all)
	}
	if syncs := r.Syncs("a"); len(syncs) != 1 || len(image(t, r, syncs[0], Nothing())) != 2 {
		t.Errorf("before the first sync only what was there is there: %v", syncs)
	}
}

// TestSomeSurvives: every mix of pages turns up, and names survive in their order.
func TestSomeSurvives(t *testing.T) {
	r := record(t)
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 60 {
		files := image(t, r, r.Len(), Some(random))
		a := files["a"]
		pages := string(a[0])
		if len(a) > page {
			pages += string(a[page])
		}
		seen[pages] = true
		if _, old := files["old"]; !old && files["c"] == "" {
			if _, c := files["c"]; !c {
				t.Fatal("a later removal survived, and an earlier name did not")
			}
		}
	}
	for _, pages := range []string{"A", "AB", "B", "BB"} {
		if !seen[pages] {
			t.Errorf("never seen: %s (seen: %v)", pages, seen)
		}
	}
}

// TestInterruptedCalls: what another thread did between a call's two halves is not covered by its sync.
func TestInterruptedCalls(t *testing.T) {
	log := `10  100.000001 openat(AT_FDCWD, "/f/a", O_RDWR|O_CREAT, 0644) = 3 <0.000010>
10  100.000020 openat(AT_FDCWD, "/f", O_RDONLY) = 4 <0.000010>
10  100.000030 fsync(4)                 = 0 <0.000010>
10  100.000040 pwrite64(3, "1", 1, 0)   = 1 <0.000010>
10  100.000050 fsync(3 <unfinished ...>
11  100.000060 pwrite64(3, "2", 1, 1 <unfinished ...>
12  100.000070 close(4)                 = 0 <0.000005>
11  100.000080 <... pwrite64 resumed>)  = 1 <0.000020>
10  100.000090 <... fsync resumed>)     = 0 <0.000040>
12  100.000100 fsync(3)                 = -1 EIO (Input/output error) <0.000005>
10  100.000105 openat(AT_FDCWD, "/f/b", O_RDWR|O_CREAT, 0644) = 5 <0.000001>
11  100.000107 pwrite64(5, "3", 1, 2)   = -1 (errno 18446744073709551598) <0.000001>
10  100.000110 pwrite64(3, "3", 1, 2)   = ? <unavailable>
10  100.000120 +++ killed by SIGKILL +++
`
	p := newParser("/f", nil)
	if err := p.read(bytes.NewBufferString(log)); err != nil {
		t.Fatal(err)
	}
	r := p.recording
	if got := image(t, r, r.Len(), Nothing())["a"]; got != "1" {
		t.Errorf("after the sync: %q, want 1", got)
	}
	if got := image(t, r, r.Len(), everything{})["a"]; got != "12" {
		t.Errorf("all: %q, want 12", got)
	}
	if last := r.Before(r.Len() - 2); last.UnixMicro() != 100_000_090 || r.At(last) != r.Len()-2 || !r.doubt["a"] || !r.doubt["b"] {
		t.Errorf("the sync returned at %v, call %d", last.UnixMicro(), r.At(last))
	}
}

// TestWhatCannotBeReplayed is refused rather than overlooked.
func TestWhatCannotBeReplayed(t *testing.T) {
	const opened = `1 1.000001 openat(AT_FDCWD, "/f/a", O_RDWR|O_CREAT, 0644) = 3 <0.1>` + "\n"
	for _, call := range []string{
		`writev(3, [{iov_base="1", iov_len=1}], 1) = 1 <0.1>`, `mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f <0.1>`,
		`link("/f/a", "/f/b") = 0 <0.1>`, `fallocate(3, 0, 0, 9) = 0 <0.1>`, `pwrite64(3, "1"..., 9, 0) = 9 <0.1>`,
	} {
		if err := newParser("/f", nil).read(strings.NewReader(opened + "1 1.000002 " + call + "\n")); err == nil {
			t.Errorf("%s is not refused", call)
		}
	}
	fine := `mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = 0x7f <0.1>`
	if err := newParser("/f", nil).read(strings.NewReader(opened + "1 1.000002 " + fine + "\n")); err != nil {
		t.Error(err)
	}
}
