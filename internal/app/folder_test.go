package app_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/app"
)

// TestFoldersOfNodes: a node that does not have the files of the others says so, and no other does.
func TestFoldersOfNodes(t *testing.T) {
	n := newNodes(t, 0)
	elsewhere := t.TempDir()
	for _, test := range []struct {
		data string
		says bool
	}{{n.config.Data, false}, {n.config.Data, false}, {elsewhere, true}, {n.config.Data, false}} {
		c := n.config
		c.Data = test.data
		var log bytes.Buffer
		a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: &log}))
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if says := strings.Contains(log.String(), "uploaded files"); says != test.says {
			t.Errorf("with the folder %s: %s", test.data, log.String())
		}
	}
}
