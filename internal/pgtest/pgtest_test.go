package pgtest

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/pgserver"
	"github.com/parley-server/parley/internal/procfs"
)

func TestDatabasesAreIndependent(t *testing.T) {
	first, second := Open(t, Database(t)), Open(t, Database(t))
	run(t, first, "CREATE TABLE one (id int)")
	run(t, second, "CREATE TABLE one (id text)")
	run(t, second, "INSERT INTO one VALUES ('a')")
	if n := query[int](t, first, "SELECT count(*) FROM one"); len(n) != 1 || n[0] != 0 {
		t.Errorf("the first database holds %v rows", n)
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var database string
	var left *sql.DB
	t.Run("a test that leaves a connection", func(t *testing.T) {
		database = Database(t)
		left = Open(t, database)
		run(t, left, "SELECT 1")
	})
	err := pgserver.Execute(database, "SELECT 1")
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("after the test, connecting says: %v", err)
	}
}

func TestCollations(t *testing.T) {
	const letters = "SELECT v FROM (VALUES ('a'), ('B'), ('b'), ('A')) AS t (v) ORDER BY v"
	bytewise, linguistic := []string{"A", "B", "a", "b"}, []string{"a", "A", "b", "B"}
	plain, icu := Open(t, Database(t)), Open(t, DatabaseICU(t))
	for _, c := range []struct {
		db    *sql.DB
		query string
		want  []string
	}{
		{plain, letters, bytewise},
		{icu, letters, linguistic},
		{icu, letters + ` COLLATE "C"`, bytewise},
	} {
		if got := query[string](t, c.db, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.query, got, c.want)
		}
	}
}

// TestServerComesBack: what was committed is there after each way to end a server.
func TestServerComesBack(t *testing.T) {
	s := Start(t, Options{Settings: []string{"work_mem = '5MB'"}})
	db := Open(t, s.URL("postgres"))
	if got := query[string](t, db, "SELECT current_setting('work_mem') || current_setting('fsync')"); got[0] != "5MBon" {
		t.Errorf("the settings are %v", got)
	}
	check(t, s.Exec("CREATE TABLE ended (how text)"))
	want := []string{}
	for _, c := range []struct {
		how string
		end func() error
	}{
		{"fast", func() error { return s.Stop(Fast) }},
		{"immediate", func() error { return s.Stop(Immediate) }},
		{"killed", s.Kill},
		{"restarted", func() error { return nil }},
	} {
		check(t, s.Exec("INSERT INTO ended VALUES ('"+c.how+"')"))
		check(t, c.end())
		if err := s.Exec("SELECT 1"); err == nil && c.how != "restarted" {
			t.Errorf("%s: it still answers", c.how)
		}
		check(t, s.Restart())
		want = append(want, c.how)
		fresh := Open(t, s.URL("postgres"))
		if got := query[string](t, fresh, "SELECT how FROM ended ORDER BY ctid"); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.how, got, want)
		}
	}
}

// TestKillEndsWhatRuns: a killed server leaves no process, also one in the middle of a query.
func TestKillEndsWhatRuns(t *testing.T) {
	s := Start(t, Options{})
	ended := make(chan error)
	go func() { ended <- s.Exec("SELECT 'under way', pg_sleep(600)") }()
	db := Open(t, s.URL("postgres"))
	var pids []int
	for len(pids) == 0 {
		pids = query[int](t, db, "SELECT pid FROM pg_stat_activity WHERE query LIKE '%under way%' AND pid <> pg_backend_pid()")
	}
	check(t, s.Kill())
	if err := <-ended; err == nil {
		t.Error("the query ended well")
	}
	if procfs.Running(pids[0]) {
		t.Error("its process still runs")
	}
}

