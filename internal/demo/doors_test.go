package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/demo"
)

// succeeds says for each door what an answer that is none of an error has in it.
var succeeds = map[string]string{"bird": `Id":`, "kustomer": `{"data":`, "spruce": `{`, "tigerconnect": `"status":"success"`}

// start runs a demo on a folder.
func start(t *testing.T, folder string) (demo.Description, *app.App) {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog, c.AllowLoopback = folder, "127.0.0.1:0", 0, false, true // as with the command
	a, err := app.New(t.Context(), app.Options{Config: c, LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := demo.Prepare(t.Context(), demo.Server{Folder: folder, URL: a.URL(), Handler: a.Handler(),
		NewKey: func(ctx context.Context) (string, error) { return a.Administrator(ctx, demo.Organization) }})
	if err != nil {
		t.Fatal(err)
	}
	return d, a
}

// The commands that demo.json has for each door work when pasted, also after a restart on another port.
func TestDoorCommandsWork(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: there is no curl here to paste the commands of demo.json to")
	}
	folder, before := t.TempDir(), map[string]demo.Door{}
	for range 2 {
		d, a := start(t, folder)
		names := slices.Sorted(maps.Keys(d.Doors))
		if want := slices.Sorted(maps.Keys(succeeds)); !slices.Equal(names, want) {
			t.Errorf("the doors %q are described, want %q", names, want)
		}
		for _, name := range names {
			door := d.Doors[name]
			if door.BaseURL != a.URL()+"/"+name || door.Credential == "" || len(door.IDs) == 0 || len(door.Curl) == 0 {
				t.Errorf("%s is described as %+v", name, door)
			}
			if was, ok := before[name]; ok && (was.Credential != door.Credential || !maps.Equal(was.IDs, door.IDs)) {
				t.Errorf("%s was described as %+v, now as %+v", name, was, door)
			}
			for _, line := range door.Curl {
				answer, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
				if err != nil || !json.Valid(answer) || !strings.Contains(string(answer), succeeds[name]) {
					t.Errorf("%s: %v, answered %s", line, err, answer)
				}
			}
		}
		before = d.Doors
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
