package bird_test

import (
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/doortest"
)

// TestMoving changes an existing program as the document says, and runs it.
func TestMoving(t *testing.T) {
	w := newWorld(t)
	program := doortest.Moved(t, "bird.md", "js", map[string]string{"https://api.bird.com": w.app.URL() + "/bird", "3f1c2b9a-7d4e-4c55-9b1d-0a6e8f2d4c10": w.workspace,
		"5b1e9d70-2a64-4e0f-8c3b-91d7a4f6e2b8": w.channels["whatsapp"]})
	id, status, _ := strings.Cut(doortest.Node(t, program, "BIRD_ACCESS_KEY="+w.token), " ")
	got := w.get("whatsapp", id)
	got.same(t, "order-8812", "reference")
	got.same(t, status, "status")
	if file := w.ask("GET", w.path(got.text("body", "file", "files", 0, "mediaUrl")), ""); string(file.raw) != "Gate 7, 18:30" {
		t.Errorf("the file is %s", file.raw)
	}
}