// TestFolderStays: what is in a folder is there for the next server of it, with that one's settings.
func TestFolderStays(t *testing.T) {
	folder := filepath.Join(Folder(t), "postgres")
	for _, c := range []struct{ setting, statement string }{
		{"5MB", "CREATE TABLE kept (it INT)"},
		{"6MB", "INSERT INTO kept VALUES (1)"},
	} {
		s, err := pgserver.Start(Options{Folder: folder, Settings: []string{"work_mem = '" + c.setting + "'"}})
		check(t, err)
		check(t, s.Exec(c.statement))
		db := Open(t, s.URL("postgres"))
		if got := query[string](t, db, "SELECT current_setting('work_mem')"); got[0] != c.setting {
			t.Errorf("the setting is %s, not %s", got, c.setting)
		}
		check(t, s.End())
		if _, err := os.Stat(filepath.Join(folder, "data", "postmaster.pid")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it was not stopped: %v", err)
		}
	}
}

func TestOtherServer(t *testing.T) {
	s := Start(t, Options{NoFsync: true})
	t.Setenv("PARLEY_TEST_POSTGRES", s.URL("postgres"))
	if database := Database(t); !strings.HasPrefix(database, strings.TrimSuffix(s.URL(""), "?sslmode=disable")) {
		t.Errorf("%s is not of %s", database, s.URL(""))
	}
}

func TestBadSettingIsTold(t *testing.T) {
	_, err := pgserver.Start(Options{Settings: []string{"no_such_setting = 1"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("got %v", err)
	}
}

// TestServerEndsWithItsProcess: a process leaves neither the shared server nor one of its own, nor their
// folders, however it ends.
func TestServerEndsWithItsProcess(t *testing.T) {
	for _, how := range []string{"returns", "panics", "is killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			child := exec.Command(must(os.Executable()), "-test.run=^TestHelperProcess$", "-test.v")
			child.Env = append(os.Environ(), "PARLEY_TEST_POSTGRES=", helper+"="+how)
			input, output := must(child.StdinPipe()), must(child.StdoutPipe())
			check(t, child.Start())
			servers := told(bufio.NewScanner(output))
			if how == "is killed" {
				check(t, child.Process.Kill())
			}
			check(t, input.Close())
			if err := child.Wait(); (err == nil) != (how == "returns") {
				t.Errorf("the process ended with %v", err)
			}
			if len(servers) != 2 {
				t.Errorf("the process had the servers %v", servers)
			}
			for port, folder := range servers {
				eventually(t, folder+" is left", func() bool {
					_, err := os.Stat(folder)
					return errors.Is(err, fs.ErrNotExist)
				})
				eventually(t, "the server on port "+port+" is left", func() bool {
					_, err := net.Dial("tcp", "127.0.0.1:"+port)
					return errors.Is(err, syscall.ECONNREFUSED)
				})
			}
		})
	}
}

// helper is the environment variable that tells the program of these tests to be the process of
// TestServerEndsWithItsProcess, and how to end.
const helper = "PARLEY_PGTEST_HELPER"

func TestHelperProcess(t *testing.T) {
	how := os.Getenv(helper)
	if how == "" {
		t.Skip("it is of TestServerEndsWithItsProcess")
	}
	_ = Database(t)
	for _, s := range []*Server{must(shared()), Start(t, Options{})} {
		check(t, s.Exec("SELECT 1"))
		address, err := url.Parse(s.URL(""))
		check(t, err)
		fmt.Printf("server %s %s\n", address.Port(), s.Folder())
	}
	fmt.Println("no more")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is told to go on
	if how == "panics" {
		go panic("as it was told")
		select {}
	}
}

// told are the folders of the servers that the helper process tells of, by their ports.
func told(lines *bufio.Scanner) map[string]string {
	servers := map[string]string{}
	for lines.Scan() && lines.Text() != "no more" {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "server" {
			servers[words[1]] = words[2]
		}
	}
	return servers
}

func eventually(t *testing.T, otherwise string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error(otherwise)
			return
		}
	}
}

func run(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.Exec(statement)
	check(t, err)
}

// query returns the only column of its answer.
func query[T any](t *testing.T, db *sql.DB, text string) (list []T) {
	t.Helper()
	rows, err := db.Query(text)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var v T
		check(t, rows.Scan(&v))
		list = append(list, v)
	}
	check(t, rows.Err())
	return list
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
