package kustomer_test

import (
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/doortest"
)

// TestMoving changes an existing program as the document says, and runs it.
func TestMoving(t *testing.T) {
	o, key := writer(t)
	program := doortest.Moved(t, "kustomer.md", "js", map[string]string{"https://acme.api.kustomerapp.com": o.server.URL() + "/kustomer",
		"5a1fe2f0c9e77c0012a4b6d1": hex(o.conversation)})
	const want = "initial-in Where is parcel 4417?\nresponse-out It is with the courier."
	for range 2 { // what it sent once is not there twice
		if got := strings.TrimSpace(doortest.Node(t, program, "KUSTOMER_API_KEY="+key)); got != want {
			t.Errorf("it printed %q", got)
		}
	}
}
