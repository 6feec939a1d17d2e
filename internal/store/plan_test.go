package store

import (
	"database/sql"
	"log/slog"
	"strings"
	"testing"
)

// TestPlans: a statement that looks up a list of ids, or one thing, never goes through all that the
// organization has.
func TestPlans(t *testing.T) {
	s, err := Open(t.Context(), Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var byAddress, byExternalID ContactFilter
	byAddress.Address.Kind, byAddress.Address.Value, byExternalID.ExternalID = "email", "x", "x"
	addressText, _ := byAddress.source("o", "")
	externalText, _ := byExternalID.source("o", "")
	for name, text := range map[string]string{
		"usersByID": usersByID, "contactsByID": contactsByID, "belongingsAll": belongingsAll, "mediaByID": mediaByID,
		"membersOfTeams": membersOfTeams, "channelsByID": channelsByID, "membersOfChannels": membersOfChannels,
		"takeParked": takeParked, "releaseMedia": releaseMedia, "leaveTogether": leaveTogether, "bumpDirects": bumpDirects,
		"deleteBroadcastMembers": deleteBroadcastMembers, "messagesByID": messagesByID, "countStates": countStates,
		"copiesIn": copiesIn, "conversationsByID": conversationsByID, "participantsOf": participantsOf, "inspect": inspectSQL,
		"advance": advanceConversations, "deliveriesByRef": deliveriesByRef, "updateDeliveries": updateDeliveries, "countLost": countLost,
		"claimJobs": claimJobs, "renewJobs": renewJobs, "retryJobs": retryJobs, "deleteJobs": deleteJobs, "releaseJobs": releaseJobs,
		"heldClaims": heldClaims, "contacts by address": addressText, "contacts by external id": externalText,
	} {
		n := 0
		for n < 9 && strings.Contains(text, "$"+string(rune('1'+n))) {
			n++
		}
		args := make([]any, n)
		for i := range args {
			args[i] = []byte{}
		}
		err := s.Read(t.Context()).c.Query("EXPLAIN QUERY PLAN "+text, args, func(r *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			whole := strings.HasSuffix(detail, "(organization_id=?)") && !strings.Contains(detail, "organization_log") // which has one row
			if whole || strings.HasPrefix(detail, "SCAN ") && !strings.Contains(detail, " VIRTUAL TABLE ") {
				t.Errorf("%s: %s", name, detail)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
