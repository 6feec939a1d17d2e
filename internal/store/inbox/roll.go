package inbox

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// RollOrder is a time by which conversations are listed, the earliest first.
type RollOrder string

// The orders.
const (
	ByCreation RollOrder = "created_at"
	ByActivity RollOrder = "activity_at"
)

// Roll narrows conversations to those of one visibility on some channels, of some kinds.
type Roll struct {
	Order      RollOrder
	Visibility parley.Visibility
	Channels   []parley.ID
	Kinds      []parley.ConversationKind
	Since      time.Time // at or after; zero: from the first
}

func rollFrom(by RollOrder) string {
	return ` FROM conversations AS c WHERE c.organization_id = $1 AND c.channel_id IN ` + store.IDSource + ` AND c.visibility = $3
		AND c.status IN ('open', 'snoozed', 'closed') AND c.kind IN (SELECT k.kind FROM ` + sqldb.From("$4", "kind TEXT") + ` AS k)
		AND (c.` + string(by) + `, c.id) > ($5, $6)`
}

func rollText(by RollOrder) string {
	return "SELECT c." + string(by) + ", c.id" + rollFrom(by) + " ORDER BY c." + string(by) + ", c.id LIMIT $7"
}

func countText(by RollOrder) string {
	return "SELECT count(*) FROM (SELECT 1 AS one" + rollFrom(by) + " LIMIT $7) AS found"
}

var (
	rolls      = map[RollOrder]string{ByCreation: rollText(ByCreation), ByActivity: rollText(ByActivity)}
	rollCounts = map[RollOrder]string{ByCreation: countText(ByCreation), ByActivity: countText(ByActivity)}
)

// args are the parameters of a statement. The zero place is before the first.
func (f *Roll) args(organization parley.ID, after store.Activity, limit int) []any {
	var kinds sqldb.Rows
	for _, k := range f.Kinds {
		kinds.Add(string(k))
	}
	at, id := store.Millis(after.At), string(after.ID)
	if after.ID == "" {
		at = store.Millis(f.Since)
	}
	return []any{string(organization), store.IDRows(f.Channels), string(f.Visibility), kinds.Param(), at, id, limit}
}

// List returns up to limit conversations after a place.
func (f *Roll) List(q store.Queries, organization parley.ID, after store.Activity, limit int) (list []store.Activity, err error) {
	err = q.Conn().Query(rolls[f.Order], f.args(organization, after, limit), func(r *sql.Rows) error {
		var at int64
		var a store.Activity
		err := r.Scan(&at, &a.ID)
		a.At = store.Moment(at)
		list = append(list, a)
		return err
	})
	return list, err
}

// Count returns how many there are, up to most.
func (f *Roll) Count(q store.Queries, organization parley.ID, most int) (n int, err error) {
	err = q.Conn().Row(rollCounts[f.Order], f.args(organization, store.Activity{}, most), &n)
	return n, err
}
