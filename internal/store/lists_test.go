package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
)

// TestPlansOfLists: neither do the statements under lists, states and erasure.
func TestPlansOfLists(t *testing.T) {
	last := ""
	s, err := Open(t.Context(), Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler), Fault: func(text string) error {
		last = text
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	narrowed := map[string]string{}
	for name, ask := range map[string]func(q Queries, n Narrow) ([]Candidate, error){
		"own":    func(q Queries, n Narrow) ([]Candidate, error) { return q.OwnActive("o", "u", n, Activity{}, 1) },
		"stream": func(q Queries, n Narrow) ([]Candidate, error) { return q.Active("o", Stream{}, n, Activity{}, 1) },
		"search": func(q Queries, n Narrow) ([]Candidate, error) { return q.SearchActive("o", nil, n, Activity{}, 1) },
	} {
		for _, n := range []Narrow{{}, {Tag: "t"}, {Participant: "p"}, {Tag: "t", Participant: "p"}, {Parts: ShownParts}, {Parts: EndedParts, Tag: "t"}, {Without: "u"}, {Without: "u", Tag: "t", Participant: "p"}} {
			if _, err := ask(s.Read(t.Context()), n); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			narrowed[fmt.Sprintf("%s, narrowed to %+v", name, n)] = last
		}
	}
	texts := map[string]string{
		"ownParts": ownParts, "membersOf": membersOf, "hiddenFrom": hiddenFrom, "jobsByID": jobsByID, "placesOf": placesOf,
		"countOutside": countOutside, "countMembers": countMembers, "activityOf": activityOf, "activityHeads": activityHeads,
		"activeIn": fmt.Sprintf(activeIn, "1", ""), "firstParticipants": firstParticipants, "deliveredTo": deliveredTo,
		"threadHeads": threadHeads, "placesIn": placesIn, "headsAt": "SELECT " + headColumns + " FROM " + headsAt, "onChannels": "SELECT c.id FROM " + onChannels, "headsByID": "SELECT " + headColumns + " FROM " + headsByID, "eraseMessages": eraseMessages, "eraseTags": eraseTags, "eraseParked": eraseParked,
		"eraseAttempts": eraseAttempts, "eraseReasons": eraseReasons,
	}
	maps.Copy(texts, narrowed)
	for name, text := range texts {
		n := 0
		for strings.Contains(text, fmt.Sprintf("$%d", n+1)) {
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
			if strings.HasSuffix(detail, "(organization_id=?)") || strings.HasPrefix(detail, "SCAN ") && detail != "SCAN near" && detail != "SCAN p" && !strings.Contains(detail, " VIRTUAL TABLE ") {
				t.Errorf("%s: %s", name, detail)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
