package spruce_test

import (
	"testing"

	"github.com/parley-server/parley/internal/doortest"
)

// TestMoving changes an existing program as the document says, and runs it.
func TestMoving(t *testing.T) {
	w := newWorld(t)
	id := w.ids["conversationId"]
	program := doortest.Moved(t, "spruce.md", "js", map[string]string{"https://api.sprucehealth.com/v1": w.base, "t_0H7W2K9M4G000": id})
	request := doortest.Node(t, program, "SPRUCE_TOKEN="+w.credential)
	w.has(w.items(id), m{"0.text": "Your labs are ready.", "0.requestId": request, "0.direction": "outbound", "1.text": "Labs are in, please review @Ana Ruiz", "1.isInternalNote": true})
}
