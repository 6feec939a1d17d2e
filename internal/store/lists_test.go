package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestPlansOfLists: neither do the statements under lists, states and erasure.
func TestPlansOfLists(t *testing.T) {
	s, err := Open(t.Context(), Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for name, text := range map[string]string{
		"ownParts": ownParts, "membersOf": membersOf, "hiddenFrom": hiddenFrom, "jobsByID": jobsByID, "sequencesOf": sequencesOf,
		"countOutside": countOutside, "countMembers": countMembers, "activityOf": activityOf, "activityHeads": activityHeads,
		"activeIn": fmt.Sprintf(activeIn, "1"), "firstParticipants": firstParticipants, "deliveredTo": deliveredTo,
		"threadHeads": threadHeads, "placesIn": placesIn, "headsAt": "SELECT " + headColumns + " FROM " + headsAt, "onChannels": "SELECT c.id FROM " + onChannels, "headsByID": "SELECT " + headColumns + " FROM " + headsByID, "eraseMessages": eraseMessages, "eraseTags": eraseTags, "eraseParked": eraseParked,
		"eraseAttempts": eraseAttempts, "eraseReasons": eraseReasons,
	} {
		n := 0
		for n < 9 && strings.Contains(text, "$"+string(rune('1'+n))) {
			n++
		}
		args := make([]any, n)
		for i := range args {
			args[i] = "[]"
		}
		err := s.Read(t.Context()).c.Query("EXPLAIN QUERY PLAN "+text, args, func(r *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			if strings.HasSuffix(detail, "(organization_id=?)") || strings.HasPrefix(detail, "SCAN ") && !strings.Contains(detail, " VIRTUAL TABLE ") {
				t.Errorf("%s: %s", name, detail)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
