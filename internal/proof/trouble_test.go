package proof

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// room is a disk of little size for a server's folder.
type room struct {
	server  *server
	release func() // makes room
}

const roomBytes = 12 << 20

// newRoom prepares a server on a small file system of its own, in a namespace that ends with the test. Where
// the system does not allow that, the files' sizes are limited instead.
func newRoom(t *testing.T) *room {
	t.Helper()
	s := newServer(t, binary(t, ""))
	mount := filepath.Join(filepath.Dir(s.data), "small")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	holder := exec.Command("unshare", "-m", "--", "sh", "-c",
		fmt.Sprintf(`mount -t tmpfs -o size=%d tmpfs "$1" && head -c %d /dev/zero >"$1/ballast" && echo mounted && read -r _`, roomBytes, roomBytes/3),
		"sh", mount)
	mortal(holder)
	in, out := pipes(t, holder)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		_ = in.Close()
		_ = holder.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "mounted\n" {
		t.Logf("no mount (%v): the size of files is limited instead", err)
		s.within = []string{"prlimit", fmt.Sprintf("--fsize=%d:unlimited", roomBytes/4), "--"}
		return &room{s, func() { run(t, "prlimit", "--pid", fmt.Sprint(s.pid), "--fsize=unlimited") }}
	}
	pid := fmt.Sprint(holder.Process.Pid)
	s.within = []string{"nsenter", "-t", pid, "-m", "--"}
	s.data = filepath.Join(mount, "data")
	s.seen = filepath.Join("/proc", pid, "root", s.data)
	return &room{s, func() {
		if err := os.Remove(filepath.Join("/proc", pid, "root", mount, "ballast")); err != nil {
			t.Fatal(err)
		}
	}}
}

func pipes(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v %s", name, args, err, out)
	}
}

// TestFullDisk: without room for more the server says so and goes on answering; with room again it goes on
// accepting, and has lost nothing.
func TestFullDisk(t *testing.T) {
	room := newRoom(t)
	s := stageOn(t, room.server, 1)
	var f findings
	full := s.sendUntil(t, 60*time.Second, func(a answer) bool { return a.status == 503 })
	for range 20 {
		a := s.sendBig()
		if a.status != 202 && (a.status != 503 || a.wait == 0 || !strings.HasPrefix(a.code, "storage-") && a.code != "outcome-unknown") {
			f.add("while the disk is full: %d %s, to come back after %s", a.status, a.code, a.wait)
		}
	}
	if _, err := s.world.organizations[0].messages(t.Context(), api.MessageFilter{Direction: "inbound"}); err != nil {
		f.add("while the disk is full nothing can be read: %v", err)
	}
	s.refuseFile(t, &f)
	room.release()
	again := s.sendUntil(t, 10*time.Second, answer.accepted)
	t.Logf("full after %d messages: %s; accepting %s after there was room", full.calls, full.last.code, again.took.Round(time.Millisecond))
	s.follow()
	checkEnd(s, &f)
	f.report(t, "after a full disk")
}

// refuseFile uploads a file that there is no room for.
func (s *stage) refuseFile(t *testing.T, f *findings) {
	t.Helper()
	_, err := s.world.organizations[0].admin.UploadMedia(t.Context(), "big", "text/plain", strings.NewReader(strings.Repeat("big ", 4<<20)))
	var refused *api.Error
	if !errors.As(err, &refused) || refused.HTTPStatus != 503 || refused.RetryAfter == 0 {
		f.add("a file that there is no room for: %v", err)
	}
}

// checkEnd looks at everything once more and stops the server.
func checkEnd(s *stage, f *findings) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	settled(ctx, f, s.world, 30*time.Second)
	caughtUp(ctx, f, s.world, s.followers)
	s.checkServer(f, time.Now(), 20)
	stopFollowing(f, s.followers)
	s.end(f, s.server)
	s.ledger.disagreements(f)
}

// spell is a series of calls up to the one that was waited for.
type spell struct {
	calls int
	took  time.Duration
	last  answer
}

// sendUntil sends from several clients at once until an answer is as wanted.
func (s *stage) sendUntil(t *testing.T, patience time.Duration, wanted func(answer) bool) spell {
	t.Helper()
	began := time.Now()
	for n := 0; time.Since(began) < patience; n += 4 {
		var answers [4]answer
		var calls sync.WaitGroup
		for i := range answers {
			calls.Go(func() { answers[i] = s.sendBig() })
		}
		calls.Wait()
		for _, a := range answers {
			if wanted(a) {
				return spell{n, time.Since(began), a}
			}
		}
	}
	t.Fatalf("no such answer in %s", patience)
	return spell{}
}

// sendBig sends a message of some size, to a user or over the fake provider.
func (s *stage) sendBig() answer {
	o := s.world.organizations[0]
	n := s.ledger.number.Add(1)
	to := api.Recipient{User: o.users[n%3+1].id}
	if n%4 == 0 {
		to = api.Recipient{Contact: o.contacts[int(n)%len(o.contacts)], Channel: o.channels[n%2].id}
	}
	e := &entry{organization: o, client: o.users[0].client, key: fmt.Sprintf("key-%d", n), reference: fmt.Sprintf("ref-%d", n),
		text: fmt.Sprintf("Message %d: %s", n, strings.Repeat("x", 1500))}
	e.request = api.SendRequest{To: to, Body: api.Text(e.text), Reference: e.reference}
	s.ledger.add(e)
	return e.try(s.t.Context(), 0)
}

// lockPath in the environment makes the test's program one that holds the database of this path locked.
const lockPath = "PARLEY_PROOF_LOCK"

// holdLock takes the database's write lock and keeps it until its input ends.
func holdLock(path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(context.Background(), "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, db.Close())
}

// TestLockedDatabase: while another program holds the database, the server says so in time; then it goes on.
func TestLockedDatabase(t *testing.T) {
	s := stageOn(t, newServer(t, binary(t, "")), 1)
	s.follow()
	var f findings
	s.sendUntil(t, 5*time.Second, answer.accepted)

	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), lockPath+"="+filepath.Join(s.server.data, "parley.db"))
	mortal(holder)
	in, out := pipes(t, holder)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("%q %v", line, err)
	}
	for range 5 {
		began := time.Now()
		a := s.sendBig()
		if took := time.Since(began); a.status != 503 || a.code != "storage-busy" || a.wait == 0 || took > 5*time.Second {
			f.add("while the database is locked: %d %s, to come back after %s, in %s", a.status, a.code, a.wait, took)
		}
	}
	if _, err := s.world.organizations[0].messages(t.Context(), api.MessageFilter{}); err != nil {
		f.add("while the database is locked nothing can be read: %v", err)
	}
	_ = in.Close()
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	again := s.sendUntil(t, 10*time.Second, answer.accepted)
	t.Logf("accepting %s after the lock was gone", again.took.Round(time.Millisecond))
	checkEnd(s, &f)
	f.report(t, "after a locked database")
}
